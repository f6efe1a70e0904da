"""Plans kept on disk, filed by what they are plans of."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from potentials.pddl.model import Domain, Problem
from potentials.pddl.plans import PlanResult, Status, checked
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
        folder: Made when the first plan is kept.
    """

    folder: Path

    def get(self, domain: Domain, problem: Problem, planner: str) -> PlanResult | None:
        """Return what is known; None if nothing is."""
        try:
            kept = json.loads(self._file(domain, problem, planner).read_text(encoding="utf-8"))
            status, seconds = Status(kept["status"]), float(kept["seconds"])
            words = [line.split() for line in kept["plan"] or ()]
            steps = [Step(name, tuple(args)) for name, *args in words]
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return None
        if status is Status.UNSOLVABLE:
            return PlanResult(status, planner, None, seconds)
        result = checked(domain, problem, steps, planner, seconds)
        return result if result.status is Status.SOLVED else None

    def keep(self, domain: Domain, problem: Problem, planner: str, result: PlanResult) -> None:
        """Keep a result, if it is one that lasts; the file is there whole or not at all."""
        if result.status not in _LASTING:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = {
            "status": result.status.value,
            "seconds": round(result.seconds, 3),
            "planner": planner,
            "plan": [" ".join((step.action, *step.args)) for step in result.plan or ()],
        }
        handle, name = tempfile.mkstemp(dir=self.folder, suffix=".part")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(kept, file)
            os.replace(name, self._file(domain, problem, planner))
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def _file(self, domain: Domain, problem: Problem, planner: str) -> Path:
        text = "\0".join((planner, domain_text(domain), problem_text(problem)))
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()}.json"
