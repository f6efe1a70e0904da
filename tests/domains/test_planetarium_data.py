"""Rows of the planning data set, and which of them are the benchmark."""

from __future__ import annotations

import csv
import gzip

import pytest

from domains.planetarium.data import COLUMNS, choose, load
from tests.domains.planetarium_rows import made_rows, written


def test_rows_are_read_from_each_kind_of_file(tmp_path):
    rows = made_rows()
    plain = load(written(tmp_path / "a", rows))
    assert [(row.domain, row.objects) for row in plain[:4]] == [
        ("blocksworld", 1),
        ("blocksworld", 2),
        ("blocksworld", 3),
        ("gripper", 7),
    ]
    assert not plain[0].placeholder
    packed = tmp_path / "b" / "rows.jsonl.gz"
    packed.parent.mkdir()
    packed.write_bytes(gzip.compress((tmp_path / "a" / "rows.jsonl").read_bytes()))
    table = tmp_path / "c" / "rows.csv"
    table.parent.mkdir()
    with table.open("w", newline="") as file:
        out = csv.DictWriter(file, list(rows[0]))
        out.writeheader()
        out.writerows(rows)
    assert load(packed) == load(table) == plain


def test_rows_of_several_files_and_other_spellings_of_truth(tmp_path):
    rows = made_rows(6, is_placeholder=True, goal_is_abstract="False")
    written(tmp_path / "planetarium" / "data", rows[:2], "test.jsonl")
    written(tmp_path / "planetarium" / "data", rows[2:], "train.jsonl")
    found = load(tmp_path)
    assert len(found) == 6
    assert all(row.placeholder and not row.goal_abstract for row in found)


@pytest.mark.parametrize("column", COLUMNS)
def test_a_missing_column_is_named(tmp_path, column):
    rows = [{k: v for k, v in row.items() if k != column} for row in made_rows(2)]
    with pytest.raises(ValueError, match=rf"rows.jsonl, row 1: no {column}; expected the columns"):
        load(written(tmp_path, rows))


def test_bad_files_are_errors_that_say_what_and_where(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected a folder planetarium with"):
        load(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="holds no rows"):
        load(written(tmp_path / "empty", []))
    (tmp_path / "rows.txt").write_text("x")
    with pytest.raises(ValueError, match="unknown ending"):
        load(tmp_path / "rows.txt")
    (tmp_path / "rows.jsonl").write_text('{"domain": \n')
    with pytest.raises(ValueError, match=r"rows.jsonl, line 1: not JSON"):
        load(tmp_path / "rows.jsonl")
    (tmp_path / "rows.jsonl").write_text("[1]\n")
    with pytest.raises(ValueError, match=r"got \[1\], expected an object of columns"):
        load(tmp_path / "rows.jsonl")
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(b"{}" * 1000)[:20])
    with pytest.raises(ValueError, match=r"cut\.jsonl\.gz is damaged"):
        load(tmp_path / "cut.jsonl.gz")
    with pytest.raises(ValueError, match="is_placeholder is 'maybe'; expected 0, 1"):
        load(written(tmp_path / "m", made_rows(1, is_placeholder="maybe")))


def test_the_choice_does_not_depend_on_the_order_of_rows(tmp_path):
    rows = made_rows(40)
    there = choose(load(written(tmp_path / "a", rows)))
    back = choose(load(written(tmp_path / "b", rows[::-1])))
    assert there == back
    assert {row.domain for row in there} == {"blocksworld"}
    goals = [" ".join(row.problem.split("(:goal")[1].split()) for row in there]
    assert len(goals) == len(set(goals))


def test_the_choice_keeps_to_size_domain_and_kind_of_description(tmp_path):
    rows = load(written(tmp_path / "a", made_rows(24)))
    assert max(row.objects for row in choose(rows, max_objects=3)) == 3
    assert {row.domain for row in choose(rows, ["gripper"])} == {"gripper"}
    assert len(choose(rows, ["gripper", "blocksworld"], None)) > len(choose(rows, max_objects=None))
    vague = load(written(tmp_path / "b", made_rows(24, goal_is_abstract=1)))
    assert choose(vague) == []
    assert choose(vague, abstract=True)
