"""Fast Downward as a process of its own, with limits on its time and memory."""

from __future__ import annotations

import math
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from potentials.pddl.model import Domain, Problem
from potentials.pddl.plans import PlanningError, PlanResult, Status, checked
from potentials.pddl.strips import Step
from potentials.pddl.writing import domain_text, problem_text
from smc.errors import SettingsError

_STATUS = {
    10: Status.UNSOLVABLE,
    11: Status.UNSOLVABLE,
    12: Status.NOT_FOUND,
    13: Status.NOT_FOUND,
    20: Status.OUT_OF_MEMORY,
    21: Status.TIMEOUT,
    22: Status.OUT_OF_MEMORY,
    23: Status.TIMEOUT,
    24: Status.TIMEOUT,
}
"""What Fast Downward's exit codes mean; below 4 there is a plan, others are breakdowns."""

_SAID = 600
"""Characters of the output that are shown after a breakdown."""

_STEP = re.compile(r"\(([^()\s]+)((?:\s+[^()\s]+)*)\s*\)")


@dataclass(frozen=True)
class FastDownward:
    """Finds plans with Fast Downward, from the package `up-fast-downward` (GPL 3).

    Args:
        alias: A configuration by name; the default finds a plan soon, not the shortest one. Of one
            that goes on to better plans, such as `lama`, the best one counts that it had found when
            its time was up.
        search: In place of the alias, what its `--search` takes: `astar(ipdb())` finds a shortest
            plan.
        time_limit: Seconds, of the clock.
        memory_limit: MiB.

    Raises:
        SettingsError: A limit is not above 0.

    Reference:
        Helmert (2006), The Fast Downward planning system, J. Artif. Intell. Res. 26, 191-246.
    """

    alias: str = "lama-first"
    search: str = ""
    time_limit: float = 60.0
    memory_limit: int = 2048

    def __post_init__(self) -> None:
        if not 0 < self.time_limit < math.inf or self.memory_limit < 1:
            raise SettingsError(
                f"FastDownward: time_limit is {self.time_limit} and memory_limit "
                f"{self.memory_limit}; expected seconds and MiB above 0."
            )

    @property
    def name(self) -> str:
        """The configuration; limits are no part of it: any plan that was found in time is one."""
        return f"fast-downward {self.search or self.alias}"

    def find(self, domain: Domain, problem: Problem) -> PlanResult:
        """Search for a plan within the limits.

        Raises:
            PlanningError: The package is not installed.
        """
        driver = _driver()
        began = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="plan-") as name:
            folder = Path(name)
            (folder / "domain.pddl").write_text(domain_text(domain), encoding="ascii")
            (folder / "problem.pddl").write_text(problem_text(problem), encoding="ascii")
            code = _run(self._command(driver, folder), folder, self.time_limit)
            seconds = time.perf_counter() - began
            if code is None or code in range(4):
                last = None
                for file in _plans(folder):
                    steps = _steps(file.read_text())
                    last = checked(domain, problem, steps, self.name, seconds)
                    if last.status is Status.SOLVED:
                        return last
                if last is not None and code is not None:
                    return last
            if code is None:
                return PlanResult(Status.TIMEOUT, self.name, None, seconds)
            status = _STATUS.get(code, Status.FAILED)
            detail = ""
            if status is Status.FAILED:
                said = (folder / "output").read_text(errors="replace").split("\n")
                detail = f"exit code {code}: {' | '.join(filter(str.strip, said))[-_SAID:]}"
            return PlanResult(status, self.name, None, seconds, detail)

    def _command(self, driver: Path, folder: Path) -> list[str]:
        command = [sys.executable, str(driver), "--plan-file", str(folder / "plan")]
        command += ["--sas-file", str(folder / "sas"), "--overall-memory-limit"]
        # The driver counts processor time; the clock is ours.
        command += [f"{self.memory_limit}M", "--overall-time-limit", f"{self.time_limit + 1:.0f}s"]
        if not self.search:
            command += ["--alias", self.alias]
        command += [str(folder / "domain.pddl"), str(folder / "problem.pddl")]
        return [*command, "--search", self.search] if self.search else command


def _driver() -> Path:
    """Return Fast Downward's driver; the package is not imported, as it needs others."""
    spec = find_spec("up_fast_downward")
    for folder in (spec and spec.submodule_search_locations) or ():
        driver = Path(folder) / "downward" / "fast-downward.py"
        if driver.is_file():
            return driver
    raise PlanningError(
        "Fast Downward is not installed",
        expected="the package up-fast-downward",
        remedy="Run `pip install up-fast-downward`, or give another planner= or a plan=.",
    )


def _run(command: list[str], folder: Path, seconds: float) -> int | None:
    """Run a command in a folder; return its exit code, None if it was stopped by the clock."""
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)  # the driver and the search it started
                process.wait()


def _plans(folder: Path) -> list[Path]:
    """Return the files of plans, the best first: `plan`, or `plan.1`, `plan.2` and on."""
    files = [f for f in folder.glob("plan*") if f.name == "plan" or f.suffix[1:].isdecimal()]
    return sorted(files, key=lambda file: int(file.suffix[1:] or 0), reverse=True)


def _steps(text: str) -> list[Step]:
    """Read the steps of a plan file, whose last line is a comment."""
    plan = "\n".join(line.partition(";")[0] for line in text.lower().splitlines())
    return [Step(m[1], tuple(m[2].split())) for m in _STEP.finditer(plan)]
