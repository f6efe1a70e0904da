"""The micro-benchmarks run at tiny sizes and report what they promise; nothing here is timed."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.micro import __main__ as command
from benchmarks.micro import (
    engine_vs_genlm,
    few_shot_prefill,
    genlm,
    long_prompt,
    models,
    timing,
)
from benchmarks.micro.timing import Options, Result

TINY = Options(repeats=2, particles=3, tokens=4, vocabulary=300, hidden=64, layers=1)
ELSEWHERE = ("engine_vs_genlm", "engine_vs_vllm", "few_shot_prefill")
"""In environments of their own, or on a data set."""
IN_PROCESS = [name for name in command.NAMES if name not in ELSEWHERE]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("micro")


@pytest.fixture(autouse=True)
def small_corpus(monkeypatch):
    monkeypatch.setattr("benchmarks.micro.models._CORPUS_BYTES", 20_000)
    monkeypatch.setattr("benchmarks.micro.models.PROMPT", (5, 6))


def _check_figures(result: Result) -> None:
    found = json.loads(json.dumps(result.as_dict()))
    assert {"name", "ours", "ratio", "unit", "setting", "machine", "date", "versions"} <= set(found)
    assert ("peer" in found) != ("limit" in found)
    assert found["ours"] > 0 and found["ratio"] > 0
    low, high = found["interval"]
    assert low <= found["ratio"] <= high


@pytest.mark.parametrize("name", IN_PROCESS)
def test_runs_and_reports(name, cache, monkeypatch):
    from importlib import import_module

    module = import_module(f"benchmarks.micro.{name}")
    if hasattr(module, "PROMPT"):
        monkeypatch.setattr(module, "PROMPT", (5, 6))
    if hasattr(module, "VOCABULARY"):
        monkeypatch.setattr(module, "VOCABULARY", TINY.vocabulary)
    result = module.run(TINY, cache)
    assert result.name == name
    _check_figures(result)


def test_long_prompt_gives_a_peer_what_it_would_read_too_long(cache, monkeypatch):
    monkeypatch.setattr(long_prompt, "PEER_TOKENS", 100)
    monkeypatch.setattr(long_prompt, "LENGTHS", (20, 60))
    found = long_prompt.run(replace(TINY, sizes=(2, 4), repeats=2, peer_repeats=1), cache)
    _check_figures(found)
    cases = found.details["cases"]
    assert [(c["particles"], c["prompt"]) for c in cases] == [(2, 20), (2, 60), (4, 20), (4, 60)]
    assert ["peer_whole_seconds" in case for case in cases] == [True, False, True, False]
    assert all(case["peer_step_seconds"] > 0 for case in cases)


def test_command_takes_several_sizes(monkeypatch):
    monkeypatch.setattr(long_prompt, "run", lambda options: Result("", 1, 1, "", str(options)))
    args = command._parser().parse_args(["long_prompt", "--sizes", "10,32", "--peer-repeats", "1"])
    assert (args.sizes, args.peer_repeats) == ((10, 32), 1)
    assert command.main(["long_prompt", "--sizes", "10,32", "--json"]) == 0


def test_a_few_shot_beginning_is_read_once(cache):
    """Of 20 questions behind one beginning, 3 in 4 of their tokens, no more than 45% are read."""
    import transformers

    shots = "".join(
        f"Question {i}: how many of {i} are there?\nSQL: SELECT {i}\n" for i in range(60)
    )
    prompts = [f"{shots}Table t{i} with columns {'abc' * 40}{i}\nSQL:" for i in range(20)]
    folder = models.model_folder(TINY, cache)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    read, whole = few_shot_prefill.prefill_tokens(tokenizer, prompts)
    assert read <= few_shot_prefill.SHARE * whole
    alone, one = few_shot_prefill.prefill_tokens(tokenizer, prompts[:1])
    assert alone == one, "the count sees every token of a prompt that shares nothing"


def test_engine_vs_genlm_agrees_on_the_evidence(cache, monkeypatch):
    if not genlm.PYTHON.exists():
        pytest.skip("needs the environment of `make genlm-env`")
    monkeypatch.setattr(engine_vs_genlm, "PROMPT", (5, 6))
    monkeypatch.setattr(genlm, "PROMPT", (5, 6))
    monkeypatch.setattr(
        engine_vs_genlm, "variants", lambda particles: [genlm.Variant("direct", particles, False)]
    )
    result = engine_vs_genlm.run(TINY, cache)
    _check_figures(result)
    assert result.details["peer_versions"]["genlm-control"]
    # A random model is nearly uniform, so every run finds nearly the same evidence; a token more
    # or less, or an EOS counted differently, would be a factor of a hundred.
    ours, peer = (np.array(result.details["log_evidence"][side]) for side in ("ours", "peer"))
    assert abs(ours.mean() - peer.mean()) < 1


def test_without_the_environment_it_says_how_to_make_it(cache, monkeypatch):
    monkeypatch.setattr(genlm, "PYTHON", genlm.ROOT / "absent" / "python")
    with pytest.raises(FileNotFoundError, match="make genlm-env"):
        engine_vs_genlm.run(TINY, cache)


def test_command_prints_one_json_object(capsys, monkeypatch):
    result = Result("resample", ours=2.0, limit=4.0, ratio=2.0, unit="s", setting="none")
    seen = []
    monkeypatch.setattr(
        "benchmarks.micro.resample.run", lambda options: seen.append(options) or result
    )
    assert command.main(["resample", "--json", "--particles", "5", "--clock", "cpu"]) == 0
    assert seen[0].particles == 5 and seen[0].clock == "cpu"
    found = json.loads(capsys.readouterr().out)
    assert (found["ours"], found["limit"], found["ratio"]) == (2.0, 4.0, 2.0)
    assert command.main(["resample"]) == 0
    assert "limit 4" in capsys.readouterr().out


def test_command_skips_what_cannot_run(capsys, monkeypatch):
    def absent(options):
        raise FileNotFoundError("no environment")

    monkeypatch.setattr("benchmarks.micro.engine_vs_genlm.run", absent)
    assert command.main(["engine_vs_genlm", "--json"]) == 1
    assert "no environment" in capsys.readouterr().err


def test_interleaved_alternates_and_drops_the_warm_up():
    order = []

    def side(name):
        def once(seed):
            order.append((name, seed))
            return float(seed)

        return once

    found = timing.interleaved([side("a"), side("b")], repeats=2)
    assert [name for name, _ in order] == ["a", "b", "b", "a", "a", "b"]
    np.testing.assert_array_equal(found, [[1, 1], [2, 2]])


def test_ratio_of_medians_pairs_its_rounds():
    # A machine that slows down threefold halfway hits both sides.
    peer = np.array([3.0, 3.0, 1.0, 1.0, 1.0])
    ratio, (low, high) = timing.ratio_of_medians(2 * peer, peer)
    assert (ratio, low, high) == (2.0, 2.0, 2.0)
