"""Level 4, lists and grids: searches, orders and one-dimensional dynamic programming."""


def steps_out(maze: list[str]) -> int:
    """Return the fewest steps from the top left of a maze to its bottom right; -1 if it is closed.

    Steps go to the four neighbours; '#' is a wall, '.' is free, and both corners may be walls.

    >>> steps_out(["..", "#."])
    2
    >>> steps_out([".#", "#."])
    -1
    """
    if not maze or maze[0][0] == "#":
        return -1
    height, width = len(maze), len(maze[0])
    steps = {(0, 0): 0}
    queue = [(0, 0)]
    for row, column in queue:
        if (row, column) == (height - 1, width - 1):
            return steps[row, column]
        for down, right in ((0, 1), (1, 0), (0, -1), (-1, 0)):
            there = row + down, column + right
            inside = 0 <= there[0] < height and 0 <= there[1] < width
            if inside and there not in steps and maze[there[0]][there[1]] == ".":
                steps[there] = steps[row, column] + 1
                queue.append(there)
    return -1


def _hidden_steps_out() -> None:
    assert steps_out(["."]) == 0
    assert steps_out(["#"]) == -1
    assert steps_out(["...", ".#.", "..."]) == 4
    assert steps_out([".#.", ".#.", "..#"]) == -1
    assert steps_out([".#...", ".#.#.", "...#."]) == 10
    assert steps_out(["...."]) == 3
    assert steps_out(["...", "##.", "...", ".##", "..."]) == 10
    assert steps_out(["#.", ".."]) == -1


def work_order(count: int, needs: list[list[int]]) -> list[int]:
    """Return the order of tasks 0 to count - 1; [a, b] in `needs` says that a comes before b.

    Of several tasks that may come next the smallest does; [] if there is no order.

    >>> work_order(3, [[2, 0]])
    [1, 2, 0]
    >>> work_order(2, [[0, 1], [1, 0]])
    []
    """
    order: list[int] = []
    while len(order) < count:
        free = [
            task
            for task in range(count)
            if task not in order and all(a in order for a, b in needs if b == task)
        ]
        if not free:
            return []
        order.append(free[0])
    return order


def _hidden_work_order() -> None:
    assert work_order(0, []) == []
    assert work_order(1, []) == [0]
    assert work_order(3, []) == [0, 1, 2]
    assert work_order(1, [[0, 0]]) == []
    assert work_order(4, [[3, 1], [1, 0], [3, 2]]) == [3, 1, 0, 2]
    assert work_order(4, [[0, 1], [1, 2], [2, 1]]) == []
    assert work_order(3, [[2, 1], [2, 1], [1, 0]]) == [2, 1, 0]


def lake_sizes(land: list[str]) -> list[int]:
    """Return the sizes of all lakes, the smallest first.

    A lake is water, '~', connected over its four neighbours; other characters are land.

    >>> lake_sizes(["~.~", "~..", ".~~"])
    [1, 2, 2]
    >>> lake_sizes(["..."])
    []
    """
    water = {(r, c) for r, row in enumerate(land) for c, char in enumerate(row) if char == "~"}
    sizes = []
    while water:
        open_ = [water.pop()]
        size = 0
        while open_:
            row, column = open_.pop()
            size += 1
            for near in (
                (row, column + 1),
                (row, column - 1),
                (row + 1, column),
                (row - 1, column),
            ):
                if near in water:
                    water.remove(near)
                    open_.append(near)
        sizes.append(size)
    return sorted(sizes)


def _hidden_lake_sizes() -> None:
    assert lake_sizes([]) == []
    assert lake_sizes(["~"]) == [1]
    assert lake_sizes(["~.~~~"]) == [1, 3]
    assert lake_sizes(["~~", "..", "~~", "..", "~~"]) == [2, 2, 2]
    assert lake_sizes(["~~", "~~"]) == [4]
    assert lake_sizes(["~.", ".~"]) == [1, 1]
    assert lake_sizes(["~~~", "~.~", "~~~"]) == [8]
    assert lake_sizes(["~.~.~", "~~~.~", "....~"]) == [3, 5]


def fewest_stamps(stamps: list[int], postage: int) -> int:
    """Return the fewest stamps that make up a postage exactly; -1 if none do.

    There are as many stamps of each value, 1 or more, as are wanted.

    >>> fewest_stamps([1, 4, 5], 8)
    2
    >>> fewest_stamps([3], 4)
    -1
    """
    fewest = [0] + [postage + 1] * postage
    for amount in range(1, postage + 1):
        for stamp in stamps:
            if stamp <= amount:
                fewest[amount] = min(fewest[amount], fewest[amount - stamp] + 1)
    return fewest[postage] if fewest[postage] <= postage else -1


def _hidden_fewest_stamps() -> None:
    assert fewest_stamps([5], 0) == 0
    assert fewest_stamps([], 3) == -1
    assert fewest_stamps([1], 7) == 7
    assert fewest_stamps([7], 7) == 1
    assert fewest_stamps([2, 6, 9], 12) == 2
    assert fewest_stamps([4, 6], 9) == -1
    assert fewest_stamps([1, 15, 25], 30) == 2


def longest_doubling(numbers: list[int]) -> int:
    """Return how many numbers can be kept so that each is at least twice the one kept before.

    The numbers are positive, and stay in their order.

    >>> longest_doubling([1, 3, 2, 4])
    3
    >>> longest_doubling([5, 9])
    1
    """
    longest: list[int] = []
    for index, number in enumerate(numbers):
        before = [longest[i] for i in range(index) if numbers[i] * 2 <= number]
        longest.append(max(before, default=0) + 1)
    return max(longest, default=0)


def _hidden_longest_doubling() -> None:
    assert longest_doubling([]) == 0
    assert longest_doubling([7]) == 1
    assert longest_doubling([4, 2, 1]) == 1
    assert longest_doubling([1, 2, 4, 8]) == 4
    assert longest_doubling([5, 10, 1, 2, 4, 7]) == 3
    assert longest_doubling([3, 1, 6, 2, 5, 12]) == 4
    assert longest_doubling([2, 2, 2]) == 1


def best_picking(fruit: list[int]) -> int:
    """Return the most fruit that can be picked from a row of trees, never from two neighbours.

    >>> best_picking([2, 7, 9, 3])
    11
    >>> best_picking([5])
    5
    """
    with_last = without_last = 0
    for count in fruit:
        with_last, without_last = without_last + count, max(with_last, without_last)
    return max(with_last, without_last)


def _hidden_best_picking() -> None:
    assert best_picking([]) == 0
    assert best_picking([1, 2]) == 2
    assert best_picking([2, 1]) == 2
    assert best_picking([5, 1, 1, 5]) == 10
    assert best_picking([3, 4, 3]) == 6
    assert best_picking([1, 20, 3, 4, 30]) == 50
    assert best_picking([0, 0, 0]) == 0
