"""Ray's settings: addresses, how many workers, and what a worker checks before it takes units."""

from __future__ import annotations

import pickle
import platform
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.methods import RunSettings
from benchmarks.ray.cluster import Places, places, threads
from benchmarks.ray.worker import Failure, Ready, Setup, Worker, code_digest, items_digest
from benchmarks.selection import Selection
from benchmarks.store import Store
from benchmarks.tasks import ROOT
from smc.errors import SettingsError
from tests.benchmarks.tricks import TASK

RUN = ["run", "tests.benchmarks.tricks", "--model", "tests.benchmarks.toy:model"]


@pytest.fixture
def setup() -> Setup:
    """What the driver of a run on this machine sends."""
    return Setup(
        domain="tests.benchmarks.tricks",
        selection=Selection(),
        data=None,
        model="tests.benchmarks.toy:model",
        options={},
        settings=RunSettings(4, TASK.max_tokens),
        items_digest=items_digest(TASK.items()),
        model_digest=None,
        code=code_digest(),
    )


def refusal(setup: Setup) -> str:
    answer = Worker().prepare(setup)
    assert isinstance(answer, Failure)
    assert isinstance(answer.error, SettingsError)
    assert platform.node() in str(answer.error)
    return str(answer.error)


def test_a_worker_that_finds_everything_runs_units(setup):
    worker = Worker()
    answer = worker.prepare(pickle.loads(pickle.dumps(setup)))
    assert isinstance(answer, Ready)
    assert answer.provenance.keys() == {"machine", "versions"}
    records = worker.run("smc", 1, ["toy-3", "toy-1"])
    assert isinstance(records, list)
    assert [(r["item"], r["method"], r["seed"]) for r in records] == [
        ("toy-3", "smc", 1),
        ("toy-1", "smc", 1),
    ]


def test_a_worker_with_other_prompts_refuses(setup, monkeypatch):
    monkeypatch.setenv("TOY_PROMPT", "b")
    assert "the data" in refusal(setup)


def test_a_worker_with_other_code_refuses(setup):
    assert "source code" in refusal(replace(setup, code="0" * 16))


def test_a_worker_without_the_data_names_its_machine(setup, monkeypatch, tmp_path):
    missing = replace(setup, data=str(tmp_path / "nowhere"))
    monkeypatch.delenv("SMC_DATA", raising=False)
    monkeypatch.setattr("benchmarks.tasks.ROOT", tmp_path / "checkout")
    assert "nowhere does not exist on the machine" in refusal(missing)
    monkeypatch.setenv("SMC_DATA", str(tmp_path))  # the data lie elsewhere on that machine
    assert isinstance(Worker().prepare(missing), Ready)


def test_a_worker_without_the_model_or_with_another_names_its_machine(setup, tmp_path):
    assert "does not exist on the machine" in refusal(replace(setup, model=str(tmp_path / "no")))
    (tmp_path / "config.json").write_text("{}")
    other = replace(setup, model=str(tmp_path), model_digest="0" * 16)
    assert "the model" in refusal(other)


class AwkwardError(Exception):
    """Can be pickled, but not brought back."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{what} at {where}")


def test_exceptions_travel_and_say_where_they_come_from(setup, monkeypatch):
    worker = Worker()
    worker.prepare(setup)

    def fail(error: Exception) -> Exception:
        def score(*_: object) -> dict[str, float]:
            raise error

        monkeypatch.setattr(type(TASK), "score", score)
        answer = worker.run("smc", 0, ["toy-0"])
        assert isinstance(answer, Failure)
        return pickle.loads(pickle.dumps(answer)).error

    plain = fail(KeyError("x"))
    assert type(plain) is KeyError
    assert plain.args == ("x",)
    assert "in score" in plain.__notes__[0]
    awkward = fail(AwkwardError("home", "a fault"))
    assert "AwkwardError: a fault at home" in str(awkward)
    assert platform.node() in str(awkward)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--ray", "nonsense"], "HOST:PORT"),
        (["--ray", "http://host:80"], "HOST:PORT"),
        (["--ray", "host:"], "HOST:PORT"),
        (["--ray", "ray://host"], "ray://HOST:PORT"),
        (["--ray", "--ray-workers", "0"], "--ray-workers"),
        (["--ray-workers", "2"], "--ray"),
        (["--ray", "--device", "cuda:1"], "--device cuda"),
    ],
)
def test_bad_arguments_are_explained_and_leave_nothing(tmp_path, capsys, arguments, said):
    assert main([*RUN, "--out", str(tmp_path / "out"), *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.rglob("*"))


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_an_address_where_nobody_listens_is_explained(tmp_path, capsys, scheme):
    pytest.importorskip("ray")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    address = f"{scheme}127.0.0.1:{port}"
    assert main([*RUN, "--out", str(tmp_path), "--ray", address]) == 2
    message = capsys.readouterr().err
    assert f"nothing answers at {address}" in message
    assert "Expected a Ray cluster" in message
    assert not list(tmp_path.rglob("*.json*"))


def test_without_the_package_the_extra_is_named(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main([*RUN, "--out", str(tmp_path), "--ray"]) == 2
    assert "pip install -e '.[ray]'" in capsys.readouterr().err


def test_ray_is_not_imported_before_it_is_asked_for():
    code = "import benchmarks.__main__, sys; sys.exit('ray' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def node(cpu: float, gpu: float = 0, alive: bool = True) -> dict:
    resources = {"CPU": cpu} | ({"GPU": gpu} if gpu else {})
    return {"Alive": alive, "Resources": resources}


@pytest.mark.parametrize(
    ("nodes", "workers", "device", "given", "expected"),
    [
        # A GPU each; a share of one where more workers are wanted, such that all fit.
        ([node(8, 4)], None, None, "", Places(4, 0, 1)),
        ([node(8, 2), node(8, 2)], None, None, "", Places(4, 0, 1)),
        ([node(8, 2)], 3, None, "", Places(3, 0, 1 / 2)),
        ([node(8, 4)], 2, None, "", Places(2, 0, 1)),
        ([node(8, 2), node(8, 2, alive=False)], None, None, "", Places(2, 0, 1)),
        # Cores: room for two at least, four threads each at most, unless it is said.
        ([node(2)], None, None, "", Places(2, 1)),
        ([node(64)], None, None, "", Places(16, 4)),
        ([node(64)], 4, None, "", Places(4, 4)),
        ([node(8)], None, None, "1", Places(8, 1)),
        ([node(1)], None, None, "", Places(1, 1)),
        ([node(8), node(16), node(0)], None, None, "4", Places(6, 4)),
        ([node(8, 2)], None, "cpu", "", Places(2, 4)),
    ],
)
def test_how_many_workers_there_are(monkeypatch, nodes, workers, device, given, expected):
    monkeypatch.setenv("OMP_NUM_THREADS", given)
    assert places(nodes, workers, device) == expected


@pytest.mark.parametrize(
    ("given", "cores", "workers", "expected"),
    [("3", 8, None, 3), ("", 8, 8, 1), ("", 8, 16, 1), ("no", 8, None, 4), ("0", 2, None, 1)],
)
def test_how_many_threads_a_worker_has(monkeypatch, given, cores, workers, expected):
    monkeypatch.setenv("OMP_NUM_THREADS", given)
    assert threads(cores, workers) == expected


def test_the_command_that_is_written_down_names_no_host(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr("benchmarks.run.ray_team", _local_team)
    begin = Store.begin

    def noted(self, common, start):
        written.append(start)
        begin(self, common, start)

    monkeypatch.setattr(Store, "begin", noted)
    for address in (["--ray"], ["--ray", "secret-host:6379"], []):
        assert main([*RUN, "--limit", "1", "--out", str(tmp_path / "out"), *address]) == 0
    commands = [start["command"] for start in written]
    assert "--ray local" in commands[0]
    assert "--ray auto" in commands[1]
    assert "--ray" not in commands[2]
    assert not any("secret" in c or str(Path(tmp_path)) in c for c in commands)


def _local_team(address: str, setup: Setup, **_: object) -> object:
    from contextlib import nullcontext

    from benchmarks.tasks import load_model
    from benchmarks.work import Here

    assert setup.model is not None
    return nullcontext(Here(TASK, load_model(setup.model), setup.settings))
