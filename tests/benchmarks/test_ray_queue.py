"""The work queue: every unit is done once, whoever is lost and whoever answers late."""

from __future__ import annotations

import random

from benchmarks.spread import MAX_LOSSES, Queue
from benchmarks.work import Unit
from domains.base import Item


def units(count: int) -> list[Unit]:
    return [Unit("smc", 0, [Item(f"item-{i}", "")]) for i in range(count)]


def test_units_are_handed_out_in_order_and_done_once():
    first, second = units(2)
    queue = Queue([first, second])
    assert queue.take(0) is first
    assert queue.take(1) is second
    assert queue.take(0) is None
    assert (queue.open, queue.waiting, queue.held(0), queue.held(1)) == (2, 0, 1, 1)
    assert queue.finish(1, second)
    assert not queue.finish(1, second)
    assert queue.finish(0, first)
    assert (queue.open, queue.held(0), queue.held(1)) == (0, 0, 0)


def test_what_a_lost_worker_held_comes_first_in_its_order():
    first, second, third = units(3)
    queue = Queue([first, second, third])
    queue.take(0)
    queue.take(0)
    queue.lose(0)
    assert [queue.take(1) for _ in range(4)] == [first, second, third, None]


def test_an_answer_that_comes_late_counts_once():
    first, second = units(2)
    queue = Queue([first, second])
    queue.take(0)
    queue.lose(0)
    assert queue.take(1) is first
    assert queue.finish(0, first), "the lost worker had answered before the other"
    assert not queue.finish(1, first)
    queue.take(1)
    queue.lose(1)
    assert queue.finish(1, second), "it waits again, and its answer comes"
    assert queue.take(2) is None
    assert queue.open == 0


def test_only_the_unit_that_was_running_is_blamed_and_given_up():
    first, second = units(2)
    queue = Queue([first, second])
    for worker in range(MAX_LOSSES):
        assert not queue.given_up
        assert queue.take(worker) is first
        assert queue.take(worker) is second
        queue.lose(worker)
    assert queue.given_up == [first]
    assert queue.open == 1
    assert queue.take(9) is second
    assert queue.finish(9, second)


def test_a_machine_that_is_taken_away_blames_nothing():
    queue = Queue(units(1))
    for worker in range(2 * MAX_LOSSES):
        assert queue.take(worker) is not None
        queue.lose(worker, blame=False)
    assert not queue.given_up


def test_whatever_happens_every_unit_is_done_or_given_up_once():
    rng = random.Random(1)
    for _ in range(200):
        everything = units(rng.randrange(1, 12))
        queue = Queue(everything)
        held: dict[int, list[Unit]] = {w: [] for w in range(3)}
        done: list[Unit] = []
        while queue.open:
            worker = rng.randrange(3)
            what = rng.random()
            if what < 0.5:
                if (unit := queue.take(worker)) is not None:
                    held[worker].append(unit)
            elif what < 0.9:
                if held[worker]:
                    unit = held[worker].pop(0)
                    done += [unit] if queue.finish(worker, unit) else []
            else:
                queue.lose(worker)
                late = held[worker][:1] if rng.random() < 0.3 else []
                done += [u for u in late if queue.finish(worker, u)]
                held[worker] = []
            for number, own in held.items():
                assert queue.held(number) == len(own)
        keys = [u.key for u in [*done, *queue.given_up]]
        assert sorted(keys) == sorted(u.key for u in everything)
