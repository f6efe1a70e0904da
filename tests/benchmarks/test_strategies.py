"""The experiment on strategies: what is run, what is remembered, and that it resumes."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmarks.strategies import run as running
from benchmarks.strategies.__main__ import main
from benchmarks.strategies.plans import NAMES, SAMPLED, SWEEPS, TEMPERATURE, WIDTH, searches
from benchmarks.strategies.remembered import RememberedModel
from benchmarks.strategies.trial import RememberedScorer, draw_pool, run_item
from benchmarks.tasks import ROOT
from domains.arithmetic.scorers import NoisyScorer, OracleScorer
from domains.arithmetic.steps import answer
from domains.arithmetic.task import ArithmeticTask
from potentials.boundaries import lines
from potentials.reward_model import Logistic
from smc.errors import ModelError
from smc.model import HOLD
from smc.steps.token_steps import TokenSteps
from smc.strategies import STRATEGIES, Options, search

MODEL = str(ROOT / "domains/arithmetic/model")
SMALL = [
    "--budgets",
    "1,4",
    "--levels",
    "2,3",
    "--samples",
    "4",
    "--scorer",
    "prm,oracle,noisy,verifier",
]


@pytest.fixture(scope="module")
def steps() -> TokenSteps:
    return TokenSteps(RememberedModel.load(MODEL), lines(), max_tokens=128)


def item(level: int = 3):
    return ArithmeticTask("test", levels=(level,)).items(1)[0]


# ---- plans


def test_every_strategy_is_planned_at_every_budget_that_it_can_be_run_at():
    found = {(p.strategy, p.num_solutions) for p in searches([1, 2, 4, 8])}
    trees = {(name, n) for name in ("beam", "dvts", "lookahead") for n in (4, 8)}
    particles = {("particle_filter", n) for n in (2, 4, 8)}
    assert found == trees | particles | {("particle_gibbs", 2)}
    assert set(NAMES) == {*SAMPLED, *(name for name, _ in found)}
    assert set(NAMES) <= set(STRATEGIES)


def test_a_plan_spends_its_budget_on_solutions_of_all_sweeps():
    for plan in searches([16]):
        sweeps = dict(plan.settings).get("sweeps", 1)
        assert plan.num_solutions * sweeps == 16
        assert dict(plan.settings).get("width", WIDTH) == WIDTH
        assert sweeps in (1, SWEEPS)


# ---- what is remembered


def test_the_remembered_model_is_the_model():
    remembered = RememberedModel.load(MODEL)
    network, tokenizer = remembered._network, remembered._encode
    prompt = item().prompt
    rows = remembered.start([prompt, prompt], remembered.vocabulary, 20)
    texts = [tokenizer.encode(text) for text in ("a=1+", "b=22")]
    for a, b in zip(*texts, strict=True):
        rows.advance(np.array([0, 1]), np.array([a, b]))
    seven, minus = tokenizer.encode("7-")
    rows.advance(np.array([1, 0, 1]), np.array([HOLD, seven, minus]))
    for row, text in zip(rows.log_probs(), ("b=22", "a=1+7", "b=22-"), strict=True):
        with torch.inference_mode():
            ids = torch.tensor([tokenizer.encode(prompt + text)])
            logits = network(input_ids=ids).logits[0, -1].double()
            logits[remembered.vocabulary.suppressed] = -torch.inf
            expected = logits.softmax(-1).numpy()
        np.testing.assert_allclose(np.exp(row), expected, atol=1e-5)
        assert expected.max() > 0.5  # of a text that the model knows what to make of


def test_a_prefix_goes_through_the_network_once():
    remembered = RememberedModel.load(MODEL)
    calls: list[int] = []
    forward = remembered._network.forward

    def counted(*args, **named):
        calls.append(named["input_ids"].numel())
        return forward(*args, **named)

    remembered._network.forward = counted
    for _ in range(2):
        rows = remembered.start(["a=1+2;a?\n"], remembered.vocabulary, 20)
        rows.advance(np.array([0, 0, 0]), np.array([ord("a"), ord("b"), ord("a")]))
    assert calls == [len("a=1+2;a?\n"), 2]


def test_the_remembered_scorer_asks_once_and_counts_every_time():
    oracle = OracleScorer()
    scorer = RememberedScorer(oracle)
    one = item()
    right = ("a=1+1=2\n",)
    assert scorer.scores(one.prompt, [right, right]) == scorer.scores(one.prompt, [right, right])
    assert (oracle.passes, scorer.passes, scorer.tokens) == (1, 4, 4 * len(right[0]))
    scorer.scores(item(2).prompt, [right])
    assert oracle.passes == 2  # another problem


@pytest.mark.parametrize("level", [2, 4], ids=["with equal solutions", "without"])
def test_what_is_read_off_the_pool_is_what_the_strategies_give(steps, level):
    one, budgets = item(level), [1, 3, 8]
    pool = draw_pool(steps, one, budgets, seed=5, samples=4)
    record = run_item(steps, RememberedScorer(NoisyScorer()), one, pool, budgets, [], seed=5)
    assert len(record["runs"]) == len(SAMPLED) * len(budgets)
    for run in record["runs"]:
        options = Options(answer=answer, temperature=TEMPERATURE, seed=5)
        strategy, n = STRATEGIES[run["strategy"]], run["num_solutions"]
        scorer = RememberedScorer(NoisyScorer())
        alone = TokenSteps(RememberedModel.load(MODEL), lines(), max_tokens=128)
        result = strategy(alone, one.prompt, scorer, num_solutions=n, options=options)
        assert run["correct"] == (result.answer == one.problem.answer)
        assert run["tokens"] == result.budget.model_tokens
        assert run["passes"] == result.budget.model_passes
        assert run["reward_passes"] == result.budget.reward_passes
        assert run["reward_tokens"] == result.budget.reward_tokens


def test_searches_may_settle_on_an_answer_in_another_way(steps, monkeypatch):
    one, seen = item(4), []
    select = search.select

    def spy(trajectories, of, selection):
        seen.append(selection)
        return select(trajectories, of, selection)

    monkeypatch.setattr(search, "select", spy)
    pool, judge = draw_pool(steps, one, [1], seed=0, samples=1), RememberedScorer(NoisyScorer())
    plans = searches([4], ["particle_filter"])
    seen.clear()
    for selection in (None, "weighted"):
        run_item(steps, judge, one, pool, [1], plans, 0, selection)
    assert seen == ["best", "weighted"]


def test_difficulty_is_measured_on_samples_of_their_own(steps):
    one = item(4)
    few = draw_pool(steps, one, [2], seed=0, samples=8)
    more = draw_pool(steps, one, [8], seed=0, samples=8)
    assert few.pass_rate == more.pass_rate
    assert more.drawn.solutions[:2] == few.drawn.solutions
    assert round(8 * few.pass_rate) == 8 * few.pass_rate


# ---- the run


def records(out: Path) -> dict[str, list[dict]]:
    files = sorted(out.glob("*/seed-*.jsonl"))
    return {
        f"{p.parent.name}/{p.name}": [json.loads(line) for line in p.read_text().splitlines()]
        for p in files
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """All strategies at two budgets under four judges on two problems of each part."""
    out = tmp_path_factory.mktemp("strategies") / "whole"
    assert main(["--out", str(out), "--items", "2", *SMALL]) == 0
    return out


def test_every_strategy_runs_under_every_judge(whole):
    found = records(whole)
    parts = {f"{part}-{judge}" for part in running.SPLITS for judge in running.SCORERS}
    assert set(found) == {f"{part}/seed-0.jsonl" for part in parts}
    for lines_of in found.values():
        assert [r["level"] for r in lines_of] == [2, 3]
        for record in lines_of:
            names = {(r["strategy"], r["num_solutions"]) for r in record["runs"]}
            sampled = {(name, n) for name in SAMPLED for n in (1, 4)}
            assert names == sampled | {(p.strategy, p.num_solutions) for p in searches([1, 4])}
            assert all(r["tokens"] >= r["num_solutions"] > 0 for r in record["runs"])
            assert 0 <= record["pass_rate"] <= 1


def test_the_parts_share_no_problem():
    levels = running.LEVELS
    parts = [
        {i.prompt for i in ArithmeticTask(split, levels=levels).items(60)}
        for split in running.SPLITS
    ]
    assert not parts[0] & parts[1]


def test_a_run_that_was_killed_goes_on_to_the_same_end(whole, tmp_path, monkeypatch):
    """It dies at the fourth record, which is left torn on the disk."""
    out = tmp_path / "killed"
    append, written = running.Store.append, []

    def dying(store, method, seed, new):
        append(store, method, seed, new)
        written.append(method)
        if len(written) == 4:
            path = store.path(method, seed)
            path.write_bytes(path.read_bytes()[:-9])
            raise KeyboardInterrupt

    monkeypatch.setattr(running.Store, "append", dying)
    assert main(["--out", str(out), "--items", "2", *SMALL]) == 130
    assert main(["--out", str(out), "--items", "2", *SMALL]) == 0
    assert records(out) == records(whole)
    starts = json.loads((out / "run.json").read_text())["starts"]
    assert len(starts) == 2


def test_a_judge_can_be_added_to_a_folder(whole, tmp_path):
    """What was there stays as it is, and the report tells of both."""
    out = tmp_path / "grown"
    alone = ["--out", str(out), "--items", "2", *SMALL[:-1]]
    assert main([*alone, "oracle"]) == 0
    before, report = records(out), (out / "report.md").read_text()
    assert "## Judge: oracle" in report and "Judge: verifier" not in report
    assert main([*alone, "verifier"]) == 0
    found, report = records(out), (out / "report.md").read_text()
    assert before.items() < found.items() <= records(whole).items()
    assert "## Judge: oracle" in report and "## Judge: verifier" in report
    assert "| judge verifier | likelihood under domains/arithmetic/prm" in report
    assert (out / "choice-verifier.json").exists()


def test_what_is_there_is_not_run_again(whole, monkeypatch):
    before = records(whole)
    monkeypatch.setattr(running, "draw_pool", lambda *_: pytest.fail("drawn again"))
    assert main(["--out", str(whole), "--items", "2", *SMALL]) == 0
    assert records(whole) == before


def test_results_of_another_reward_model_are_not_mixed_in(whole, monkeypatch, capsys):
    monkeypatch.setattr(running, "PRM", ROOT / "domains/arithmetic/model")
    assert main(["--out", str(whole), "--items", "2", *SMALL]) == 2
    assert "results of another judge, domains/arithmetic/prm" in capsys.readouterr().err


def test_results_of_another_calibration_are_not_mixed_in(whole, monkeypatch, capsys):
    monkeypatch.setattr(running, "calibration", lambda: Logistic(slope=1.0, intercept=0.0))
    assert main(["--out", str(whole), "--items", "2", *SMALL]) == 2
    said = capsys.readouterr().err
    assert "results of another judge, likelihood under domains/arithmetic/prm" in said
    assert "expected likelihood under" in said and "slope=1.0, intercept=0.0" in said


def test_a_run_stops_between_problems_when_the_minutes_are_over(tmp_path, capsys):
    out = tmp_path / "short"
    assert main(["--out", str(out), "--items", "2", "--minutes", "1e-9", *SMALL]) == 2
    said = capsys.readouterr()
    assert "minutes are over" in said.out and "holds no results" in said.err
    assert not records(out)


def test_what_there_is_when_the_minutes_are_over_is_reported(tmp_path, monkeypatch, capsys):
    """After one problem, and after two of three judges' records of the next."""
    now, stored = [0.0], []
    append = running.Store.append

    def slow(store, method, seed, new):
        append(store, method, seed, new)
        stored.append(method)
        now[0] += 60.0

    monkeypatch.setattr(running.Store, "append", slow)
    monkeypatch.setattr(running, "time", SimpleNamespace(monotonic=lambda: now[0]))
    small = [*SMALL[:-1], "oracle,noisy"]
    for minutes, counts in ((0.5, {"oracle": 0}), (2.5, {"oracle": 1, "noisy": 0})):
        out = tmp_path / str(minutes)
        stored.clear()
        assert main(["--out", str(out), "--items", "2", "--minutes", str(minutes), *small]) == 0
        said = capsys.readouterr()
        assert "minutes are over" in said.out and str(out / "report.md") in said.out
        assert "error" not in said.err
        assert len(stored) == int(minutes + 0.5) and len(records(out)) == len(stored)
        text = (out / "report.md").read_text()
        assert [f"## Judge: {judge}" in text for judge in counts] == [True] * len(counts)
        held_out = "; ".join(f"1 for calibration, {n} held out" for n in counts.values())
        assert f"| problems | {held_out} |" in text
        assert "| nan" not in text


def test_a_bad_model_is_explained(tmp_path, capsys):
    for name in ("nothing", "empty", "file"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        (tmp_path / "file").write_text("no model")
        out = tmp_path / "out"
        assert main(["--out", str(out), "--model", str(tmp_path / name)]) == 2
        assert "error: model" in (said := capsys.readouterr().err) and "Traceback" not in said
        assert not out.exists()


def test_a_model_that_cannot_read_a_tree_is_explained(tmp_path, monkeypatch):
    from benchmarks.strategies.remembered import _Tree

    monkeypatch.setattr(_Tree, "compute", lambda *_: None)
    with pytest.raises(ModelError, match="expected a model of plain full attention"):
        RememberedModel.load(MODEL)


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("--budgets", "1,x", "expected whole numbers"),
        ("--budgets", "4,4", "expected distinct numbers"),
        ("--seeds", "-1", "from 0 on"),
        ("--budgets", "0,4", "from 1 on"),
        ("--items", "0", "from 1 on"),
        ("--samples", "x", "from 1 on"),
        ("--bins", "-2", "from 1 on"),
        ("--threads", "0", "from 1 on"),
        ("--minutes", "0", "above 0"),
        ("--minutes", "nan", "above 0"),
        ("--levels", "3,9", "expected levels of 1, 2, 3, 4, 5"),
        ("--searches", "beam,luck", "expected some of beam, dvts"),
        ("--selection", "luck", "invalid choice"),
        ("--scorer", "prm,who", "expected some of oracle, noisy, prm, verifier"),
    ],
)
def test_arguments_that_make_no_sense_are_named(argument, value, message, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["--out", str(tmp_path), f"{argument}={value}"])
    assert message in capsys.readouterr().err
