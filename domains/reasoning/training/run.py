"""A training run of the reasoning model, which may begin with the weights of another."""

from __future__ import annotations

from pathlib import Path

from domains.reasoning.training.beginning import inherit
from domains.reasoning.training.corpus import ReasoningCorpus, ReasoningSetting
from domains.training.token_run import TokenRun


class ReasoningRun(TokenRun):
    """See `TokenRun`."""

    def __init__(self, setting: ReasoningSetting, corpus: ReasoningCorpus, work: Path) -> None:
        super().__init__(setting, corpus, work)
        if setting.begin and self.progress.step == 0:
            inherit(self.model, self.tokenizer, setting.begin, setting.seed)
