"""Runs spread over Ray workers: equal to a run without, whatever becomes of the workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.ray.cluster import LOCAL, ClusterError, connected
from benchmarks.store import Store
from benchmarks.tasks import ROOT
from tests.benchmarks.test_run import results
from tests.benchmarks.toy import COUNT
from tests.benchmarks.tricks import wait_until

METHODS = ("lm", "smc")
MODEL = "tests.benchmarks.toy:model"
TRICKS = ["run", "tests.benchmarks.tricks", "--particles", "4", "--batch", "1"]
TWO = ["--ray", "--ray-workers", "2"]

pytest.importorskip("ray", reason="the extra ray is not installed")


def command(data: Path, out: Path, *more: str) -> list[str]:
    base = [*TRICKS, "--methods", ",".join(METHODS), "--data", str(data), "--out", str(out)]
    return [*base, *(() if "--model" in more else ("--model", MODEL)), *more]


def stored(out: Path) -> int:
    return len(Store(out).records())


def lines(out: Path) -> set[bytes]:
    return {line for path in out.rglob("*.jsonl") for line in path.read_bytes().splitlines()}


def kill(pid: Path) -> Callable[[], None]:
    """Return what kills the process whose id is in a file."""
    return lambda: os.kill(int(pid.read_text()), signal.SIGKILL)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """A Ray on this machine, which the runs of this process use; its address."""
    with ExitStack() as stack:
        try:
            ray = stack.enter_context(connected(LOCAL, 2))
        except ClusterError as error:
            if _starts_at_all():
                raise
            pytest.skip(f"Ray does not start on this machine: {error}")
        yield ray.get_runtime_context().gcs_address


def _starts_at_all() -> bool:
    code = "import ray; ray.init(num_cpus=2, include_dashboard=False)"
    return subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The folder of tricks, empty."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int, str], dict]:
    """The results of a run in one process."""
    folder = tmp_path_factory.mktemp("serial")
    (folder / "data").mkdir()
    assert main(command(folder / "data", folder / "out")) == 0
    found = results(folder / "out")
    assert len(found) == len(METHODS) * COUNT
    return found


@pytest.mark.usefixtures("cluster")
def test_two_workers_find_what_one_process_finds(tmp_path, data, serial):
    # Each waits at an item for the other, so that the run ends only if both take part.
    for item in range(COUNT):
        (data / f"meet-toy-{item}").touch()
    assert main(command(data, tmp_path / "out", *TWO, "--batch", "3")) == 0
    assert results(tmp_path / "out") == serial
    assert len(list(data.glob("met-*"))) == 2
    assert not (data / f"met-{os.getpid()}").exists()
    run = Store(tmp_path / "out").read_run()
    assert run is not None
    assert run["starts"][0]["workers"] == 2


@pytest.mark.usefixtures("cluster")
def test_a_worker_killed_in_mid_run_leaves_no_trace(tmp_path, data, serial, capsys):
    out = tmp_path / "out"
    (data / "hold-toy-4").touch()
    pid = data / "pid-toy-4"

    def kill_it() -> None:
        """Once there are results, and one worker is in the midst of an item."""
        wait_until(lambda: pid.exists() and pid.read_text().endswith("\n") and stored(out) > 0)
        (data / "hold-toy-4").unlink()
        kill(pid)()

    killer = threading.Thread(target=kill_it)
    killer.start()
    status = main(command(data, out, *TWO))
    killer.join()
    assert status == 0
    assert "was lost" in capsys.readouterr().err
    assert results(out) == serial


@pytest.mark.usefixtures("cluster")
def test_an_item_that_kills_every_worker_is_reported_and_the_rest_is_done(
    tmp_path, data, serial, capsys
):
    out = tmp_path / "out"
    (data / "kill-toy-4").touch()
    assert main(command(data, out, *TWO, "--methods", "smc", "--limit", "6")) == 2
    message = " ".join(capsys.readouterr().err.split())
    assert "3 workers were lost, one after the other, over each of these: smc, seed 0" in message
    assert "items toy-4." in message
    assert results(out) == {
        key: record
        for key, record in serial.items()
        if key[0] == "smc" and key[2] not in ("toy-4", "toy-6")
    }


@pytest.mark.usefixtures("cluster")
def test_an_exception_of_the_program_ends_the_run_as_it_does_without_ray(tmp_path, data):
    (data / "raise-toy-4").touch()
    raised = []
    for name, more in (("here", []), ("ray", TWO)):
        with pytest.raises(LookupError) as caught:
            main(command(data, tmp_path / name, *more))
        raised.append((type(caught.value), str(caught.value)))
    assert raised[0] == raised[1]
    assert any("on the machine" in note for note in caught.value.__notes__)


@pytest.mark.usefixtures("cluster")
def test_a_model_that_cannot_be_made_is_explained_as_without_ray(tmp_path, data, capsys):
    said = []
    for more in ([], TWO):
        wrong = command(data, tmp_path / "out", "--model", "tests.benchmarks.toy:none", *more)
        assert main(wrong) == 2
        said.append(capsys.readouterr().err)
    assert said[0] == said[1]
    assert "none" in said[0]
    assert not list(tmp_path.rglob("run.json"))


@pytest.mark.usefixtures("cluster")
def test_workers_that_die_before_they_are_ready_end_the_run(tmp_path, data, capsys):
    dying = "tests.benchmarks.tricks:dying_model"
    assert main(command(data, tmp_path / "out", "--model", dying, "--ray", "local")) == 2
    message = " ".join(capsys.readouterr().err.split())
    assert "lost one after the other before they were ready" in message
    assert not list(tmp_path.rglob("run.json"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_a_driver_that_stops_takes_its_workers_along_and_the_run_goes_on(
    tmp_path, data, serial, cluster, how, status
):
    out = tmp_path / "out"
    (data / "hold-toy-4").touch()
    pid = data / "pid-toy-4"
    # Ctrl-C in a Ray of its own, as on one machine; the kill in a cluster that lives on.
    ray = TWO if how == signal.SIGINT else ["--ray", cluster, "--ray-workers", "2"]
    driver = subprocess.Popen(
        [sys.executable, "-m", "benchmarks", *command(data, out, *ray)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        # Where a shell runs the tests in the background, Ctrl-C is ignored, by children too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        wait_until(
            lambda: (
                driver.poll() is not None
                or (pid.exists() and pid.read_text().endswith("\n") and stored(out) > 0)
            )
        )
        assert driver.poll() is None, driver.communicate()
        worker = int(pid.read_text())
        assert alive(worker)
        # As a terminal does, to all processes in its foreground.
        (os.killpg if how == signal.SIGINT else os.kill)(driver.pid, how)
        _, said = driver.communicate(timeout=60)
    finally:
        driver.kill()
    assert driver.returncode == status, said.decode()
    wait_until(lambda: not alive(worker))
    before = lines(out)
    assert before
    (data / "hold-toy-4").unlink()
    assert main(command(data, out, *TWO)) == 0
    assert before <= lines(out)
    assert results(out) == serial


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_a_real_model_is_loaded_by_each_worker(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.run.find_data", lambda given: None)
    if not (ROOT / "domains" / "gdb17" / "model" / "config.json").is_file():
        pytest.skip("no model in domains/gdb17/model")
    base = ["run", "gdb17", "--limit", "2", "--particles", "2", "--batch", "1"]
    base += ["--methods", "smc", "--out"]
    assert main([*base, str(tmp_path / "here")]) == 0
    assert main([*base, str(tmp_path / "ray"), *TWO]) == 0
    assert results(tmp_path / "ray") == results(tmp_path / "here")
