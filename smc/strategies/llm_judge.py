"""LLM as a judge: a process reward model made of a writer that is asked for ratings."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence

import numpy as np
from cachetools import LRUCache

from smc.model import Prompt
from smc.steps import Solution, StepModel
from smc.strategies.arguments import at_least_one
from smc.strategies.beginnings import rated_beginnings
from smc.strategies.seeds import Seed, fixed
from smc.strategies.writing import Template, Writer, as_writer, question_of

RATING = Template(
    "Question:\n{question}\n\nSolution, perhaps unfinished:\n{solution}\n\nHow likely is it that "
    "all of this is right so far, and leads to the right answer? Say one whole number from 0 (not "
    "at all) to 10 (certainly), and nothing else.",
    fields=("question", "solution"),
)
"""How the judge is asked."""

_NUMBER = re.compile(r"(?<![\d.])(10|\d)(?:\.\d+)?(?![\d.]*\d)")


def rating_of_ten(text: str) -> float | None:
    """Return the first number from 0 to 10 in a text, over 10; None if there is none.

    Example:
        >>> rating_of_ten("I would say 7/10."), rating_of_ten("No idea.")
        (0.7, None)
    """
    found = _NUMBER.search(text)
    return None if found is None else min(float(found[0]), 10.0) / 10


class LLMJudge:
    """Scores the steps of a solution by asking a model how good the solution is up to each.

    A beginning that was rated before in a run is not asked about again, so that a search pays for
    its new steps only. With `Options(aggregate="whole")` a solution is one step, and is rated once.

    Args:
        model: A writer, or a step model; the judged model itself, or a larger one.
        template: How it is asked.
        read: From its text to a score in [0, 1]; None: the text says nothing.
        votes: Ratings asked for each beginning; their mean is its score.
        unread: The score where no rating can be read.
        temperature: Of the judge; None: its own.
        max_tokens: Of a rating.
        seed: Of the ratings. One does not depend on what else was asked.
        memory: Beginnings that are remembered.

    Raises:
        SettingsError: A number below 1, or what is no writer.

    Source: Zheng et al. (2023), "Judging LLM-as-a-judge with MT-bench and chatbot arena".
    """

    def __init__(
        self,
        model: StepModel | Writer,
        *,
        template: Template = RATING,
        read: Callable[[str], float | None] = rating_of_ten,
        votes: int = 1,
        unread: float = 0.0,
        temperature: float | None = None,
        max_tokens: int = 16,
        seed: Seed = 0,
        memory: int = 65536,
    ) -> None:
        at_least_one(votes=votes, max_tokens=max_tokens, memory=memory)
        self._writer = as_writer(model)
        self._template = template
        self._read = read
        self._votes = votes
        self._unread = unread
        self._temperature = temperature
        self._max_tokens = max_tokens
        self._seed = fixed(seed)
        self._known: LRUCache[tuple[str, str], float] = LRUCache(memory)
        self._passes = 0
        self._tokens = 0
        self.unreadable = 0

    @property
    def passes(self) -> int:
        """Forward passes of the judge so far."""
        return self._passes

    @property
    def tokens(self) -> int:
        """Tokens that the judge has written so far."""
        return self._tokens

    def clear(self) -> None:
        """Forget all ratings; what has been counted stays."""
        self._known.clear()

    def scores(self, prompt: Prompt, solutions: Sequence[Solution]) -> list[tuple[float, ...]]:
        """Return for each solution one score in [0, 1] for each of its steps."""
        question = question_of(prompt)
        return rated_beginnings(
            self._known, question, solutions, lambda texts: self._rate(prompt, question, texts)
        )

    def _rate(self, prompt: Prompt, question: str, texts: Sequence[str]) -> list[float]:
        asked = [
            self._template.like(prompt, {"question": question, "solution": text})
            for text in texts
            for _ in range(self._votes)
        ]
        rngs = [self._generator(question, text, k) for text in texts for k in range(self._votes)]
        before = self._writer.passes
        written = self._writer.write(
            asked, rngs=rngs, temperature=self._temperature, max_tokens=self._max_tokens
        )
        self._passes += self._writer.passes - before
        self._tokens += sum(w.num_tokens for w in written)
        failed = [w.error for w in written if w.error is not None]
        if failed and len(failed) == len(written):
            raise failed[0]
        readings = [None if w.error is not None else self._read(w.text) for w in written]
        scores = []
        for i, text in enumerate(texts):
            own = readings[i * self._votes : (i + 1) * self._votes]
            readable = [r for r in own if r is not None]
            self.unreadable += len(own) - len(readable)
            score = float(np.mean(readable)) if readable else self._unread
            if not any(w.error for w in written[i * self._votes : (i + 1) * self._votes]):
                self._known[question, text] = score  # what failed is asked about again
            scores.append(score)
        return scores

    def _generator(self, question: str, text: str, vote: int) -> np.random.Generator:
        key = json.dumps([question, text, vote]).encode()
        return np.random.default_rng([self._seed, *key])
