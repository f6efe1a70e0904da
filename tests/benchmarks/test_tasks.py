"""Tasks by name: domains, their variants, and names of before."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings

import pytest

from benchmarks.__main__ import main
from benchmarks.tasks import ROOT, current_name, domain_names, load_task, task_names
from domains.ds1000.task import Ds1000Task
from domains.math_word.task import MathWordTask
from domains.planetarium.task import PlanetariumTask
from domains.spider.task import SpiderTask
from smc.errors import SettingsError
from tests.benchmarks.toy import ToyTask

VARIANTS = {
    "spider:chat": SpiderTask(chat=True),
    "spider:zero_shot": SpiderTask(shots=0),
    "spider:compact": SpiderTask(shots=0, compact=True),
    "spider:by_clause": SpiderTask(shots=0, compact=True, by_clause=True),
    "spider:by_name": SpiderTask(shots=0, compact=True, by_name=True),
    "ds1000:by_statement": Ds1000Task(statements=True),
    "ds1000:code_only": Ds1000Task(words=False),
    "ds1000:code_only_by_statement": Ds1000Task(words=False, statements=True),
    "planetarium:without_plan": PlanetariumTask(potential="consistent+reachable"),
    "planetarium:whole_state": PlanetariumTask(potential="consistent+reachable+whole"),
    "math_word:aime": MathWordTask(dataset="aime"),
    "math_word:gsm8k": MathWordTask(dataset="gsm8k"),
}


@pytest.mark.parametrize(("name", "task"), VARIANTS.items())
def test_a_variant_is_named_after_its_domain(name, task):
    assert load_task(name) == task


@pytest.mark.parametrize("name", VARIANTS)
def test_the_module_that_a_variant_was_still_names_it(name):
    old = f"domains.{name.replace(':', '.')}"
    with pytest.warns(DeprecationWarning, match=f"now called '{name}'"):
        assert load_task(old) == VARIANTS[name]
    with pytest.warns(DeprecationWarning):
        assert current_name(old.removeprefix("domains.")) == name


def test_names_without_a_variant_are_spelled_as_before():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in ("spider", "domains.spider", "domains.spider.task", "tests.benchmarks.toy"):
            assert current_name(name) == name
            load_task(name)


def test_every_task_states_where_and_how_full_smc_draws():
    assert set(VARIANTS) < set(task_names())
    for name in task_names():
        task = load_task(name)
        assert hasattr(task, "resample_at") and hasattr(task, "proposal"), name


def test_what_domains_share_is_no_domain():
    assert domain_names() == [
        "arithmetic",
        "countdown",
        "ds1000",
        "functions",
        "gdb17",
        "math_word",
        "planetarium",
        "reasoning",
        "spider",
    ]
    with pytest.raises(SettingsError, match=r"'training' not found; expected one of arithmetic"):
        load_task("training")


def test_unknown_names_are_answered_with_what_there_is(tmp_path, capsys):
    for name in ("spidr", "spidr:chat"):
        assert main(["run", name, "--out", str(tmp_path)]) == 2
        said = capsys.readouterr().err
        assert f"'{name}' not found" in said
        assert all(known in said for known in task_names())
    assert main(["run", "spider:by_claws", "--out", str(tmp_path)]) == 2
    assert "no variant 'by_claws'; expected one of spider:chat" in capsys.readouterr().err
    assert main(["run", "gdb17:x", "--out", str(tmp_path)]) == 2
    assert "no variant 'x'; expected gdb17 alone" in capsys.readouterr().err


def test_the_help_lists_tasks(capsys):
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    said = "".join(capsys.readouterr().out.split())
    assert all(name in said for name in task_names())


def test_who_gives_a_command_sees_that_a_name_in_it_is_old(tmp_path):
    command = [sys.executable, "-m", "benchmarks", "run", "domains.math_word.gsm8k"]
    done = subprocess.run(
        [*command, "--out", str(tmp_path), "--data", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "now called 'math_word:gsm8k'" in done.stderr


def test_variants_are_not_mixed_in_one_folder(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("tests.benchmarks.toy.VARIANTS", {"other": ToyTask()}, raising=False)
    shared = ["--model", "tests.benchmarks.toy:model", "--particles", "2", "--methods", "lm"]
    shared += ["--limit", "1", "--out", str(tmp_path)]
    assert main(["run", "tests.benchmarks.toy:other", *shared]) == 0
    run = json.loads((tmp_path / "run.json").read_text())
    assert run["settings"]["variant"] == "other"
    assert "benchmarks run tests.benchmarks.toy:other " in run["starts"][0]["command"]
    assert main(["run", "tests.benchmarks.toy", *shared]) == 2
    assert "variant was 'other', is now None" in capsys.readouterr().err


def test_a_folder_from_before_variants_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.benchmarks.toy.VARIANTS", {"other": ToyTask()}, raising=False)
    shared = ["--model", "tests.benchmarks.toy:model", "--particles", "2", "--methods", "lm"]
    command = ["run", "tests.benchmarks.toy:other", *shared, "--out", str(tmp_path)]
    assert main([*command, "--limit", "1"]) == 0
    run = json.loads((tmp_path / "run.json").read_text())
    del run["settings"]["variant"]
    (tmp_path / "run.json").write_text(json.dumps(run))
    assert main([*command, "--limit", "2"]) == 0
    assert json.loads((tmp_path / "run.json").read_text())["settings"]["variant"] == "other"
