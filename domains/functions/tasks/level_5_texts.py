"""Level 5, texts: dynamic programming over texts, and languages with nesting."""


def typing_errors(typed: str, meant: str) -> int:
    """Return the fewest typing errors that make one text of another.

    An error leaves out a character, adds one, takes a wrong one, or swaps two neighbours; nothing
    that was swapped is changed again.

    >>> typing_errors("teh", "the")
    1
    >>> typing_errors("kitten", "sitting")
    3
    """
    costs = [[max(i, j) for j in range(len(meant) + 1)] for i in range(len(typed) + 1)]
    for i in range(1, len(typed) + 1):
        for j in range(1, len(meant) + 1):
            wrong = typed[i - 1] != meant[j - 1]
            best = min(costs[i - 1][j] + 1, costs[i][j - 1] + 1, costs[i - 1][j - 1] + wrong)
            if i > 1 and j > 1 and typed[i - 2 : i] == meant[j - 2 : j][::-1]:
                best = min(best, costs[i - 2][j - 2] + wrong)
            costs[i][j] = best
    return costs[-1][-1]


def _hidden_typing_errors() -> None:
    assert typing_errors("", "") == 0
    assert typing_errors("axb", "ab") == 1
    assert typing_errors("", "ab") == 2
    assert typing_errors("same", "same") == 0
    assert typing_errors("ab", "ba") == 1
    assert typing_errors("abcd", "badc") == 2
    assert typing_errors("ca", "abc") == 3
    assert typing_errors("house", "mouses") == 2


def value_of(expression: str) -> int:
    """Return the value of an expression of whole numbers, + - *, parentheses and spaces.

    Multiplication binds more strongly; a minus may stand before a number or a parenthesis.

    >>> value_of("2 + 3 * 4")
    14
    >>> value_of("-(1 - 4) * 2")
    6
    """
    import re

    tokens = [*re.findall(r"\d+|[-+*()]", expression), ""]

    def factor() -> int:
        token = tokens.pop(0)
        if token == "-":
            return -factor()
        if token == "(":
            value = total()
            tokens.pop(0)
            return value
        return int(token)

    def product() -> int:
        value = factor()
        while tokens[0] == "*":
            tokens.pop(0)
            value *= factor()
        return value

    def total() -> int:
        value = product()
        while tokens[0] in ("+", "-"):
            value += product() if tokens.pop(0) == "+" else -product()
        return value

    return total()


def _hidden_value_of() -> None:
    assert value_of("7") == 7
    assert value_of("10-3-2") == 5
    assert value_of("2*3+4") == 10
    assert value_of("2*(3+4)") == 14
    assert value_of("((5))") == 5
    assert value_of("3 - -2") == 5
    assert value_of("1 - 2 * 3 - 4") == -9
    assert value_of("-2 * -(3 + 1) * 10") == 80


def palindrome_cuts(text: str) -> int:
    """Return the fewest cuts after which every part of a text reads the same in both directions.

    >>> palindrome_cuts("noonabbad")
    2
    >>> palindrome_cuts("level")
    0
    """
    cuts = [-1]
    for end in range(1, len(text) + 1):
        starts = (s for s in range(end) if text[s:end] == text[s:end][::-1])
        cuts.append(min(cuts[start] for start in starts) + 1)
    return max(cuts[-1], 0)


def _hidden_palindrome_cuts() -> None:
    assert palindrome_cuts("") == 0
    assert palindrome_cuts("a") == 0
    assert palindrome_cuts("ab") == 1
    assert palindrome_cuts("aab") == 1
    assert palindrome_cuts("abcd") == 3
    assert palindrome_cuts("abacdc") == 1
    assert palindrome_cuts("aabaaca") == 2


def ways_to_read(text: str, words: list[str]) -> int:
    """Return in how many ways a text without spaces can be read as words of a list.

    Words may come again, and are all different.

    >>> ways_to_read("nowhere", ["no", "now", "where", "here"])
    2
    >>> ways_to_read("abc", ["ab"])
    0
    """
    ways = [1]
    for end in range(1, len(text) + 1):
        fitting = (word for word in words if word and text[:end].endswith(word))
        ways.append(sum(ways[end - len(word)] for word in fitting))
    return ways[-1]


def _hidden_ways_to_read() -> None:
    assert ways_to_read("", ["a"]) == 1
    assert ways_to_read("a", []) == 0
    assert ways_to_read("aaaa", ["a", "aa"]) == 5
    assert ways_to_read("aaa", ["aa"]) == 0
    assert ways_to_read("abab", ["ab", "abab", "a", "b"]) == 5
    assert ways_to_read("catsanddog", ["cat", "cats", "and", "sand", "dog"]) == 2
    assert ways_to_read("xyz", ["x", "yz", "xy", "z", "xyz"]) == 3


def read_nested(text: str) -> list:
    """Return a text such as (add 1 (mul 2 x)) as nested lists.

    Whole numbers, perhaps with a minus, become numbers; everything else stays text.

    >>> read_nested("(add 1 (mul 2 x))")
    ['add', 1, ['mul', 2, 'x']]
    >>> read_nested("()")
    []
    """
    open_: list[list] = [[]]
    for token in text.replace("(", " ( ").replace(")", " ) ").split():
        if token == "(":
            open_.append([])
        elif token == ")":
            closed = open_.pop()
            open_[-1].append(closed)
        else:
            is_number = token.removeprefix("-").isdigit()
            open_[-1].append(int(token) if is_number else token)
    return open_[0][0]


def _hidden_read_nested() -> None:
    assert read_nested("(a)") == ["a"]
    assert read_nested("(12 -3)") == [12, -3]
    assert read_nested("(- 1)") == ["-", 1]
    assert read_nested("(()(()))") == [[], [[]]]
    assert read_nested("( a(b c)d )") == ["a", ["b", "c"], "d"]
    assert read_nested("(x1 1x)") == ["x1", "1x"]
    assert read_nested("((1)\n(2))") == [[1], [2]]


def holds(formula: str, facts: list[str]) -> bool:
    """Return whether a formula holds: names, not, and, or, parentheses, separated by white space.

    A name is true if it is among the facts; not binds most strongly, then and, then or.
    Parentheses need no white space around them.

    >>> holds("rain and not umbrella", ["rain"])
    True
    >>> holds("(a or b) and c", ["a"])
    False
    """
    tokens = [*formula.replace("(", " ( ").replace(")", " ) ").split(), ""]

    def literal() -> bool:
        token = tokens.pop(0)
        if token == "not":
            return not literal()
        if token == "(":
            value = any_of()
            tokens.pop(0)
            return value
        return token in facts

    def all_of() -> bool:
        value = literal()
        while tokens[0] == "and":
            tokens.pop(0)
            value = literal() and value
        return value

    def any_of() -> bool:
        value = all_of()
        while tokens[0] == "or":
            tokens.pop(0)
            value = all_of() or value
        return value

    return any_of()


def _hidden_holds() -> None:
    assert holds("a", ["a"]) is True
    assert holds("(a) and b", ["a"]) is False
    assert holds("not not a", ["a"]) is True
    assert holds("a or b and c", ["a"]) is True
    assert holds("(a or b) and c", ["b", "c"]) is True
    assert holds("not (a or b)", ["b"]) is False
    assert holds("not a or b", ["a", "b"]) is True
    assert holds("a and b or c and d", ["c", "d"]) is True
