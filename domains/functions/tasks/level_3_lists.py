"""Level 3, lists and grids: several steps, and cases that must not be forgotten."""


def spiral(grid: list[list[int]]) -> list[int]:
    """Return the numbers of a rectangular grid in a spiral: right, down, left, up and inwards.

    >>> spiral([[1, 2, 3], [4, 5, 6]])
    [1, 2, 3, 6, 5, 4]
    >>> spiral([[1], [2]])
    [1, 2]
    """
    rows = [list(row) for row in grid]
    found = []
    while rows and rows[0]:
        found += rows.pop(0)
        rows = [list(column) for column in zip(*rows, strict=True)][::-1]
    return found


def _hidden_spiral() -> None:
    assert spiral([]) == []
    assert spiral([[7]]) == [7]
    assert spiral([[1, 2], [3, 4]]) == [1, 2, 4, 3]
    assert spiral([[1, 2, 3], [4, 5, 6], [7, 8, 9]]) == [1, 2, 3, 6, 9, 8, 7, 4, 5]
    assert spiral([[1, 2, 3, 4]]) == [1, 2, 3, 4]
    assert spiral([[1, 2], [3, 4], [5, 6], [7, 8]]) == [1, 2, 4, 6, 8, 7, 5, 3]


def merge_bookings(bookings: list[list[int]]) -> list[list[int]]:
    """Return bookings [start, end] in order, those that overlap or touch made one.

    >>> merge_bookings([[5, 8], [1, 3], [2, 4]])
    [[1, 4], [5, 8]]
    >>> merge_bookings([[1, 2], [2, 3]])
    [[1, 3]]
    """
    merged: list[list[int]] = []
    for start, end in sorted(bookings):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    return merged


def _hidden_merge_bookings() -> None:
    assert merge_bookings([]) == []
    assert merge_bookings([[4, 6]]) == [[4, 6]]
    assert merge_bookings([[1, 9], [2, 3]]) == [[1, 9]]
    assert merge_bookings([[3, 4], [1, 2]]) == [[1, 2], [3, 4]]
    assert merge_bookings([[1, 5], [1, 2], [5, 7], [8, 9]]) == [[1, 7], [8, 9]]
    assert merge_bookings([[1, 1], [1, 1]]) == [[1, 1]]


def days_until_warmer(temperatures: list[int]) -> list[int]:
    """Return for each day how many days later it is warmer for the first time; 0 if it never is.

    >>> days_until_warmer([20, 18, 19, 23])
    [3, 1, 1, 0]
    >>> days_until_warmer([5, 5])
    [0, 0]
    """
    waits = [0] * len(temperatures)
    colder: list[int] = []
    for day, temperature in enumerate(temperatures):
        while colder and temperatures[colder[-1]] < temperature:
            before = colder.pop()
            waits[before] = day - before
        colder.append(day)
    return waits


def _hidden_days_until_warmer() -> None:
    assert days_until_warmer([]) == []
    assert days_until_warmer([9]) == [0]
    assert days_until_warmer([1, 2, 3]) == [1, 1, 0]
    assert days_until_warmer([3, 2, 1]) == [0, 0, 0]
    assert days_until_warmer([5, 1, 1, 6]) == [3, 2, 1, 0]
    assert days_until_warmer([2, 1, 2, 3]) == [3, 1, 1, 0]


def columns_of(rows: list[list[int]], empty: int) -> list[list[int]]:
    """Return the columns of rows of unequal length, with `empty` where a row is too short.

    >>> columns_of([[1, 2], [3]], 0)
    [[1, 3], [2, 0]]
    >>> columns_of([[], [5]], 9)
    [[9, 5]]
    """
    width = max((len(row) for row in rows), default=0)
    return [[row[i] if i < len(row) else empty for row in rows] for i in range(width)]


def _hidden_columns_of() -> None:
    assert columns_of([], 0) == []
    assert columns_of([[], []], 0) == []
    assert columns_of([[1, 2, 3]], 0) == [[1], [2], [3]]
    assert columns_of([[1], [2], [3]], 0) == [[1, 2, 3]]
    assert columns_of([[1], [2, 3], []], -1) == [[1, 2, -1], [-1, 3, -1]]
    assert columns_of([[1, 2], [3, 4]], 0) == [[1, 3], [2, 4]]


def same_letters(words: list[str]) -> list[list[str]]:
    """Return the words in groups that are made of the same letters.

    Groups stand in the order of their first words, and words in that of the list.

    >>> same_letters(["tea", "dog", "eat"])
    [['tea', 'eat'], ['dog']]
    >>> same_letters(["aab", "abb"])
    [['aab'], ['abb']]
    """
    groups: dict[str, list[str]] = {}
    for word in words:
        groups.setdefault("".join(sorted(word)), []).append(word)
    return list(groups.values())


def _hidden_same_letters() -> None:
    assert same_letters([]) == []
    assert same_letters([""]) == [[""]]
    assert same_letters(["a", "a"]) == [["a", "a"]]
    assert same_letters(["no", "one", "on", "eon"]) == [["no", "on"], ["one", "eon"]]
    assert same_letters(["abc", "ab", "cab"]) == [["abc", "cab"], ["ab"]]
    assert same_letters(["x", "y", "z"]) == [["x"], ["y"], ["z"]]


def pairs_with_sum(numbers: list[int], total: int) -> int:
    """Return how many pairs of places in a list hold numbers with a given sum.

    >>> pairs_with_sum([1, 3, 2, 2], 4)
    2
    >>> pairs_with_sum([2], 4)
    0
    """
    seen: dict[int, int] = {}
    pairs = 0
    for number in numbers:
        pairs += seen.get(total - number, 0)
        seen[number] = seen.get(number, 0) + 1
    return pairs


def _hidden_pairs_with_sum() -> None:
    assert pairs_with_sum([], 0) == 0
    assert pairs_with_sum([0, 0, 0], 0) == 3
    assert pairs_with_sum([5, -5, 5], 0) == 2
    assert pairs_with_sum([1, 2, 3, 4], 5) == 2
    assert pairs_with_sum([1, 1, 1, 1], 2) == 6
    assert pairs_with_sum([1, 2, 3], 100) == 0
