"""Level 3, texts: several steps, and cases that must not be forgotten."""


def expand_pages(pages: str) -> list[int]:
    """Return the pages that a print dialogue means: numbers and ranges, separated by commas.

    >>> expand_pages("1-3,7")
    [1, 2, 3, 7]
    >>> expand_pages("5, 2-2")
    [5, 2]
    """
    numbers = []
    for part in pages.split(","):
        if part.strip():
            first, _, last = part.partition("-")
            numbers += range(int(first), int(last or first) + 1)
    return numbers


def _hidden_expand_pages() -> None:
    assert expand_pages("") == []
    assert expand_pages("8") == [8]
    assert expand_pages("9-10, 1") == [9, 10, 1]
    assert expand_pages("98-101") == [98, 99, 100, 101]
    assert expand_pages("3-1") == []
    assert expand_pages("1,1-2,2") == [1, 1, 2, 2]


def wrap_words(text: str, width: int) -> list[str]:
    """Return a text in lines of at most `width` characters, as many words in each as fit.

    Words are joined by one space; one that is longer than a line stands alone in its own.

    >>> wrap_words("the quick brown fox", 10)
    ['the quick', 'brown fox']
    >>> wrap_words("a enormous b", 3)
    ['a', 'enormous', 'b']
    """
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return lines


def _hidden_wrap_words() -> None:
    assert wrap_words("", 5) == []
    assert wrap_words("hello", 5) == ["hello"]
    assert wrap_words("aa bb", 5) == ["aa bb"]
    assert wrap_words("aa bb", 4) == ["aa", "bb"]
    assert wrap_words("a  b   c d", 3) == ["a b", "c d"]
    assert wrap_words("one three", 100) == ["one three"]


def seconds_of(duration: str) -> int:
    """Return the seconds of a duration such as 1h30m5s; -1 if it is not of this form.

    Hours, minutes and seconds come in this order, each at most once, at least one of them.

    >>> seconds_of("1h30m5s")
    5405
    >>> seconds_of("5s1h")
    -1
    """
    import re

    found = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", duration)
    if found is None or duration == "":
        return -1
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return 3600 * hours + 60 * minutes + seconds


def _hidden_seconds_of() -> None:
    assert seconds_of("") == -1
    assert seconds_of("45s") == 45
    assert seconds_of("2h") == 7200
    assert seconds_of("90m") == 5400
    assert seconds_of("1h1s") == 3601
    assert seconds_of("10") == -1
    assert seconds_of("1m1m") == -1


def unpack(code: str) -> str:
    """Return the text of a code in which a number says how often the next character comes.

    A character without a number comes once.

    >>> unpack("3ab")
    'aaab'
    >>> unpack("12-")
    '------------'
    """
    text, count = "", ""
    for char in code:
        if char.isdigit():
            count += char
        else:
            text += char * int(count or 1)
            count = ""
    return text


def _hidden_unpack() -> None:
    assert unpack("") == ""
    assert unpack("abc") == "abc"
    assert unpack("2a2b") == "aabb"
    assert unpack("0ab") == "b"
    assert unpack("10x1y") == "xxxxxxxxxxy"
    assert unpack("a3 b") == "a   b"


def newer_version(first: str, second: str) -> int:
    """Return 1 if the first version is newer, -1 if the second is, 0 if they are the same.

    Parts are numbers separated by dots, and those that are missing count as 0.

    >>> newer_version("1.10", "1.9.5")
    1
    >>> newer_version("2", "2.0.0")
    0
    """
    one, two = ([int(part) for part in version.split(".")] for version in (first, second))
    length = max(len(one), len(two))
    one += [0] * (length - len(one))
    two += [0] * (length - len(two))
    return (one > two) - (one < two)


def _hidden_newer_version() -> None:
    assert newer_version("1.0", "1.0") == 0
    assert newer_version("1.0", "1.0.1") == -1
    assert newer_version("1.0.1", "1") == 1
    assert newer_version("0.9", "1.0") == -1
    assert newer_version("1.02", "1.2") == 0
    assert newer_version("10.0", "9.9.9") == 1
    assert newer_version("3.0.0.0", "3") == 0


def align_columns(rows: list[list[str]]) -> list[str]:
    """Return a line for each row: cells padded on the right to their column's width, then joined.

    Cells are joined by ' | ', the last one is padded too, and all rows are of equal length.

    >>> align_columns([["a", "bcd"], ["ef", "g"]])
    ['a  | bcd', 'ef | g  ']
    >>> align_columns([["x"]])
    ['x']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [" | ".join(map(str.ljust, row, widths)) for row in rows]


def _hidden_align_columns() -> None:
    assert align_columns([]) == []
    assert align_columns([["", "y"]]) == [" | y"]
    assert align_columns([["a"], ["bbb"]]) == ["a  ", "bbb"]
    assert align_columns([["a", "b", "c"]]) == ["a | b | c"]
    assert align_columns([["", ""], ["12", "3"]]) == ["   |  ", "12 | 3"]
    assert align_columns([["aa", "b"], ["a", "bb"]]) == ["aa | b ", "a  | bb"]
