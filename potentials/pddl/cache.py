"""Plan cache: plans kept on disk, filed by what they are plans of."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from potentials.pddl.model import Domain, Problem
from potentials.pddl.plans import PlanningError, PlanResult, Status, checked
from potentials.pddl.strips import Step
from potentials.pddl.writing import domain_text, problem_text

_LASTING = (Status.SOLVED, Status.UNSOLVABLE)
"""Only these are kept: the others may end otherwise next time."""


@dataclass(frozen=True)
class PlanCache:
    """A folder of plans, one file a planner, domain and problem; several processes may share it.

    Files are named after a SHA-256 of all three. A plan that is read is run again; a file that is
    damaged, or whose plan does not reach the goal, counts as absent.

    Args:
        folder: Made before the first search.
    """

    folder: Path

    def get(self, domain: Domain, problem: Problem, planner: str) -> PlanResult | None:
        """Return what is known; None if nothing is."""
        try:
            kept = json.loads(self._file(domain, problem, planner).read_text(encoding="utf-8"))
            status, seconds = Status(kept["status"]), float(kept["seconds"])
            words = [line.split() for line in kept["plan"] or ()]
            steps = [Step(name, tuple(args)) for name, *args in words]
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return None
        if status is Status.UNSOLVABLE:
            return PlanResult(status, planner, None, seconds)
        result = checked(domain, problem, steps, planner, seconds)
        return result if result.status is Status.SOLVED else None

    def make(self) -> None:
        """Make the folder, if it is not there.

        Raises:
            PlanningError: It cannot be made.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unusable(error, None) from error

    def keep(self, domain: Domain, problem: Problem, planner: str, result: PlanResult) -> None:
        """Keep a result, if it is one that lasts; the file is there whole or not at all.

        Raises:
            PlanningError: The folder cannot be written; it holds the result.
        """
        if result.status not in _LASTING:
            return
        try:
            self._write(self._file(domain, problem, planner), planner, result)
        except OSError as error:
            raise self._unusable(error, result) from error

    def _write(self, file: Path, planner: str, result: PlanResult) -> None:
        kept = {
            "status": result.status.value,
            "seconds": round(result.seconds, 3),
            "planner": planner,
            "plan": [" ".join((step.action, *step.args)) for step in result.plan or ()],
        }
        handle, name = tempfile.mkstemp(dir=self.folder, suffix=".part")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as part:
                json.dump(kept, part)
            os.replace(name, file)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def _unusable(self, error: OSError, result: PlanResult | None) -> PlanningError:
        return PlanningError(
            f"plans cannot be kept in {self.folder}: {error.strerror or error}",
            expected="a folder that can be written",
            remedy="Give another folder, or None to keep no plans.",
            result=result,
        )

    def _file(self, domain: Domain, problem: Problem, planner: str) -> Path:
        text = "\0".join((planner, domain_text(domain), problem_text(problem)))
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()}.json"
