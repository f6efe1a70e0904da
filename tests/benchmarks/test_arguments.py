"""Arguments that cannot be: each is explained, and nothing is written."""

from __future__ import annotations

import pytest

from benchmarks.__main__ import main
from benchmarks.run import with_room
from tests.benchmarks.test_run import run


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--methods", "smc,magic"], "magic"),
        (["--methods", ","], "--methods"),
        (["--particles", "0"], "num_particles"),
        (["--ess-threshold", "1.5"], "ess_threshold"),
        (["--resampling", "magic"], "resampling"),
        (["--max-tokens", "0"], "max_tokens"),
        (["--seeds", "0"], "--seeds"),
        (["--batch", "0"], "--batch"),
        (["--limit", "0"], "--limit"),
        (["--data", "nowhere/at/all"], "--data"),
        (["--model", "tests.benchmarks.toy:nothing"], "nothing"),
        (["--model", "no_such_module:model"], "no_such_module"),
    ],
)
def test_bad_arguments_are_explained_and_leave_nothing(tmp_path, capsys, arguments, said):
    assert run(tmp_path / "out", *arguments) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.json*"))


@pytest.mark.parametrize("name", ["nonsense", "no.such.module", "..", "tests.exact"])
def test_an_unknown_domain_is_explained(tmp_path, capsys, name):
    assert main(["run", name, "--out", str(tmp_path)]) == 2
    assert "domain" in capsys.readouterr().err


def test_a_domain_without_a_model_asks_for_one(tmp_path, capsys):
    assert main(["run", "tests.benchmarks.toy", "--out", str(tmp_path)]) == 2
    assert "--model" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "rows", "engine_args"),
    [
        ({"backend": "vllm"}, 320, {"max_num_seqs": 320}),
        (
            {"backend": "vllm", "engine_args": {"max_model_len": 9}},
            320,
            {"max_num_seqs": 320, "max_model_len": 9},
        ),
        ({"backend": "vllm", "engine_args": {"max_num_seqs": 64}}, 320, {"max_num_seqs": 64}),
        ({"backend": "vllm"}, 100, None),
        ({"backend": "transformers"}, 320, None),
    ],
)
def test_vllm_is_given_room_for_all_rows_of_a_batch(options, rows, engine_args):
    assert with_room(options, rows).get("engine_args") == engine_args
