"""Level 5, numbers and grids: dynamic programming over two things at once."""


def best_load(weights: list[int], values: list[int], capacity: int) -> int:
    """Return the highest total value of parcels that together weigh no more than the capacity.

    Each parcel is taken once or not at all.

    >>> best_load([3, 4, 5], [30, 50, 60], 8)
    90
    >>> best_load([9], [10], 8)
    0
    """
    best = [0] * (capacity + 1)
    for weight, value in zip(weights, values, strict=True):
        for room in range(capacity, weight - 1, -1):
            best[room] = max(best[room], best[room - weight] + value)
    return best[capacity]


def _hidden_best_load() -> None:
    assert best_load([], [], 10) == 0
    assert best_load([5], [7], 5) == 7
    assert best_load([2], [3], 4) == 3
    assert best_load([1, 2, 3], [6, 10, 12], 5) == 22
    assert best_load([4, 4, 5], [5, 5, 8], 8) == 10
    assert best_load([1, 1], [1, 1], 0) == 0
    assert best_load([0, 3], [4, 9], 2) == 4


def ways_to_climb(stairs: int, broken: list[int]) -> int:
    """Return in how many ways one gets up to the last stair by steps of one, two or three.

    Stairs are numbered from 1; broken ones cannot be stepped on.

    >>> ways_to_climb(4, [])
    7
    >>> ways_to_climb(3, [2])
    2
    """
    ways = [1]
    for stair in range(1, stairs + 1):
        ways.append(0 if stair in broken else sum(ways[max(0, stair - 3) : stair]))
    return ways[stairs]


def _hidden_ways_to_climb() -> None:
    assert ways_to_climb(0, []) == 1
    assert ways_to_climb(1, []) == 1
    assert ways_to_climb(1, [1]) == 0
    assert ways_to_climb(3, []) == 4
    assert ways_to_climb(5, [1, 3]) == 2
    assert ways_to_climb(5, [1, 2, 3]) == 0
    assert ways_to_climb(10, []) == 274


def sums_of_different(number: int) -> int:
    """Return in how many ways a number is a sum of different positive numbers, order aside.

    >>> sums_of_different(5)
    3
    >>> sums_of_different(2)
    1
    """
    ways = [1] + [0] * number
    for part in range(1, number + 1):
        for total in range(number, part - 1, -1):
            ways[total] += ways[total - part]
    return ways[number]


def _hidden_sums_of_different() -> None:
    assert sums_of_different(0) == 1
    assert sums_of_different(1) == 1
    assert sums_of_different(3) == 2
    assert sums_of_different(6) == 4
    assert sums_of_different(10) == 10
    assert sums_of_different(20) == 64


def largest_field(plan: list[str]) -> int:
    """Return the area of the largest rectangle of free places, '.', in a plan.

    >>> largest_field(["..#", "..."])
    4
    >>> largest_field(["##"])
    0
    """
    best, heights = 0, [0] * (len(plan[0]) if plan else 0)
    for row in plan:
        heights = [h + 1 if char == "." else 0 for h, char in zip(heights, row, strict=True)]
        for left in range(len(heights)):
            lowest = heights[left]
            for right in range(left, len(heights)):
                lowest = min(lowest, heights[right])
                best = max(best, lowest * (right - left + 1))
    return best


def _hidden_largest_field() -> None:
    assert largest_field([]) == 0
    assert largest_field(["."]) == 1
    assert largest_field(["...."]) == 4
    assert largest_field([".", ".", "."]) == 3
    assert largest_field(["#..", "...", "..."]) == 6
    assert largest_field([".#.", ".#.", "..."]) == 3
    assert largest_field(["....", ".##.", "...."]) == 4


def best_bookings(offers: list[tuple[int, int, int]]) -> int:
    """Return the highest total price of offers (start, end, price) that do not overlap.

    One may start when another ends.

    >>> best_bookings([(1, 3, 5), (2, 5, 9), (3, 6, 5)])
    10
    >>> best_bookings([(0, 9, 4), (2, 3, 3)])
    4
    """
    chosen: list[tuple[int, int, int]] = sorted(offers, key=lambda offer: offer[1])
    best = [0]
    for index, (start, _, price) in enumerate(chosen):
        before = max(k for k in range(index + 1) if k == 0 or chosen[k - 1][1] <= start)
        best.append(max(best[index], best[before] + price))
    return best[-1]


def _hidden_best_bookings() -> None:
    assert best_bookings([]) == 0
    assert best_bookings([(1, 2, 8)]) == 8
    assert best_bookings([(1, 2, 9), (3, 4, 1)]) == 10
    assert best_bookings([(1, 4, 3), (2, 3, 5)]) == 5
    assert best_bookings([(1, 2, 1), (2, 3, 1), (3, 4, 1)]) == 3
    assert best_bookings([(5, 9, 6), (1, 5, 4), (4, 6, 9)]) == 10
    assert best_bookings([(1, 10, 10), (1, 3, 4), (3, 6, 4), (6, 10, 4)]) == 12
    assert best_bookings([(1, 2, 0), (1, 2, 7)]) == 7


def cheapest_route(flights: list[tuple[str, str, int]], start: str, goal: str, most: int) -> int:
    """Return the lowest price from start to goal with at most so many flights; -1 if none does it.

    A flight (from, to, price) goes one way.

    >>> cheapest_route([("A", "B", 1), ("B", "C", 1), ("A", "C", 5)], "A", "C", 2)
    2
    >>> cheapest_route([("A", "B", 1), ("B", "C", 1), ("A", "C", 5)], "A", "C", 1)
    5
    """
    prices = {start: 0}
    for _ in range(most):
        after = dict(prices)
        for origin, target, price in flights:
            if origin in prices:
                total = prices[origin] + price
                after[target] = min(after.get(target, total), total)
        prices = after
    return prices.get(goal, -1)


def _hidden_cheapest_route() -> None:
    assert cheapest_route([], "A", "A", 0) == 0
    assert cheapest_route([], "A", "B", 3) == -1
    assert cheapest_route([("A", "B", 4)], "A", "B", 1) == 4
    assert cheapest_route([("A", "B", 4)], "A", "B", 0) == -1
    assert cheapest_route([("A", "B", 4)], "B", "A", 5) == -1
    assert cheapest_route([("A", "B", 9), ("A", "B", 7)], "A", "B", 1) == 7
    assert cheapest_route([("B", "C", 1), ("A", "B", 1), ("C", "D", 1)], "A", "D", 2) == -1
    assert cheapest_route([("C", "D", 1), ("B", "C", 1), ("A", "B", 1)], "A", "D", 3) == 3
