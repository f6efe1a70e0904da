"""Plans on disk: what is kept, under which name, and damaged files."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from potentials.pddl import (
    Constructive,
    PlanningError,
    PlanResult,
    Status,
    find_plan,
    parse_problem,
)
from tests.potentials.pddl_worlds import ABC
from tests.potentials.test_pddl_planning import BLOCKS_DOMAIN, TOWERS, Fake


def test_plans_and_proofs_are_kept_and_the_rest_is_tried_again(tmp_path: Path):
    folder = tmp_path / "deep" / "plans"
    plan = find_plan(BLOCKS_DOMAIN, TOWERS, planner=Constructive()).plan
    for status, known in (
        (Status.SOLVED, True),
        (Status.UNSOLVABLE, True),
        (Status.TIMEOUT, False),
        (Status.FAILED, False),
        (Status.NOT_FOUND, False),
        (Status.OUT_OF_MEMORY, False),
    ):
        told = PlanResult(status, status.value, plan if status is Status.SOLVED else None, 1.25)
        planner = Fake(told, name=status.value)
        results = [
            find_plan(BLOCKS_DOMAIN, TOWERS, planner=planner, cache=folder) for _ in range(2)
        ]
        assert results == [told, told]
        assert len(planner.asked) == (1 if known else 2), status
    assert sorted(f.suffix for f in folder.iterdir()) == [".json", ".json"]


def test_plans_are_filed_by_planner_domain_and_problem(tmp_path: Path):
    told = find_plan(BLOCKS_DOMAIN, TOWERS, planner=Constructive())
    one = Fake(told, name="one")
    find_plan(BLOCKS_DOMAIN, TOWERS, planner=one, cache=tmp_path)
    same = parse_problem(ABC.upper() + " ; the same", BLOCKS_DOMAIN)
    find_plan(BLOCKS_DOMAIN, same, planner=one, cache=tmp_path)
    assert len(one.asked) == 1
    for domain, problem, name in (
        (BLOCKS_DOMAIN, TOWERS, "two"),
        (BLOCKS_DOMAIN, replace(TOWERS, goal=TOWERS.goal[:1]), "one"),
        (replace(BLOCKS_DOMAIN, actions=BLOCKS_DOMAIN.actions[::-1]), TOWERS, "one"),
    ):
        other = Fake(told, name=name)
        find_plan(domain, problem, planner=other, cache=tmp_path)
        assert len(other.asked) == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: "[]",
        lambda text: text.replace("unstack", "pickup"),
        lambda text: json.dumps({**json.loads(text), "plan": []}),
        lambda text: json.dumps({**json.loads(text), "plan": [""]}),
        lambda text: json.dumps({**json.loads(text), "plan": [["putdown", "a"]]}),
        lambda text: json.dumps({**json.loads(text), "status": "lucky"}),
        lambda text: "[" * 100_000,
    ],
)
def test_a_damaged_file_counts_as_absent(tmp_path: Path, damage):
    told = find_plan(BLOCKS_DOMAIN, TOWERS, planner=Constructive())
    planner = Fake(replace(told, planner="fake"))
    find_plan(BLOCKS_DOMAIN, TOWERS, planner=planner, cache=tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_text(damage(file.read_text()))
    assert find_plan(BLOCKS_DOMAIN, TOWERS, planner=planner, cache=tmp_path).plan == told.plan
    assert len(planner.asked) == 2
    find_plan(BLOCKS_DOMAIN, TOWERS, planner=planner, cache=tmp_path)
    assert len(planner.asked) == 2  # mended


def test_a_cache_that_cannot_be_written_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr("potentials.pddl.cache.os.replace", full)
    with pytest.raises(PlanningError, match="Give another folder") as caught:
        find_plan(BLOCKS_DOMAIN, TOWERS, planner=Constructive(), cache=tmp_path)
    assert "no space left" in str(caught.value) and str(tmp_path) in str(caught.value)
    assert caught.value.result is not None and caught.value.result.status is Status.SOLVED
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told_before_the_search(tmp_path: Path):
    (tmp_path / "file").write_text("")
    planner = Fake(find_plan(BLOCKS_DOMAIN, TOWERS, planner=Constructive()))
    for folder in (tmp_path / "file", tmp_path / "file" / "plans"):
        with pytest.raises(PlanningError, match=r"plans cannot be kept in .*file"):
            find_plan(BLOCKS_DOMAIN, TOWERS, planner=planner, cache=folder)
    assert planner.asked == []


def test_what_is_known_is_read_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    told = find_plan(BLOCKS_DOMAIN, TOWERS, planner=Constructive(), cache=tmp_path)

    def denied(*_, **__):
        raise PermissionError("read-only")

    monkeypatch.setattr("potentials.pddl.cache.tempfile.mkstemp", denied)
    monkeypatch.setattr(Path, "mkdir", denied)
    again = find_plan(BLOCKS_DOMAIN, TOWERS, planner=Fake(told, "constructive"), cache=tmp_path)
    assert again.plan == told.plan
    with pytest.raises(PlanningError, match="read-only"):
        find_plan(BLOCKS_DOMAIN, TOWERS, planner=Fake(told, "other"), cache=tmp_path)


def test_many_may_write_the_same_plan_at_once(tmp_path: Path):
    """Each finds nothing, searches and writes; all get the plan, and one whole file is left."""
    told = find_plan(BLOCKS_DOMAIN, TOWERS, planner=Constructive())
    together = threading.Barrier(8)

    class Slow(Fake):
        def find(self, domain, problem):
            together.wait(timeout=60)
            return super().find(domain, problem)

    planner = Slow(told, name="slow")
    with ThreadPoolExecutor(8) as pool:
        runs = [
            pool.submit(find_plan, BLOCKS_DOMAIN, TOWERS, planner=planner, cache=tmp_path)
            for _ in range(8)
        ]
        assert [run.result() for run in runs] == [told] * 8
    assert len(planner.asked) == 8
    (file,) = tmp_path.iterdir()
    assert json.loads(file.read_text())["status"] == "solved"
