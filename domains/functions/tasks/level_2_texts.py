"""Level 2, texts and notations: a loop that remembers something."""


def compress(text: str) -> str:
    """Return a text with each stretch of a repeated character as the character and its count.

    >>> compress("aaab")
    'a3b1'
    >>> compress("xyx")
    'x1y1x1'
    """
    parts: list[str] = []
    start = 0
    for index in range(1, len(text) + 1):
        if index == len(text) or text[index] != text[start]:
            parts.append(f"{text[start]}{index - start}")
            start = index
    return "".join(parts)


def _hidden_compress() -> None:
    assert compress("") == ""
    assert compress("q") == "q1"
    assert compress("zzzzzzzzzzzz") == "z12"
    assert compress("aabbaa") == "a2b2a2"
    assert compress("  a") == " 2a1"
    assert compress("Aa") == "A1a1"


def is_balanced(text: str) -> bool:
    """Return whether all brackets of a text, (), [] and {}, are closed in the right order.

    Other characters do not matter.

    >>> is_balanced("f(a[0], {})")
    True
    >>> is_balanced("(]")
    False
    """
    opening = {")": "(", "]": "[", "}": "{"}
    open_: list[str] = []
    for char in text:
        if char in "([{":
            open_.append(char)
        elif char in opening and (not open_ or open_.pop() != opening[char]):
            return False
    return not open_


def _hidden_is_balanced() -> None:
    assert is_balanced("") is True
    assert is_balanced("abc") is True
    assert is_balanced("(") is False
    assert is_balanced(")") is False
    assert is_balanced("([)]") is False
    assert is_balanced("{[()]}()") is True
    assert is_balanced("())(") is False


def shift_letters(text: str, shift: int) -> str:
    """Return a text with each letter a to z and A to Z moved on in the alphabet, round its end.

    Other characters stay; `shift` may be negative.

    >>> shift_letters("xyz!", 2)
    'zab!'
    >>> shift_letters("Bad", -1)
    'Azc'
    """
    moved = []
    for char in text:
        if "a" <= char <= "z":
            moved.append(chr((ord(char) - 97 + shift) % 26 + 97))
        elif "A" <= char <= "Z":
            moved.append(chr((ord(char) - 65 + shift) % 26 + 65))
        else:
            moved.append(char)
    return "".join(moved)


def _hidden_shift_letters() -> None:
    assert shift_letters("", 5) == ""
    assert shift_letters("abc", 0) == "abc"
    assert shift_letters("abc", 26) == "abc"
    assert shift_letters("Zz", 1) == "Aa"
    assert shift_letters("1 2 3", 9) == "1 2 3"
    assert shift_letters("a", -27) == "z"
    assert shift_letters("Hello, World", 13) == "Uryyb, Jbeyq"


def favourite_word(text: str) -> str:
    """Return the most frequent word of a text in small letters; '' if it has none.

    Words are separated by white space; of equally frequent ones it is the first in the alphabet.

    >>> favourite_word("the cat The hat")
    'the'
    >>> favourite_word("b a")
    'a'
    """
    words = text.lower().split()
    if not words:
        return ""
    return min(set(words), key=lambda word: (-words.count(word), word))


def _hidden_favourite_word() -> None:
    assert favourite_word("") == ""
    assert favourite_word(" \n ") == ""
    assert favourite_word("Solo") == "solo"
    assert favourite_word("c b a c b") == "b"
    assert favourite_word("x\ny\ny") == "y"
    assert favourite_word("to be or not to Be be") == "be"


def column_name(number: int) -> str:
    """Return the name of a column in a spreadsheet: A is 1, Z is 26, AA is 27.

    >>> column_name(3)
    'C'
    >>> column_name(28)
    'AB'
    """
    name = ""
    while number > 0:
        number, digit = divmod(number - 1, 26)
        name = chr(ord("A") + digit) + name
    return name


def _hidden_column_name() -> None:
    assert column_name(1) == "A"
    assert column_name(26) == "Z"
    assert column_name(27) == "AA"
    assert column_name(52) == "AZ"
    assert column_name(53) == "BA"
    assert column_name(702) == "ZZ"
    assert column_name(703) == "AAA"


def digits_in_base(number: int, base: int) -> list[int]:
    """Return the digits of a number, 0 or more, in a base, 2 or more, the first one first.

    >>> digits_in_base(6, 2)
    [1, 1, 0]
    >>> digits_in_base(0, 10)
    [0]
    """
    digits = []
    while number >= base:
        digits.append(number % base)
        number //= base
    digits.append(number)
    return digits[::-1]


def _hidden_digits_in_base() -> None:
    assert digits_in_base(1, 2) == [1]
    assert digits_in_base(255, 16) == [15, 15]
    assert digits_in_base(10, 10) == [1, 0]
    assert digits_in_base(9, 10) == [9]
    assert digits_in_base(8, 2) == [1, 0, 0, 0]
    assert digits_in_base(1000, 60) == [16, 40]
