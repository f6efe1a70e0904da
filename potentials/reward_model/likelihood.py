"""Likelihood as reward: a solution scores as high as the model would write it itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from potentials import returned
from potentials.reward_model.encoding import chat_ids, encode
from potentials.reward_model.formats import Format, Reading
from potentials.reward_model.model import RewardModel
from potentials.reward_model.texts import clean, common_prefix, question_of
from smc.errors import SettingsError
from smc.model import Prompt
from smc.steps import Solution


@dataclass(frozen=True)
class Continuation(Format):
    """A solution as a language model goes on from the question.

    Each step is encoded alone, so that what comes later never changes the tokens of a step.

    Attributes:
        chat: The question is a user's turn, and the solution its answer; otherwise they are plain
            text, one after the other.
        between: What stands between question and steps in plain text.
    """

    chat: bool = False
    between: str = "\n"

    def readings(
        self, tokenizer: Any, question: str, steps: Sequence[str], first: int = 0
    ) -> list[Reading]:
        """Return one text, marked at the last token of each step."""
        asked = clean(tokenizer, question)
        if self.chat:
            ids = chat_ids(tokenizer, [{"role": "user", "content": asked}], answer_next=True)
        else:
            ids = encode(tokenizer, f"{asked}{self.between}", specials=True)
            while len(ids) > 1 and ids[-1] == tokenizer.eos_token_id:
                ids.pop()  # some tokenizers end every text; this one goes on
        marks = []
        for step in steps:
            ids += encode(tokenizer, clean(tokenizer, step))
            marks.append(len(ids) - 1)
        return [Reading(tuple(ids), tuple(marks[first:]))]


@dataclass(frozen=True)
class Logistic:
    """1 / (1 + exp(−(intercept + slope · log p))): from a log likelihood to P(right).

    Attributes:
        slope: Above 0.
        intercept: The log odds at likelihood 1.

    Raises:
        SettingsError: The slope is not above 0, or a number is not finite.

    Example:
        >>> Logistic(slope=2.0, intercept=0.0)(0.0)
        0.5

    Reference:
        Platt (1999), Probabilistic outputs for support vector machines.
    """

    slope: float
    intercept: float

    def __post_init__(self) -> None:
        if not (0 < self.slope < math.inf and math.isfinite(self.intercept)):
            raise SettingsError(
                f"likelihood: slope {self.slope}, intercept {self.intercept}; expected a number "
                "above 0, and a finite one."
            )

    def __call__(self, log_likelihood: float) -> float:
        """Return the probability at a log likelihood, which may be −∞."""
        log_odds = self.intercept + self.slope * log_likelihood
        if log_odds < 0:
            odds = math.exp(log_odds)
            return odds / (1 + odds)
        return 1 / (1 + math.exp(-log_odds))


class LikelihoodReward(RewardModel):
    r"""Judges steps by their likelihood under a causal language model.

    The score of a step is p(it and all steps before it | question): it never rises along a
    solution. With a calibration it is P(it and all steps before it are right), as far as the
    likelihood tells. Unlike a verifier that is asked whether a solution is right and answers
    "Yes" or "No" (Zhang et al. 2024, arXiv:2408.15240), the model needs no training for it; but a
    right step that is one of many ways to go on scores low.

    Nothing is read twice, and batches are as those of `RewardModel`. See `load_likelihood_reward`.

    Args:
        model: A causal language model of `transformers`, in evaluation mode.
        tokenizer: Of the model.
        format: How it is shown a solution, in one text. The tokens of a step are those after the
            mark of the one before, up to its own mark.
        calibration: From log likelihood to score; None: the likelihood itself.
        question: See `RewardModel`.
        batch_size: See `RewardModel`.
        cache_tokens: See `RewardModel`.

    Raises:
        SettingsError: A number is out of its range.

    Example:
        `load_likelihood_reward` makes one of a model's name or folder::

            reward = load_likelihood_reward("gpt2", calibration=Logistic(1.7, 3.7))
            reward.scores("2+2=?", [("2+2=4\n",), ("2+2=5\n",)])
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        format: Format | None = None,
        *,
        calibration: Logistic | None = None,
        question: Callable[[Prompt], str] = question_of,
        batch_size: int = 64,
        cache_tokens: int = 32_768,
    ) -> None:
        from potentials.reward_model.token_network import TokenNetwork

        super().__init__(
            TokenNetwork(model),
            tokenizer,
            _Written(format or Continuation()),
            question=question,
            batch_size=batch_size,
            cache_tokens=cache_tokens,
        )
        self._score: Callable[[float], float] = calibration or math.exp

    def scores(self, prompt: Prompt, solutions: Sequence[Solution]) -> list[tuple[float, ...]]:
        """Return for each solution one score for each of its steps; see `RewardModel.scores`."""
        rows = self.log_likelihoods(prompt, solutions)
        return [
            returned.scores(
                [self._score(value) for value in row], len(row), "calibration=", f"log p of {row!r}"
            )
            for row in rows
        ]

    def log_likelihoods(
        self, prompt: Prompt, solutions: Sequence[Solution]
    ) -> list[tuple[float, ...]]:
        """Return for each solution and step log p(it and all steps before it | question)."""
        return [
            tuple(accumulate(math.log(p) if p > 0 else -math.inf for p in row))
            for row in super().scores(prompt, solutions)
        ]


@dataclass(frozen=True)
class _Written(Format):
    """A format, read from where the first token of the first step is foretold."""

    shown: Format

    def readings(
        self, tokenizer: Any, question: str, steps: Sequence[str], first: int = 0
    ) -> list[Reading]:
        shown = self.shown.readings(tokenizer, question, steps)
        if len(shown) != 1:
            raise SettingsError(
                f"likelihood: {type(self.shown).__name__} shows a solution in {len(shown)} texts; "
                "expected a format that shows it in one, such as Continuation."
            )
        ids, marks = shown[0].ids, shown[0].marks
        # A first step may be joined to the end of the question in one token, which is the step's.
        opening = common_prefix(self.opening(tokenizer, question), ids)
        before = marks[first - 1] if first else max(opening - 1, 0)
        return [Reading(ids, marks[first:], before)]

    def opening(self, tokenizer: Any, question: str) -> tuple[int, ...]:
        return self.shown.opening(tokenizer, question)
