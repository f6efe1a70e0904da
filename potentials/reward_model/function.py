"""A reward model from a function of the user's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cachetools import LRUCache

from potentials import returned
from smc.errors import PotentialError
from smc.model import Prompt
from smc.steps import Solution

Judge = Callable[[Prompt, Solution], Sequence[float]]
"""From a prompt and the steps of a solution to a score in [0, 1] for each step."""

_SOLUTIONS = 20_000
"""Solutions that are remembered."""


class FunctionReward:
    r"""Judges the steps of solutions by a function; see `StepScorer`.

    Args:
        function: Pure: the same steps always get the same scores. It is asked once for each
            distinct solution of a run.

    Example:
        >>> reward = FunctionReward(lambda prompt, steps: [0.9 if "=" in s else 0.1 for s in steps])
        >>> reward.scores("2+2", [("2+2\n", "=4")])
        [(0.1, 0.9)]
    """

    def __init__(self, function: Judge) -> None:
        self._function = function
        self._known: LRUCache[tuple[object, Solution], tuple[float, ...]] = LRUCache(_SOLUTIONS)
        self._passes = 0

    @property
    def passes(self) -> int:
        """Solutions that the function was asked about so far."""
        return self._passes

    @property
    def tokens(self) -> int:
        """None: there is no network."""
        return 0

    def clear(self) -> None:
        """Forget all scores; what has been counted stays."""
        self._known.clear()

    def scores(self, prompt: Prompt, solutions: Sequence[Solution]) -> list[tuple[float, ...]]:
        """Return for each solution one score for each of its steps.

        Raises:
            PotentialError: The function raised, or returned something else than that.
        """
        return [self._of(prompt, tuple(solution)) for solution in solutions]

    def _of(self, prompt: Prompt, solution: Solution) -> tuple[float, ...]:
        if not solution:
            return ()
        key = (prompt if isinstance(prompt, str) else repr(prompt), solution)
        if key in self._known:
            return self._known[key]
        self._passes += 1
        try:
            value = self._function(prompt, solution)
        except Exception as error:
            raise PotentialError(
                f"reward function: raised {type(error).__name__}: {error}, at the steps "
                f"{solution!r:.200}; expected a score in [0, 1] for each. A bad step should get 0."
            ) from error
        scores = returned.scores(value, len(solution), "reward function", f"the steps {solution!r}")
        self._known[key] = scores
        return scores
