"""The data science task: a problem in words and the beginning of a program are answered by code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domains.base import Item, checked_weights
from domains.ds1000.data import Ds1000Problem, load
from domains.ds1000.harness import Harness, parse_harness
from smc.potential import AnyPotential, Boundary

if TYPE_CHECKING:
    from domains.ds1000.potential import RunsOnInputs

STOP = ("</code>", "END SOLUTION", "# SOLUTION END")
"""What ends an answer: the marks that the prompts open, the last one in Matplotlib's."""
LIBRARIES = ("Pandas", "Numpy", "Matplotlib", "Sklearn", "Scipy")
"""What the environment holds; `Pytorch` and `Tensorflow` are left out."""


@dataclass(frozen=True)
class Ds1000Item(Item):
    """A problem.

    Attributes:
        harness: What of its test harness the potentials may see.
        problem: All of it, which only the scorer sees.
    """

    harness: Harness = field(repr=False)
    problem: Ds1000Problem = field(repr=False)


@dataclass(frozen=True)
class Ds1000Task:
    """DS-1000, set up as by Loula et al. 2025 (arXiv:2504.13139).

    The prompt is the problem's own as it stands, which ends where the code begins.

    Args:
        libraries: Whose problems are taken.
        statements: Particles wait for each other at the end of every statement, and are resampled
            there; False: after any token.
        words: Show the whole prompt; False: only its code, from the last line `A:` on, for models
            of a short context.
        environment: Folder of the virtual environment that runs the code; None: the one of
            `make ds1000-env`.
    """

    libraries: tuple[str, ...] = LIBRARIES
    statements: bool = False
    words: bool = True
    environment: Path | None = None

    name = "ds1000"
    primary = "correct"
    stop = STOP
    max_tokens = 500
    proposal = None

    def __post_init__(self) -> None:
        unknown = [name for name in self.libraries if name not in LIBRARIES]
        if unknown or not self.libraries:
            raise ValueError(
                f"ds1000: libraries is {self.libraries}; expected some of {', '.join(LIBRARIES)}. "
                "The environment of the tests holds no others."
            )

    @property
    def resample_at(self) -> Boundary[Any] | None:
        """Where particles wait for each other: the engine's argument of this name."""
        from domains.ds1000.statements import answer_statements

        return answer_statements() if self.statements else None

    def items(self, limit: int | None = None, data: Path | None = None) -> list[Ds1000Item]:
        """Return the problems, of each library in turn; see `left_out` for those that are not.

        Args:
            limit: The first so many; None: all.
            data: Root of the data sets, or the folder or file of DS-1000.

        Raises:
            FileNotFoundError: The data set is not there.
            ValueError: It is not DS-1000's, or the limit is negative.
        """
        if limit is not None and limit < 0:
            raise ValueError(f"ds1000: limit is {limit}; expected None, 0 or more.")
        kept = [item for item, reason in self._all(data) if not reason]
        by_library = [[i for i in kept if i.problem.library == name] for name in self.libraries]
        mixed = [i for turn in zip_longest(*by_library) for i in turn if i is not None]
        return mixed if limit is None else mixed[:limit]

    def left_out(self, data: Path | None = None) -> dict[str, str]:
        """Return the problems, by id, that cannot be run in the environment, and why.

        Raises:
            FileNotFoundError: The data set is not there.
            ValueError: It is not DS-1000's.
        """
        return {item.id: reason for item, reason in self._all(data) if reason}

    def cheap(self, item: Ds1000Item) -> list[AnyPotential]:
        """Return nothing: as in the paper, no grammar takes part."""
        return []

    def expensive(self, item: Ds1000Item) -> list[AnyPotential]:
        """Return execution on the test inputs; the same object for the same problem."""
        return [self._execution(item)]

    def score(self, item: Ds1000Item, text: str) -> dict[str, float]:
        """Return `correct` and `runs`, and `correct` by library and by perturbation.

        `runs` says whether the program runs on the test inputs without an exception.
        """
        from domains.ds1000.environment import interpreter, sandbox
        from domains.ds1000.scoring import judge

        verdict = judge(item.problem, text, sandbox(interpreter(self.environment)))
        correct = float(verdict.correct)
        perturbation = item.problem.perturbation.lower().replace("-", "_")
        return {
            "correct": correct,
            "runs": float(verdict.correct or self._execution(item, 1).complete(text) == 0.0),
            f"correct_{item.problem.library.lower()}": correct,
            f"correct_{perturbation}": correct,
        }

    def population_scores(
        self, item: Ds1000Item, texts: Sequence[str], weights: Sequence[float]
    ) -> dict[str, float]:
        """Return nothing: answers are judged one by one."""
        checked_weights(texts, weights)
        return {}

    def _all(self, data: Path | None) -> list[tuple[Ds1000Item, str]]:
        """Return all problems in the order of the file, and why one is left out if it is."""
        reasons: list[tuple[Ds1000Item, str]] = []
        for problem in load(data):
            harness = parse_harness(problem.context)
            name = f"ds1000-{problem.problem_id:04d}"
            item = Ds1000Item(name, self._prompt(problem), harness, problem)
            reasons.append((item, self._reason(problem, harness)))
        return reasons

    def _prompt(self, problem: Ds1000Problem) -> str:
        start = 0 if self.words else problem.prompt.rfind("\nA:\n") + 1
        return problem.prompt[start:]

    def _reason(self, problem: Ds1000Problem, harness: Harness) -> str:
        if problem.library not in self.libraries:
            return f"{problem.library} is not among the libraries"
        if harness.downloads:
            return f"its tests fetch data from the internet ({harness.downloads})"
        return ""

    def _execution(self, item: Ds1000Item, copy: int = 0) -> RunsOnInputs:
        """Return the potential: 0 is the one that steers, 1 the one that judges.

        What the judge has run is not to be known to a method that comes after, whose time it would
        save.
        """
        from domains.ds1000.environment import interpreter

        return _execution(item.harness, interpreter(self.environment), copy)


TASK = Ds1000Task()


@lru_cache(maxsize=2048)
def _execution(harness: Harness, python: Path, copy: int) -> RunsOnInputs:
    del copy
    from domains.ds1000.environment import sandbox
    from domains.ds1000.potential import RunsOnInputs

    return RunsOnInputs(harness, sandbox(python))
