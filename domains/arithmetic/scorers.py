"""Step scorers without a model: the oracle, and the oracle with noise."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

from domains.arithmetic.steps import problem_of, sound
from smc.model import Prompt
from smc.steps import Solution


@dataclass
class OracleScorer:
    """Scores 1 as long as every step so far follows, and 0 from the first one that does not.

    Attributes:
        passes: Solutions judged so far.
    """

    passes: int = field(default=0, init=False)
    tokens: int = field(default=0, init=False, repr=False)

    def scores(self, prompt: Prompt, solutions: Sequence[Solution]) -> list[tuple[float, ...]]:
        """Return for each solution one score for each of its steps.

        Raises:
            ValueError: The prompt is not a problem of this domain.
        """
        self.passes += len(solutions)
        problem = problem_of(_text(prompt))
        return [tuple(map(float, sound(problem, s))) for s in solutions]


@dataclass
class NoisyScorer:
    """The oracle through noise: a normal variable whose mean says whether all is right so far.

    The score is the probability of "right" given the variable, right and wrong being equally
    likely beforehand. The noise is a function of seed, problem and steps, so that the same steps
    always get the same score; it is drawn anew at every step.

    Attributes:
        auc: That a right step scores above a wrong one; above 0.5 and below 1.
        seed: Of the noise.
        passes: Solutions judged so far.
    """

    auc: float = 0.85
    seed: int = 0
    passes: int = field(default=0, init=False)
    tokens: int = field(default=0, init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0.5 < self.auc < 1:
            raise ValueError(
                f"arithmetic: auc is {self.auc}; expected a number above 0.5 (a guess) and below 1 "
                "(the oracle)."
            )
        # The means are d apart at variance 1: AUC = Φ(d / √2).
        self._distance = math.sqrt(2) * NormalDist().inv_cdf(self.auc)

    def scores(self, prompt: Prompt, solutions: Sequence[Solution]) -> list[tuple[float, ...]]:
        """Return for each solution one score for each of its steps.

        Raises:
            ValueError: The prompt is not a problem of this domain.
        """
        self.passes += len(solutions)
        text = _text(prompt)
        problem = problem_of(text)
        return [
            tuple(
                self._score(right, text, solution[: k + 1])
                for k, right in enumerate(sound(problem, solution))
            )
            for solution in solutions
        ]

    def _score(self, right: bool, text: str, steps: Solution) -> float:
        seen = f"{self.seed}\0{text}\0{''.join(steps)}".encode("utf-8", "replace")
        digest = hashlib.blake2b(seen, digest_size=8).digest()
        uniform = (int.from_bytes(digest, "big") + 0.5) / 2.0**64
        noise = NormalDist().inv_cdf(min(max(uniform, 1e-12), 1 - 1e-12))
        log_odds = self._distance * (noise + self._distance * (0.5 if right else -0.5))
        return 1 / (1 + math.exp(-log_odds))


def _text(prompt: Prompt) -> str:
    if not isinstance(prompt, str):
        raise ValueError(f"arithmetic: the prompt is {prompt!r:.80}; expected a problem's text.")
    return prompt
