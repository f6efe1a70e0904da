"""Level 1, lists: one loop, one condition."""


def sum_of_evens(numbers: list[int]) -> int:
    """Return the sum of the even numbers in a list.

    >>> sum_of_evens([1, 2, 3, 4])
    6
    >>> sum_of_evens([7, 9])
    0
    """
    return sum(n for n in numbers if n % 2 == 0)


def _hidden_sum_of_evens() -> None:
    assert sum_of_evens([]) == 0
    assert sum_of_evens([-2, -3, 5]) == -2
    assert sum_of_evens([0, 0]) == 0
    assert sum_of_evens([10, 10, 1]) == 20
    assert sum_of_evens(list(range(101))) == 2550


def last_index_of(items: list[int], wanted: int) -> int:
    """Return where an item stands for the last time, counted from 0; -1 if nowhere.

    >>> last_index_of([4, 5, 4, 6], 4)
    2
    >>> last_index_of([4, 5], 9)
    -1
    """
    for index in range(len(items) - 1, -1, -1):
        if items[index] == wanted:
            return index
    return -1


def _hidden_last_index_of() -> None:
    assert last_index_of([], 1) == -1
    assert last_index_of([1], 1) == 0
    assert last_index_of([1, 2, 3], 1) == 0
    assert last_index_of([1, 2, 3], 3) == 2
    assert last_index_of([7, 7, 7], 7) == 2
    assert last_index_of([2, 1, 1, 0], 1) == 2


def clamp_all(numbers: list[int], low: int, high: int) -> list[int]:
    """Return the numbers with those under `low` raised to it, those over `high` lowered to it.

    >>> clamp_all([1, 5, 12], 3, 10)
    [3, 5, 10]
    >>> clamp_all([4], 4, 4)
    [4]
    """
    return [min(max(n, low), high) for n in numbers]


def _hidden_clamp_all() -> None:
    assert clamp_all([], 0, 1) == []
    assert clamp_all([-5, 0, 5], -1, 1) == [-1, 0, 1]
    assert clamp_all([3, 10], 3, 10) == [3, 10]
    assert clamp_all([2, 11], 3, 10) == [3, 10]
    assert clamp_all([9, 8, 7], 0, 0) == [0, 0, 0]


def gaps(numbers: list[int]) -> list[int]:
    """Return by how much each number exceeds the one before it.

    >>> gaps([1, 4, 2])
    [3, -2]
    >>> gaps([5])
    []
    """
    return [numbers[i + 1] - numbers[i] for i in range(len(numbers) - 1)]


def _hidden_gaps() -> None:
    assert gaps([]) == []
    assert gaps([3, 3]) == [0]
    assert gaps([0, 10, 0]) == [10, -10]
    assert gaps([-1, -4]) == [-3]
    assert gaps([1, 2, 4, 8, 16]) == [1, 2, 4, 8]


def rotate_right(items: list[int], steps: int) -> list[int]:
    """Return the list with its last `steps` items moved to its front; `steps` may exceed it.

    >>> rotate_right([1, 2, 3, 4], 1)
    [4, 1, 2, 3]
    >>> rotate_right([1, 2, 3], 5)
    [2, 3, 1]
    """
    if not items:
        return []
    cut = len(items) - steps % len(items)
    return items[cut:] + items[:cut]


def _hidden_rotate_right() -> None:
    assert rotate_right([], 3) == []
    assert rotate_right([1, 2, 3], 0) == [1, 2, 3]
    assert rotate_right([1, 2, 3], 3) == [1, 2, 3]
    assert rotate_right([9], 100) == [9]
    assert rotate_right([1, 2, 3, 4, 5], 2) == [4, 5, 1, 2, 3]
    assert rotate_right([1, 2], 7) == [2, 1]


def count_rises(numbers: list[int]) -> int:
    """Return how many numbers are larger than the one right before them.

    >>> count_rises([1, 3, 2, 4])
    2
    >>> count_rises([5, 5, 5])
    0
    """
    return sum(numbers[i] > numbers[i - 1] for i in range(1, len(numbers)))


def _hidden_count_rises() -> None:
    assert count_rises([]) == 0
    assert count_rises([1]) == 0
    assert count_rises([1, 2]) == 1
    assert count_rises([2, 1]) == 0
    assert count_rises([1, 2, 3, 3, 4]) == 3
    assert count_rises([9, 1, 9]) == 1
