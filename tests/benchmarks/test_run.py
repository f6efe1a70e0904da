"""The runner: what it writes, that nothing but item and seed matters, and that it resumes."""

from __future__ import annotations

import fcntl
import json
import math
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import smc
from benchmarks import tasks, work
from benchmarks.__main__ import main
from benchmarks.methods import generator
from benchmarks.store import Store
from benchmarks.tasks import load_task
from potentials.python import python_statements
from smc.weights import normalise
from tests.benchmarks.toy import COUNT, ToyTask, model

ROOT = Path(__file__).resolve().parents[2]

TOY = ["run", "tests.benchmarks.toy", "--model", "tests.benchmarks.toy:model"]
SMALL = ["--particles", "4", "--batch", "3", "--methods", "lm,smc"]


def run(out: Path, *arguments: str) -> int:
    return main([*TOY, *SMALL, "--out", str(out), *arguments])


def results(out: Path) -> dict[tuple[str, int, str], dict]:
    """All records by method, seed and item, without what a clock decides."""
    found = {}
    for record in Store(out).records():
        key = record["method"], record["seed"], record["item"]
        assert key not in found, f"{key} stands there twice"
        del record["seconds"], record["cpu_seconds"]
        record["costs"] = {name: cost["calls"] for name, cost in record["costs"].items()}
        found[key] = record
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int, str], dict]:
    """The results of a run that nothing disturbs."""
    out = tmp_path_factory.mktemp("whole")
    assert run(out) == 0
    return results(out)


def test_every_item_of_every_method_has_one_line(whole):
    expected = {(m, 0, f"toy-{i}") for m in ("lm", "smc") for i in range(COUNT)}
    assert set(whole) == expected


def test_a_record_is_the_posterior_of_the_engine(whole):
    task = ToyTask()
    for item in task.items():
        posterior = smc.sample(
            model(),
            item.prompt,
            [*task.cheap(item), *task.expensive(item)],
            num_particles=4,
            max_tokens=task.max_tokens,
            ess_threshold=0.9,
            resampling="multinomial",
            seed=generator(0, item),
        )
        record = whole["smc", 0, item.id]
        assert record["texts"] == [s.text for s in posterior.sequences]
        assert record["weights"] == posterior.weights.tolist()
        assert record["log_weights"] == [
            None if w == -np.inf else w for w in posterior.log_weights.tolist()
        ]
        assert record["status"] == posterior.status.value
        assert record["tokens"] == posterior.num_tokens
        assert record["costs"] == {n: calls for n, (calls, _) in posterior.costs().items()}
        assert record["text"] == posterior.best
        for text, weight, scores in zip(
            record["texts"], record["weights"], record["scores"], strict=True
        ):
            assert scores == (task.score(item, text) if weight > 0 else {})


def test_runs_that_died_out_are_tried_again_where_that_is_asked(tmp_path):
    plain, again = tmp_path / "plain", tmp_path / "again"
    few = ["--particles", "1", "--seeds", "6", "--methods", "is"]
    assert run(plain, *few) == 0
    assert run(again, *few, "--retries", "3") == 0
    dead = [sum(r["status"] == "extinct" for r in results(f).values()) for f in (plain, again)]
    assert dead[1] < dead[0] / 2 and dead[0] >= 5
    task = ToyTask()
    for item in task.items(2):
        posterior = smc.sample(
            model(),
            item.prompt,
            [*task.cheap(item), *task.expensive(item)],
            num_particles=1,
            max_tokens=task.max_tokens,
            method="is",
            retries=3,
            seed=generator(1, item),
        )
        assert results(again)["is", 1, item.id]["weights"] == posterior.weights.tolist()
    assert "3, each with twice the particles" in (again / "summary.md").read_text()


def test_a_text_that_was_cut_is_scored_alike_for_every_method(tmp_path):
    """The texts and weights of the engine, whatever ended a text; one rule for all methods."""
    assert run(tmp_path, "--methods", ",".join(smc.METHODS)) == 0
    task = ToyTask()
    cut: dict[str, int] = dict.fromkeys(smc.METHODS, 0)
    for (method, _, name), record in results(tmp_path).items():
        item = next(i for i in task.items() if i.id == name)
        weights = normalise(np.array([-np.inf if w is None else w for w in record["log_weights"]]))
        assert record["weights"] == pytest.approx(weights.tolist())
        for text, weight, scores, truncated, finished in zip(
            *(record[k] for k in ("texts", "weights", "scores", "truncated", "finished")),
            strict=True,
        ):
            assert not (truncated and finished)
            assert scores == (task.score(item, text) if weight > 0 else {})
            cut[method] += truncated and weight > 0
    assert min(cut.values()) > 0, "no text was cut, so this tests nothing"


@pytest.mark.parametrize("changes", [["--batch", "1"], ["--batch", "100"], ["--methods", "smc"]])
def test_results_do_not_depend_on_batches_or_other_methods(tmp_path, whole, changes):
    assert run(tmp_path, *changes) == 0
    found = results(tmp_path)
    assert found == {key: whole[key] for key in found}


def test_results_do_not_depend_on_the_limit_and_a_run_can_be_extended(tmp_path, whole):
    assert run(tmp_path, "--limit", "2", "--methods", "smc") == 0
    first = Store(tmp_path).path("smc", 0).read_bytes()
    assert len(first.splitlines()) == 2
    assert run(tmp_path) == 0
    assert Store(tmp_path).path("smc", 0).read_bytes().startswith(first)
    assert results(tmp_path) == whole
    assert run(tmp_path, "--seeds", "2") == 0
    found = results(tmp_path)
    assert {k: v for k, v in found.items() if k[1] == 0} == whole
    assert len(found) == 2 * len(whole)
    assert any(
        found["smc", 1, i]["texts"] != r["texts"] for (m, _, i), r in whole.items() if m == "smc"
    )


@pytest.mark.parametrize("digests", ["told", "not told"])
def test_a_run_goes_on_from_condensed_results(tmp_path, whole, digests):
    assert run(tmp_path / "first") == 0
    short = tmp_path / "short.jsonl"
    report = ["report", str(tmp_path / "first"), "--json", "--records", str(short)]
    assert main(report) == 0
    if digests == "not told":  # as in files of before
        of_run, *lines = short.read_text().splitlines()
        records = [json.loads(line) for line in lines]
        assert all(r.pop("prompt_digest") for r in records)
        short.write_text("\n".join([of_run, *map(json.dumps, records)]) + "\n")
    more = tmp_path / "more"
    assert run(more, "--seeds", "2", "--adopt", str(short)) == 0
    found = results(more)
    assert len(found) == 2 * len(whole)
    assert all("texts" not in r for (_, seed, _), r in found.items() if seed == 0)
    assert all("texts" in r for (_, seed, _), r in found.items() if seed == 1)
    # One that has begun is left alone: nothing is adopted twice, nothing run again.
    assert run(more, "--seeds", "2", "--adopt", str(short)) == 0
    assert results(more) == found
    of_run = Store(more).read_run()
    assert of_run is not None and [start["seeds"] for start in of_run["starts"]] == [1, 2, 2]


def test_results_of_other_settings_are_not_adopted(tmp_path, capsys):
    assert run(tmp_path / "first", "--limit", "2") == 0
    short = tmp_path / "short.jsonl"
    assert main(["report", str(tmp_path / "first"), "--json", "--records", str(short)]) == 0
    assert run(tmp_path / "hot", "--ess-threshold", "0.5", "--adopt", str(short)) == 2
    assert "ess_threshold was 0.9, is now 0.5" in capsys.readouterr().err
    assert Store(tmp_path / "hot").read_run() is None
    short.write_text(short.read_text().replace('"prompt_digest"', '"of_old"'))
    assert run(tmp_path / "fewer", "--limit", "1", "--adopt", str(short)) == 2
    assert "not among the 1 of this run" in capsys.readouterr().err
    assert run(tmp_path / "none", "--adopt", str(tmp_path / "no.jsonl")) == 2
    assert "no.jsonl" in capsys.readouterr().err


def test_a_killed_run_goes_on_without_loss_or_repetition(tmp_path, whole):
    command = [sys.executable, "-m", "benchmarks", *TOY, *SMALL, "--out", str(tmp_path)]
    # Item 4 is in the second batch of the first method.
    killed = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "TOY_KILL_AT": "toy-4"}, capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    before = Store(tmp_path).path("lm", 0).read_bytes()
    assert {json.loads(line)["item"] for line in before.splitlines()} == {
        "toy-0",
        "toy-1",
        "toy-2",
    }
    resumed = subprocess.run(command, cwd=ROOT, capture_output=True)
    assert resumed.returncode == 0, resumed.stderr.decode()
    assert Store(tmp_path).path("lm", 0).read_bytes().startswith(before)
    assert results(tmp_path) == whole
    run_json = Store(tmp_path).read_run()
    assert run_json is not None
    assert len(run_json["starts"]) == 2


@pytest.mark.parametrize("left", [1, 40, -1])
def test_a_torn_last_line_is_dropped_and_its_item_run_again(tmp_path, whole, left):
    assert run(tmp_path) == 0
    path = Store(tmp_path).path("smc", 0)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]) + lines[-1][:left])
    assert len(Store(tmp_path).records()) == len(whole) - 1
    assert run(tmp_path) == 0
    assert results(tmp_path) == whole


def test_a_line_damaged_by_something_else_is_an_error(tmp_path, capsys):
    assert run(tmp_path) == 0
    path = Store(tmp_path).path("smc", 0)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0][:20] + b"\n", *lines[1:]]))
    assert run(tmp_path) == 2
    assert "line 1" in capsys.readouterr().err
    path.write_bytes(b"".join([lines[0], *lines]))
    assert run(tmp_path) == 2
    assert "twice" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        (["--particles", "5"], "num_particles was 4, is now 5"),
        (["--ess-threshold", "0.5"], "ess_threshold was 0.9, is now 0.5"),
        (["--resampling", "residual"], "resampling was 'multinomial', is now 'residual'"),
        (["--max-tokens", "3"], "max_tokens was 4, is now 3"),
        (["--retries", "1"], "retries was 0, is now 1"),
    ],
)
def test_other_settings_are_not_mixed_in(tmp_path, capsys, changes, name):
    assert run(tmp_path, "--limit", "1") == 0
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert run(tmp_path, *changes) == 2
    message = capsys.readouterr().err
    assert name in message
    assert "another folder" in message
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_other_data_are_not_mixed_in(tmp_path, capsys, monkeypatch):
    assert run(tmp_path, "--limit", "2") == 0
    monkeypatch.setenv("TOY_PROMPT", "b")
    assert run(tmp_path) == 2
    assert "toy-0" in capsys.readouterr().err


def test_a_proposal_of_the_tasks_is_that_of_full_smc_alone(tmp_path, capsys, monkeypatch):
    used = []
    sample_batch = smc.sample_batch

    def spy(*arguments, **options):
        used.append((options["method"], options["proposal"]))
        return sample_batch(*arguments, **options)

    monkeypatch.setattr(smc, "sample_batch", spy)
    own = smc.RejectionProposal()
    monkeypatch.setattr(ToyTask, "proposal", own, raising=False)
    assert run(tmp_path, "--methods", "lcd,smc", "--limit", "1") == 0
    assert set(used) == {("lcd", None), ("smc", own)}
    assert main(["report", str(tmp_path)]) == 0
    assert "proposal of smc | RejectionProposal" in capsys.readouterr().out
    monkeypatch.undo()
    assert run(tmp_path, "--methods", "lcd,smc") == 2
    assert "another folder" in capsys.readouterr().err


def test_other_places_to_resample_are_not_mixed_in(tmp_path, capsys, monkeypatch):
    assert run(tmp_path, "--limit", "1") == 0
    monkeypatch.setattr(ToyTask, "resample_at", python_statements(), raising=False)
    assert run(tmp_path) == 2
    assert "resample_at was None, is now 'PythonStatements'" in capsys.readouterr().err
    assert run(tmp_path / "other", "--limit", "1") == 0
    assert main(["report", str(tmp_path / "other")]) == 0
    assert "under 0.9 N, only where PythonStatements fires" in capsys.readouterr().out


def test_two_runs_do_not_write_to_one_folder(tmp_path, capsys):
    with open(tmp_path / ".lock", "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        assert run(tmp_path) == 2
    assert "another run" in capsys.readouterr().err
    assert run(tmp_path, "--limit", "1") == 0


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ({"short": math.nan}, "finite numbers by name"),
        ({"short": None}, "expected a number"),
        ({"short": "1"}, "expected a number"),
        ({"short": math.inf}, "finite numbers by name"),
        ({1: 1.0}, "finite numbers by name"),
        (None, "finite numbers by name"),
        ({"letters": 1.0}, "expected 'short' among them"),
    ],
)
def test_scores_that_a_task_should_not_give_are_explained(
    tmp_path, capsys, monkeypatch, scores, said
):
    monkeypatch.setattr(ToyTask, "score", lambda *_: scores)
    assert run(tmp_path, "--limit", "1") == 2
    error = capsys.readouterr().err
    assert "toy: score of toy-0" in error and said in error


def test_scores_may_be_numbers_of_numpy(tmp_path, monkeypatch):
    monkeypatch.setattr(ToyTask, "score", lambda *_: {"short": np.bool_(True), "x": np.float32(2)})
    assert run(tmp_path, "--limit", "1", "--methods", "smc") == 0
    (record,) = results(tmp_path).values()
    assert {"short": 1.0, "x": 2.0} in record["scores"]


def test_generators_differ_by_item_and_seed_alone():
    first, second = ToyTask().items(2)
    draws = [generator(s, i).random(3).tolist() for s in (0, 1) for i in (first, second)]
    assert len({tuple(d) for d in draws}) == len(draws)
    assert generator(0, first).random(3).tolist() == draws[0]


def test_the_molecules_run_from_their_own_examples(tmp_path, monkeypatch):
    task = load_task("gdb17")
    monkeypatch.setattr("benchmarks.run.find_data", lambda given: None)
    if not (ROOT / "domains" / "gdb17" / "model" / "config.json").is_file():
        pytest.skip("no model in domains/gdb17/model")
    methods = ["lm", "rerank", "smc"]
    command = ["run", "gdb17", "--limit", "1", "--particles", "2", "--out", str(tmp_path)]
    assert main([*command, "--methods", ",".join(methods)]) == 0
    found = results(tmp_path)
    assert {method for method, _, _ in found} == set(methods)
    assert all(task.primary in s for r in found.values() for s in r["scores"] if s)


def test_a_summary_is_there_while_a_run_goes_on_and_says_what_is_missing(tmp_path, monkeypatch):
    real = work.run_unit
    done = []

    def stopped(task, unit, *rest):
        if done:
            raise KeyboardInterrupt
        done.append(unit)
        return real(task, unit, *rest)

    monkeypatch.setattr(work, "run_unit", stopped)
    assert run(tmp_path) == 130
    begun = (tmp_path / "summary.md").read_text()
    assert "lm: 3 of 7; smc: 0 of 7" in begun and "| lm |" in begun and "| smc |" not in begun
    monkeypatch.setattr(work, "run_unit", real)
    assert run(tmp_path) == 0
    whole = (tmp_path / "summary.md").read_text()
    assert "Not finished" not in whole and "| smc |" in whole
    assert main(["report", str(tmp_path)]) == 0
    report = (tmp_path / "report.md").read_text()
    assert report.split("![")[0].strip() in whole


def test_results_of_two_backends_are_not_mixed(tmp_path, capsys):
    assert run(tmp_path) == 0
    state = json.loads((tmp_path / "run.json").read_text())
    assert state["settings"].pop("backend") == "transformers"
    (tmp_path / "run.json").write_text(json.dumps(state))
    assert run(tmp_path) == 0  # a folder from before there were two
    state["settings"]["backend"] = "vllm"
    (tmp_path / "run.json").write_text(json.dumps(state))
    assert run(tmp_path) == 2
    assert "backend was 'vllm', is now 'transformers'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--dtype", "float32"], "--dtype float32: got for 'tests.benchmarks.toy:model'"),
        (["--temperature", "0.5"], "--temperature 0.5"),
        (["--engine-args", "[1]"], "--engine-args: got '[1]'; expected an object of JSON"),
        (["--quantization", "{"], "no JSON"),
    ],
)
def test_options_of_loading_that_cannot_be(tmp_path, capsys, arguments, said):
    assert run(tmp_path / "out", *arguments) == 2
    assert said in capsys.readouterr().err


def test_the_command_says_what_a_model_was_loaded_with(tmp_path, monkeypatch):
    loaded = []
    monkeypatch.setattr(
        tasks.smc, "load", lambda name, **options: loaded.append(options) or model()
    )
    options = ["--backend", "transformers", "--attn-implementation", "eager", "--top-k", "7"]
    options += [
        "--trust-remote-code",
        "--quantization",
        '{"quant_method": "x"}',
        "--dtype",
        "float32",
    ]
    arguments = ["run", "tests.benchmarks.toy", *SMALL, "--model", "some/name", *options]
    assert main([*arguments, "--out", str(tmp_path)]) == 0
    assert loaded == [
        {
            "backend": "transformers",
            "attn_implementation": "eager",
            "top_k": 7,
            "trust_remote_code": True,
            "quantization": {"quant_method": "x"},
            "dtype": "float32",
        }
    ]
    state = json.loads((tmp_path / "run.json").read_text())
    words = shlex.split(state["starts"][0]["command"])
    parsed = [words[words.index(o) + 1] for o in options if o.startswith("--") and "code" not in o]
    assert parsed == [v for v in options if not v.startswith("--")]
    assert "--trust-remote-code" in words and "True" not in words
    assert state["settings"]["top_k"] == 7 and state["settings"]["dtype"] == "float32"
