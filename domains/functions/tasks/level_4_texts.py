"""Level 4, texts: stacks, windows, and small formats that must be read exactly."""


def postfix_value(tokens: list[str]) -> int:
    """Return the value of an expression in postfix order: numbers, and the operators + - *.

    >>> postfix_value(["2", "3", "+", "4", "*"])
    20
    >>> postfix_value(["5", "8", "-"])
    -3
    """
    values: list[int] = []
    for token in tokens:
        if token not in ("+", "-", "*"):
            values.append(int(token))
            continue
        second, first = values.pop(), values.pop()
        if token == "+":
            values.append(first + second)
        elif token == "-":
            values.append(first - second)
        else:
            values.append(first * second)
    return values[0]


def _hidden_postfix_value() -> None:
    assert postfix_value(["7"]) == 7
    assert postfix_value(["-7"]) == -7
    assert postfix_value(["1", "2", "3", "*", "+"]) == 7
    assert postfix_value(["1", "2", "+", "3", "*"]) == 9
    assert postfix_value(["9", "3", "-", "2", "-"]) == 4
    assert postfix_value(["9", "3", "2", "-", "-"]) == 8
    assert postfix_value(["-2", "-3", "*"]) == 6


def longest_without_repeat(text: str) -> str:
    """Return the longest part of a text in which no character comes twice; the first of equals.

    >>> longest_without_repeat("abcabb")
    'abc'
    >>> longest_without_repeat("pwwkew")
    'wke'
    """
    best, start = "", 0
    for end in range(1, len(text) + 1):
        while text[end - 1] in text[start : end - 1]:
            start += 1
        if end - start > len(best):
            best = text[start:end]
    return best


def _hidden_longest_without_repeat() -> None:
    assert longest_without_repeat("") == ""
    assert longest_without_repeat("a") == "a"
    assert longest_without_repeat("aaaa") == "a"
    assert longest_without_repeat("abba") == "ab"
    assert longest_without_repeat("dvdf") == "vdf"
    assert longest_without_repeat("abcdef") == "abcdef"
    assert longest_without_repeat("tmmzuxt") == "mzuxt"


def simple_path(path: str) -> str:
    """Return the shortest form of an absolute path.

    '.' is the folder itself, '..' the one above (at the root, the root), slashes may repeat, and
    only the root ends with one.

    >>> simple_path("/home//ann/../bob/./")
    '/home/bob'
    >>> simple_path("/..")
    '/'
    """
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if parts:
                parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


def _hidden_simple_path() -> None:
    assert simple_path("/") == "/"
    assert simple_path("/a") == "/a"
    assert simple_path("/a/") == "/a"
    assert simple_path("//a//b") == "/a/b"
    assert simple_path("/a/b/../../c") == "/c"
    assert simple_path("/../../x") == "/x"
    assert simple_path("/.../.a") == "/.../.a"


def query_values(query: str) -> list[tuple[str, list[str]]]:
    """Return the names of a query such as a=1&b=2&a=3, in the order they come, with their values.

    A part without '=' has the value ''; parts that are empty are left out.

    >>> query_values("a=1&b=2&a=3")
    [('a', ['1', '3']), ('b', ['2'])]
    >>> query_values("flag&x=y=z")
    [('flag', ['']), ('x', ['y=z'])]
    """
    values: dict[str, list[str]] = {}
    for part in query.split("&"):
        if part:
            name, _, value = part.partition("=")
            values.setdefault(name, []).append(value)
    return list(values.items())


def _hidden_query_values() -> None:
    assert query_values("") == []
    assert query_values("&&") == []
    assert query_values("a=") == [("a", [""])]
    assert query_values("=v") == [("", ["v"])]
    assert query_values("b=1&a=1&b=1") == [("b", ["1", "1"]), ("a", ["1"])]
    assert query_values("k&k=2&") == [("k", ["", "2"])]


def fits_pattern(pattern: str, name: str) -> bool:
    """Return whether a pattern stands for the whole name.

    '?' stands for any one character, '*' for any number of them, none included.

    >>> fits_pattern("*.t?t", "notes.txt")
    True
    >>> fits_pattern("a*b", "abc")
    False
    """
    ends = {0}
    for char in pattern:
        if char == "*":
            ends = set(range(min(ends, default=len(name) + 1), len(name) + 1))
        else:
            ends = {end + 1 for end in ends if end < len(name) and char in ("?", name[end])}
    return len(name) in ends


def _hidden_fits_pattern() -> None:
    assert fits_pattern("", "") is True
    assert fits_pattern("", "a") is False
    assert fits_pattern("*", "") is True
    assert fits_pattern("?", "") is False
    assert fits_pattern("a*a", "a") is False
    assert fits_pattern("*ab*", "xxabab") is True
    assert fits_pattern("a*c?e*", "abccde") is True
    assert fits_pattern("a.c", "abc") is False


def csv_cells(line: str) -> list[str]:
    """Return the cells of a line of comma-separated values.

    A cell in double quotes may hold commas, and two double quotes in it stand for one.

    >>> csv_cells('a,"b,c",d')
    ['a', 'b,c', 'd']
    >>> csv_cells('"a ""b"" c",')
    ['a "b" c', '']
    """
    cells, cell, quoted, index = [], "", False, 0
    while index < len(line):
        char = line[index]
        if char == '"' and quoted and line[index + 1 : index + 2] == '"':
            cell += '"'
            index += 1
        elif char == '"':
            quoted = not quoted
        elif char == "," and not quoted:
            cells.append(cell)
            cell = ""
        else:
            cell += char
        index += 1
    return [*cells, cell]


def _hidden_csv_cells() -> None:
    assert csv_cells("") == [""]
    assert csv_cells(",") == ["", ""]
    assert csv_cells("a,b,c") == ["a", "b", "c"]
    assert csv_cells('""') == [""]
    assert csv_cells('"a"",""b"') == ['a","b']
    assert csv_cells(' x ,"y"') == [" x ", "y"]
    assert csv_cells('1,"",3') == ["1", "", "3"]
