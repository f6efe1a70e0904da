"""The study of inference-time techniques: scripted runs, resumed runs, claims, published tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.inference_time.__main__ import main, parser
from benchmarks.inference_time.claims import Table, ahead, verdict
from benchmarks.inference_time.report import render
from benchmarks.inference_time.runs import Records, plan_of, read, run_all
from benchmarks.inference_time.subjects import ChatOracle, Subject, chat, read_chat, shots
from benchmarks.inference_time.techniques import ABOUT, JUDGED, TECHNIQUES, Outcome, run_technique
from benchmarks.lockstep import Lockstep
from domains.reasoning.memory import StatementMemory
from domains.reasoning.oracle import OracleScorer
from domains.reasoning.puzzles import KINDS, Puzzle, answer_of
from domains.splits import split_of
from smc.errors import SettingsError
from smc.steps import Extension
from tests.step_worlds import Judge, Script

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
PUBLISHED = sorted((RESULTS / "inference-time").glob("*.jsonl"))
PUZZLE = Puzzle("lookup", "ann lives in riga; bob lives in oslo; riga is in avalon; oslo is in "
                "hetia; country of ann?")  # fmt: skip
SEEDS = range(40)
RIGHT = ("ann lives in riga\n", "riga is in avalon\n", "answer: avalon")
WRONG = ("bob lives in oslo\n", "oslo is in hetia\n", "answer: hetia")


def reply(solution, uniform):
    """The right line as often as not; the answer follows from what the second line is."""
    k = len(solution)
    right = uniform < 0.5 if k < 2 else solution[1] == RIGHT[1]
    return Extension((RIGHT if right else WRONG)[k], k == 2, 4)


def scripted(judge=None) -> tuple[Subject, list[str]]:
    asked: list[str] = []

    def prompt(puzzle, mode):
        asked.append(mode)
        return puzzle.prompt(mode)

    oracle = ChatOracle(OracleScorer()) if judge is None else judge
    model = Script(reply)
    return Subject(model, prompt, answer_of, oracle, "an oracle", StatementMemory(), True), asked


@pytest.mark.parametrize("name", TECHNIQUES)
def test_a_technique_answers_and_says_what_it_took(name):
    subject, asked = scripted()
    found = [run_technique(name, subject, PUZZLE, seed) for seed in SEEDS]
    assert set(asked) == {"direct" if name == "direct" else "steps"}
    assert all(o.answered and o.tokens >= 12 and o.tokens % 4 == 0 for o in found)
    assert found == [run_technique(name, scripted()[0], PUZZLE, seed) for seed in SEEDS]
    assert name in ABOUT
    right = sum(o.right for o in found)
    assert right > by_chance() if name in JUDGED else 0 < right < len(SEEDS)


def by_chance() -> int:
    """How often a single solution is right."""
    return sum(run_technique("CoT", scripted()[0], PUZZLE, seed).right for seed in SEEDS)


def test_sizes_are_those_that_are_told():
    tokens = {n: run_technique(n, scripted()[0], PUZZLE, 3).tokens for n in TECHNIQUES}
    assert tokens["direct"] == tokens["CoT"] == 12
    assert tokens["SC5"] == 5 * 12 and tokens["best-of-8"] == tokens["particles"] == 8 * 12
    assert tokens["ToT"] <= 10 * 12
    assert {n for n in TECHNIQUES if "judge" in ABOUT[n]} <= set(JUDGED)


def test_the_judge_decides():
    """One that likes only what is wrong."""
    averse = Judge(lambda text: 0.1 if "avalon" in text else 0.9)
    for name in JUDGED:
        found = [run_technique(name, scripted(averse)[0], PUZZLE, seed) for seed in SEEDS]
        assert sum(o.right for o in found) < by_chance(), name
        assert found[0].judged > 0


# ---- runs


HEAD = {"settings": {"model": "script"}, "command": "c"}
TASKS = ["lookup", "yes-no"]


def test_a_run_goes_on_where_it_was_cut_off(tmp_path):
    plan = plan_of(TASKS, ["CoT", "SC5"], 3)
    assert plan[:4] == [(t, n, 0) for t in TASKS for n in ("CoT", "SC5")] and len(plan) == 12
    whole = answered(plan, tmp_path / "whole.jsonl")
    cut = tmp_path / "cut.jsonl"
    assert len(answered(plan, cut, most=5)) == 5
    cut.write_text(cut.read_text() + '["lookup", "SC5", 1, 1')  # killed within a line
    assert len(read(cut).outcomes) == 5
    assert len(answered(plan, cut)) == 7 and read(cut).outcomes == whole
    assert (tmp_path / "whole.jsonl").read_text() == cut.read_text()
    assert answered(plan, cut) == {}
    with pytest.raises(SettingsError, match=r"other'.*Give the same arguments"):
        answered(plan, cut, head={**HEAD, "settings": {"model": "other"}})


def test_subjects_side_by_side_answer_what_one_answers(tmp_path):
    plan = plan_of(TASKS, ["CoT", "SC5", "particles"], 2)
    alone = answered(plan, tmp_path / "alone.jsonl")
    assert answered(plan, tmp_path / "together.jsonl", count=5) == alone
    assert read(tmp_path / "together.jsonl").outcomes == alone


def answered(plan, file, head=HEAD, count=1, most=99) -> dict:
    """Run a plan; return the new outcomes, in the order of the plan where one answers."""
    found = {}

    def told(key, outcome) -> bool:
        found[key] = outcome
        return len(found) < most

    run_all([scripted()[0] for _ in range(count)], plan, head, file, Lockstep(), told)
    return found


@pytest.mark.parametrize("text", ["", "[]\n", "{}\n", '{"settings": 1, "command": 2}\nx\n["a"]\n'])
def test_other_files_are_refused(tmp_path, text):
    (tmp_path / "r.jsonl").write_text(text)
    with pytest.raises(SettingsError, match="is not what this study writes"):
        read(tmp_path / "r.jsonl")


# ---- claims


def outcomes(**rights: str) -> dict:
    """Of tasks and techniques, `a_CoT="1101"`: which puzzles are right."""
    return {
        (*name.split("_"), k): Outcome(r == "1", True, 10 * (k + 1), 5)
        for name, told in rights.items()
        for k, r in enumerate(told)
        if r != " "
    }


def test_shares_and_differences_are_of_the_puzzles_that_all_have():
    table = Table.of(outcomes(a_direct="0000 1", a_CoT="1111 1", b_direct="10", b_CoT="01"))
    assert table.items == {"a": (0, 1, 2, 3, 5), "b": (0, 1)}
    assert table.share("a", "CoT").mean == 1 and table.share("a", "direct").mean == 0.2
    assert table.gap("CoT", "direct").mean == pytest.approx((0.8 + 0) / 2)
    assert table.above("CoT", "direct") == table.above("direct", "CoT") == []  # of so few
    assert table.best("a") == ("CoT",) and table.best("b") == ("direct", "CoT")
    assert table.mean_share("direct").mean == pytest.approx((0.2 + 0.5) / 2)
    assert table.tokens("CoT", "a") == pytest.approx((10 + 20 + 30 + 40 + 60) / 5)
    assert table.judged("CoT") == 5
    assert Table.of(outcomes(a_CoT="1", b_CoT="1", b_direct="1")).tasks == ("b",)


def test_ahead_is_what_chance_seldom_does():
    """Of n puzzles that only one of two solves, k or more by the first: binomial, by hand."""
    assert not ahead([True] * 5, [False] * 5)  # 2 / 32
    assert ahead([True] * 6, [False] * 6)  # 2 / 64
    assert not ahead([False] * 6, [True] * 6)
    assert not ahead([True] * 7 + [False], [False] * 7 + [True])  # 2 · 9 / 256
    assert ahead([True] * 8 + [False], [False] * 8 + [True])  # 2 · 10 / 512
    assert not ahead([True] * 50, [True] * 50) and not ahead([], [])


def test_the_verdict_is_that_of_the_numbers():
    ones, zeros = "1" * 20, "0" * 20
    won = verdict(Table.of(outcomes(a_CoT=ones, a_ToT=zeros, b_CoT=ones, b_ToT=ones)))
    assert "everywhere? Yes.** CoT has the largest share in 2 of 2 tasks" in won
    assert "another one ahead of CoT (" in won
    lost = outcomes(a_CoT=ones, a_ToT=zeros, b_CoT=zeros, b_ToT=zeros)
    assert "Yes.** CoT has the largest share in 1 of 1 tasks" in verdict(Table.of(lost))
    assert Table.of(lost).best("b") == ()
    split = verdict(Table.of(outcomes(a_CoT=ones, a_ToT=zeros, b_CoT=zeros, b_ToT=ones)))
    assert "everywhere? No.** CoT and ToT each have the largest share in 1 of 2" in split
    assert "Every technique has a task in which another one is ahead" in split
    near = "1" * 19 + "0"
    close = verdict(Table.of(outcomes(a_CoT=ones, a_ToT=near, b_CoT=near, b_ToT=ones)))
    assert "everywhere? No" in close and "no technique is told apart" in close


def test_the_page_tells_where_it_comes_from():
    head = {"command": "run it", "commit": "c0", "date": "d", "machine": {"cpu": "x", "cores": 2,
            "load": 1.0}, "settings": {"model": "m", "digest": "dd", "judge": "oracle",
            "judged_by": "an ORACLE", "temperature": 0.8}}  # fmt: skip
    own = outcomes(a_direct="0101", a_CoT="1111")
    page = render(Records(head, own), "By hand.", "p.png")
    for said in ("`run it`", "Commit c0", "an ORACLE", "By hand.", "(p.png)", "4 test puzzles",
                 "| a | 0.50 (", "**1.00 (", "| right | direct | CoT |"):  # fmt: skip
        assert said in page


@pytest.mark.parametrize("file", PUBLISHED, ids=lambda file: file.stem)
def test_published_tables_are_those_of_their_records(file):
    page = (RESULTS / "inference-time.md").read_text(encoding="utf-8")
    for part in render(read(file)).strip().split("\n\n"):
        assert part in page
    assert set(KINDS) == {task for task, _, _ in read(file).outcomes}


# ---- published models


def test_chat_prompts_show_solved_puzzles_of_the_training_part():
    for kind in KINDS:
        assert all(split_of(shown) == "train" for shown in shots(kind))
    messages = chat(PUZZLE, "steps")
    assert isinstance(messages, list) and len(messages) == 5
    contents = [str(m["content"]) for m in messages]  # type: ignore[index]
    assert contents[-1].startswith(PUZZLE.text) and KINDS["lookup"].rules in contents[-1]
    assert contents[1].count("\n") == 2
    direct = [str(m["content"]) for m in chat(PUZZLE, "direct")]  # type: ignore[index]
    assert direct[1].startswith("answer: ") and "\n" not in direct[1]
    assert StatementMemory().recall(contents[-1], RIGHT[0]) == "riga is in avalon"
    assert ChatOracle(OracleScorer()).scores(messages, [RIGHT, WRONG]) == [(1, 1, 1), (0, 0, 0)]


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        ("answer: b", "b"),
        ("x = 3\nAnswer: B.", "b"),
        ("**Answer:** yes", "yes"),
        ("answer: a to table, b to c\n", "a to table, b to c"),
        ("answer: 1\nNo: answer: 2", "2"),
        ("answer: R U2 F'", "R U2 F'"),
        ("the answer is 3", None),
        ("answer:", None),
        ("", None),
    ],
)
def test_answers_of_chat_models_are_read_without_ornaments(text, read_as):
    assert read_chat(text) == read_as


def test_arguments(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--out", str(tmp_path), "--tasks", "poems"])
    error = capsys.readouterr().err
    assert ended.value.code == 2 and "--tasks: 'poems': expected some of arithmetic" in error
    assert main(["--out", str(tmp_path), "--report", str(tmp_path / "none.jsonl")]) == 2
    options = parser().parse_args(["--out", "x", "--engine-args", '{"max_model_len": 9}'])
    assert options.engine_args == {"max_model_len": 9} and options.items == 40
