"""Level 1, texts and single numbers: one loop, one condition."""


def shout_long_words(text: str, length: int) -> str:
    """Return the text with its words of at least `length` characters in capitals.

    Words are separated by single spaces.

    >>> shout_long_words("we like apples", 4)
    'we LIKE APPLES'
    >>> shout_long_words("a bc", 3)
    'a bc'
    """
    return " ".join(w.upper() if len(w) >= length else w for w in text.split(" "))


def _hidden_shout_long_words() -> None:
    assert shout_long_words("", 1) == ""
    assert shout_long_words("abc", 3) == "ABC"
    assert shout_long_words("abc", 4) == "abc"
    assert shout_long_words("one two three", 5) == "one two THREE"
    assert shout_long_words("Hi You", 1) == "HI YOU"


def initials(name: str) -> str:
    """Return the first letter of each word of a name, in capitals, each followed by a dot.

    >>> initials("ada lovelace")
    'A.L.'
    >>> initials("Plato")
    'P.'
    """
    return "".join(word[0].upper() + "." for word in name.split())


def _hidden_initials() -> None:
    assert initials("") == ""
    assert initials("  ") == ""
    assert initials("x y z") == "X.Y.Z."
    assert initials("  Emmy   noether ") == "E.N."
    assert initials("van der Berg") == "V.D.B."


def without_digits(text: str) -> str:
    """Return the text without the digits 0 to 9.

    >>> without_digits("room 101b")
    'room b'
    >>> without_digits("2024")
    ''
    """
    return "".join(c for c in text if c not in "0123456789")


def _hidden_without_digits() -> None:
    assert without_digits("") == ""
    assert without_digits("abc") == "abc"
    assert without_digits("0a9") == "a"
    assert without_digits("-1.5") == "-."
    assert without_digits("a1b2c3 4") == "abc "


def ends_alike(text: str) -> bool:
    """Return whether a text begins and ends with the same letter, small or capital.

    An empty text does not.

    >>> ends_alike("Anna")
    True
    >>> ends_alike("Otter")
    False
    """
    return text != "" and text[0].lower() == text[-1].lower()


def _hidden_ends_alike() -> None:
    assert ends_alike("") is False
    assert ends_alike("x") is True
    assert ends_alike("xX") is True
    assert ends_alike("xy") is False
    assert ends_alike("banana") is False
    assert ends_alike("Area") is True


def digit_total(number: int) -> int:
    """Return the sum of the decimal digits of a number, whatever its sign.

    >>> digit_total(1234)
    10
    >>> digit_total(-50)
    5
    """
    return sum(int(digit) for digit in str(abs(number)))


def _hidden_digit_total() -> None:
    assert digit_total(0) == 0
    assert digit_total(9) == 9
    assert digit_total(-9) == 9
    assert digit_total(1000000) == 1
    assert digit_total(999) == 27
    assert digit_total(-102) == 3


def clock_time(minutes: int) -> str:
    """Return the time of day so many minutes after midnight as HH:MM; days start over.

    >>> clock_time(75)
    '01:15'
    >>> clock_time(1440)
    '00:00'
    """
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def _hidden_clock_time() -> None:
    assert clock_time(0) == "00:00"
    assert clock_time(59) == "00:59"
    assert clock_time(60) == "01:00"
    assert clock_time(1439) == "23:59"
    assert clock_time(1501) == "01:01"
    assert clock_time(720) == "12:00"
