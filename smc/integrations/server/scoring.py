"""Scoring: the log probabilities of the tokens of an answer, some of them at each step."""

from __future__ import annotations

from collections.abc import Iterator

from smc.integrations.server.choices import chosen, sequence_of
from smc.integrations.server.jobs import Job
from smc.model import LanguageModel
from smc.posterior import Posterior
from smc.ranking import token_log_probs


class Scoring:
    """The texts of a job that has its posterior, under the model as it was loaded.

    Args:
        job: Which asks for it; its `scores` are filled in.
        posterior: Its result, not extinct.
        model: At temperature 1, with no token cut off.
    """

    def __init__(self, job: Job, posterior: Posterior, model: LanguageModel) -> None:
        self.job, self.posterior = job, posterior
        self._model = model
        self._blocks = self._scored()

    def step(self) -> bool:
        """Score some tokens more; whether none is left.

        Raises:
            SMCError: The model failed.
        """
        return next(self._blocks, None) is None

    def _scored(self) -> Iterator[bool]:
        asked = self.job.request
        wanted = asked.scored
        assert wanted is not None
        texts = chosen(self.posterior, wanted.n, draw=wanted.draw, seed=asked.seed)
        for text in dict.fromkeys(texts):
            tokens = [t for t in sequence_of(self.posterior, text).tokens if t >= 0]
            prompt, rest = asked.prompt, tokens
            if wanted.echo:  # nothing is known of the first token
                prompt, rest = asked.prompt[:1], [*asked.prompt[1:], *tokens]
            scores = self.job.scores[text] = []
            for block in token_log_probs(self._model, prompt, rest, top=wanted.top):
                scores += block
                yield True
