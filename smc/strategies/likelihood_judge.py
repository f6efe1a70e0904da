"""LLM as a judge, by likelihood: how probable a model finds "Yes" for its next word (P(True))."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from smc.door import adjusted
from smc.errors import PromptError, SettingsError
from smc.model import AdjustableModel, DrawRequest, LanguageModel, Prompt, Tokenizes
from smc.model import pack_mask as packed
from smc.steps import Solution
from smc.strategies.arguments import at_least_one
from smc.strategies.beginnings import rated_beginnings
from smc.strategies.writing import Template, question_of

VERDICT = Template(
    "Question:\n{question}\n\nSolution, perhaps unfinished:\n{solution}\n\nIs all of this right so "
    "far, and does it lead to the right answer? Answer Yes or No.",
    fields=("question", "solution"),
)
"""How the judge is asked."""


class LikelihoodJudge:
    """Scores the steps of a solution by P(yes) / (P(yes) + P(no)) of the word that would come next.

    Nothing is drawn: one forward pass for each beginning of a solution, and a score that is no
    rounded rating. The model is read at temperature 1 and over all its tokens, whatever it is
    sampled at. A beginning that was judged before in a run is not read again.

    Args:
        model: A language model; the judged model itself, or a larger one.
        template: How it is asked.
        yes: Words that say the solution is good, in any of their spellings with a space before or
            a capital letter.
        no: Words that say the contrary.
        cue: What a prompt of text has behind the template; in a chat the answer has its own turn.
        batch: Beginnings in one forward pass.
        memory: Beginnings that are remembered.

    Attributes:
        unreadable: Beginnings that did not fit the model's context; their score is 0.

    Raises:
        SettingsError: A number below 1; or the model cannot say how words are written in tokens,
            or writes both words with the same first token.

    Source: Kadavath et al. (2022), "Language models (mostly) know what they know"; Zhang et al.
    (2024), "Generative verifiers: reward modeling as next-token prediction", section 3.1.
    """

    def __init__(
        self,
        model: LanguageModel,
        *,
        template: Template = VERDICT,
        yes: Sequence[str] = ("Yes",),
        no: Sequence[str] = ("No",),
        cue: str = "\n\nAnswer:",
        batch: int = 32,
        memory: int = 65536,
    ) -> None:
        at_least_one(batch=batch, memory=memory)
        own = (1.0, 1.0, 0) if isinstance(model, AdjustableModel) else (None, None, None)
        self._model = adjusted(model, *own)
        self._template = template
        self._batch = batch
        self._cue = cue
        words = _first_tokens(self._model, yes), _first_tokens(self._model, no)
        shared = sorted(words[0] & words[1])
        if shared:
            raise SettingsError(
                f"judge: {yes!r} and {no!r} begin with the same tokens {shared} for this model; "
                "expected words that it tells apart by their first token. Give others."
            )
        self._masks = [self._mask(ids) for ids in words]
        self._known: LRUCache[tuple[tuple[bool, str], str], float] = LRUCache(memory)
        self.unreadable = 0
        self._passes = self._tokens = 0

    @property
    def passes(self) -> int:
        """Forward passes of the judge so far, one for each beginning."""
        return self._passes

    @property
    def tokens(self) -> int:
        """Tokens of these beginnings and their questions; 0 of a model that does not tell."""
        return self._tokens

    def clear(self) -> None:
        """Forget all scores; what has been counted stays."""
        self._known.clear()

    def scores(self, prompt: Prompt, solutions: Sequence[Solution]) -> list[tuple[float, ...]]:
        """Return for each solution one score in [0, 1] for each of its steps.

        Raises:
            PromptError: The model takes no prompt of this kind: the first ones all failed.
        """
        question = question_of(prompt)
        key = isinstance(prompt, str), question

        def rate(texts: list[str]) -> list[float]:
            judged: list[float] = []
            for at in range(0, len(texts), self._batch):
                part = texts[at : at + self._batch]
                judged += self._judged([self._prompt(prompt, question, text) for text in part])
            self._known.update({(key, t): value for t, value in zip(texts, judged, strict=True)})
            return judged

        return rated_beginnings(self._known, key, solutions, rate)

    def _prompt(self, prompt: Prompt, question: str, text: str) -> Prompt:
        asked = self._template.like(prompt, {"question": question, "solution": text})
        asked = f"{asked}{self._cue}" if isinstance(asked, str) else asked
        encode = getattr(self._model, "encode", None)
        if encode is None:
            return asked
        try:
            return encode(asked, 1)
        except PromptError:
            return asked  # it does not fit, which `_judged` finds and counts

    def _judged(self, prompts: Sequence[Prompt]) -> list[float]:
        """Judge a batch; where it fails, its halves, so that a long text costs only itself."""
        try:
            decoding = self._model.start(prompts, self._model.vocabulary, 1)
        except PromptError:
            if len(prompts) > 1:
                half = len(prompts) // 2
                return [*self._judged(prompts[:half]), *self._judged(prompts[half:])]
            if not self._passes:  # it is not the length of one text
                raise
            self.unreadable += 1
            return [0.0]
        rows = np.arange(len(prompts), dtype=np.int64)
        middle = np.full(len(prompts), 0.5)
        yes, no = (
            decoding.draw(
                DrawRequest(rows, middle, np.repeat(mask[None], len(rows), axis=0))
            ).log_weights
            for mask in self._masks
        )
        self._passes += len(prompts)
        self._tokens += sum(len(p) for p in prompts if isinstance(p, tuple))
        either = np.logaddexp(yes, no)
        return [
            float(np.exp(y - e)) if e > -np.inf else 0.0 for y, e in zip(yes, either, strict=True)
        ]

    def _mask(self, ids: set[int]) -> NDArray[np.uint32]:
        allowed = np.zeros(len(self._model.vocabulary), dtype=np.bool_)
        allowed[list(ids)] = True
        return packed(allowed)


def _first_tokens(model: LanguageModel, words: Sequence[str]) -> set[int]:
    """The tokens that words begin with; of their spellings the shortest in tokens."""
    if not isinstance(model, Tokenizes):
        raise SettingsError(
            f"judge: {model!r:.80} does not say how words are written in tokens; expected a model "
            "with the method tokenize (smc.model.Tokenizes). Use the judge that is prompted."
        )
    spelled: list[tuple[int, ...]] = []
    for word in words:
        for form in dict.fromkeys(
            (word, word.lower(), word.upper(), f" {word}", f" {word.lower()}")
        ):
            try:
                spelled.append(model.tokenize(form))
            except PromptError:
                continue
    shortest = min((len(ids) for ids in spelled if ids), default=0)
    if not shortest:
        raise SettingsError(
            f"judge: the model cannot write any of {list(words)!r} in its tokens; expected words "
            "that it can. Give others."
        )
    return {ids[0] for ids in spelled if len(ids) == shortest}
