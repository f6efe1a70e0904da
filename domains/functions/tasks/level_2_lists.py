"""Level 2, lists: a loop that remembers something."""


def longest_run(items: list[int]) -> int:
    """Return the length of the longest stretch of equal neighbours.

    >>> longest_run([1, 1, 2, 2, 2, 1])
    3
    >>> longest_run([4, 5])
    1
    """
    best = current = 0
    for index, item in enumerate(items):
        current = current + 1 if index > 0 and items[index - 1] == item else 1
        best = max(best, current)
    return best


def _hidden_longest_run() -> None:
    assert longest_run([]) == 0
    assert longest_run([3]) == 1
    assert longest_run([3, 3, 3, 3]) == 4
    assert longest_run([1, 2, 1, 2]) == 1
    assert longest_run([0, 0, 1, 1, 1, 1]) == 4
    assert longest_run([5, 5, 1, 5, 5]) == 2


def first_repeated(items: list[int]) -> int | None:
    """Return the first item that has been there before, reading from the left; None if none has.

    >>> first_repeated([3, 1, 4, 1, 3])
    1
    >>> first_repeated([1, 2]) is None
    True
    """
    seen = set()
    for item in items:
        if item in seen:
            return item
        seen.add(item)
    return None


def _hidden_first_repeated() -> None:
    assert first_repeated([]) is None
    assert first_repeated([1]) is None
    assert first_repeated([2, 2]) == 2
    assert first_repeated([1, 2, 2, 1]) == 2
    assert first_repeated([0, 5, 0]) == 0
    assert first_repeated([1, 2, 3, 4, 5, 1]) == 1


def merge_sorted(first: list[int], second: list[int]) -> list[int]:
    """Return the numbers of two sorted lists as one sorted list, duplicates kept.

    >>> merge_sorted([1, 4], [2, 4, 9])
    [1, 2, 4, 4, 9]
    >>> merge_sorted([], [3])
    [3]
    """
    merged, i, j = [], 0, 0
    while i < len(first) and j < len(second):
        if first[i] <= second[j]:
            merged.append(first[i])
            i += 1
        else:
            merged.append(second[j])
            j += 1
    return merged + first[i:] + second[j:]


def _hidden_merge_sorted() -> None:
    assert merge_sorted([], []) == []
    assert merge_sorted([1], []) == [1]
    assert merge_sorted([5, 6], [1, 2]) == [1, 2, 5, 6]
    assert merge_sorted([1, 2], [5, 6]) == [1, 2, 5, 6]
    assert merge_sorted([1, 1], [1]) == [1, 1, 1]
    assert merge_sorted([-3, 0, 8], [-4, 7]) == [-4, -3, 0, 7, 8]


def records(numbers: list[int]) -> list[int]:
    """Return the numbers that are larger than all before them; the first always is one.

    >>> records([3, 1, 5, 4, 9])
    [3, 5, 9]
    >>> records([2, 2])
    [2]
    """
    found: list[int] = []
    for number in numbers:
        if not found or number > found[-1]:
            found.append(number)
    return found


def _hidden_records() -> None:
    assert records([]) == []
    assert records([7]) == [7]
    assert records([-5, -7, -5, -4]) == [-5, -4]
    assert records([1, 2, 3]) == [1, 2, 3]
    assert records([3, 2, 1]) == [3]
    assert records([0, 0, 1, 1]) == [0, 1]


def split_at(items: list[int], mark: int) -> list[list[int]]:
    """Return the parts of a list between the marks, which belong to none; parts may be empty.

    >>> split_at([1, 0, 2, 3], 0)
    [[1], [2, 3]]
    >>> split_at([0], 0)
    [[], []]
    """
    parts: list[list[int]] = [[]]
    for item in items:
        if item == mark:
            parts.append([])
        else:
            parts[-1].append(item)
    return parts


def _hidden_split_at() -> None:
    assert split_at([], 0) == [[]]
    assert split_at([1, 2], 0) == [[1, 2]]
    assert split_at([0, 1], 0) == [[], [1]]
    assert split_at([1, 0], 0) == [[1], []]
    assert split_at([1, 7, 7, 2], 7) == [[1], [], [2]]
    assert split_at([5, 6, 5, 6], 6) == [[5], [5], []]


def second_largest(numbers: list[int]) -> int | None:
    """Return the second largest of the different numbers in a list; None if there is none.

    >>> second_largest([4, 9, 9, 2])
    4
    >>> second_largest([3, 3]) is None
    True
    """
    distinct = sorted(set(numbers))
    return distinct[-2] if len(distinct) >= 2 else None


def _hidden_second_largest() -> None:
    assert second_largest([]) is None
    assert second_largest([1]) is None
    assert second_largest([1, 2]) == 1
    assert second_largest([2, 1]) == 1
    assert second_largest([-1, -2, -3]) == -2
    assert second_largest([10, 8, 10, 9]) == 9
