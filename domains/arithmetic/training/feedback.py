"""Training of the critic and editor: drafts of the policy, what is wrong with them, and edits.

After Wang et al. (2025), "HelpSteer3", whose critic and editor are trained on what people wrote.
Here the domain says which line is the first wrong one, and the edit is the right solution. One
model learns both, from batches in turn, and begins as the policy.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from domains.arithmetic.feedback import PROMPTS, RIGHT, WRONG, feedback_on
from domains.arithmetic.problems import parse
from domains.arithmetic.steps import solve
from domains.arithmetic.training.feedback_quality import measure
from domains.arithmetic.training.policy import BATCHES_AN_EPOCH, PolicySetting, padded
from domains.arithmetic.training.samples import LEVELS_IN_TURN, Sample
from domains.training.batch import Batch
from domains.training.halving import halve
from domains.training.run import TrainingRun

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

Row = tuple[str, str]
"""What is asked, and what is to be learnt."""


@dataclass(frozen=True)
class FeedbackSetting(PolicySetting):
    """The policy's sizes, with room for a draft and its feedback.

    Attributes:
        minutes: Of the processor's time.
        problems: With drafts of the policy.
        attempts: Of each of them; the wrong ones are learnt from.
        held_out: Drafts of the calibration part, at temperature 1.
        wrong: Share of drafts with a mistake, where a level has both kinds.
        silent: Share of edits without feedback.
        misled: Share of edits with feedback that is false.
    """

    minutes: float = 4.8
    rows: int = 8
    length: int = 512
    context: int = 1024
    rate: float = 0.5
    problems: int = 1_600
    attempts: int = 8
    held_out: int = 200
    wrong: float = 0.6
    silent: float = 0.1
    misled: float = 0.1


class FeedbackCorpus:
    """Batches of one level each, of feedbacks and of edits in turn; see `Corpus`.

    Args:
        setting: Sizes, shares and seed.
        policy: The policy's folder.
        drafts: To learn from. Beside those that are wrong stand the right solutions of the same
            problems, so that no problem is known by its verdict.
        held_out: To measure with.
    """

    def __init__(
        self,
        setting: FeedbackSetting,
        policy: Path,
        drafts: Sequence[Sample],
        held_out: Sequence[Sample],
    ) -> None:
        self.setting, self.policy, self.held_out = setting, policy, held_out
        self._all: dict[int, list[str]] = defaultdict(list)
        self._wrong: dict[int, list[tuple[str, str]]] = defaultdict(list)
        for draft in drafts:
            self._all[draft.level].append(draft.prompt)
            text = "".join(draft.steps)
            if feedback_on(parse(draft.prompt), text) != RIGHT:
                self._wrong[draft.level].append((draft.prompt, text))
        self._levels = [level for level in LEVELS_IN_TURN if self._all[level]]

    def make_tokenizer(self) -> PreTrainedTokenizerFast:
        """Return the policy's tokenizer, for longer texts."""
        tokenizer = AutoTokenizer.from_pretrained(self.policy)
        tokenizer.model_max_length = self.setting.context
        return tokenizer

    def batches(self, tokenizer: PreTrainedTokenizerFast, epoch: int) -> Iterator[Batch]:
        """Yield batches without end; only the feedback counts, or the edit."""
        while True:
            rng = random.Random(f"feedback {self.setting.seed} {epoch}")
            for k in range(BATCHES_AN_EPOCH):
                level = self._levels[k // 2 % len(self._levels)]
                yield self._batch(tokenizer, epoch, level, k % 2 == 1, rng)
            epoch += 1

    def _batch(
        self,
        tokenizer: PreTrainedTokenizerFast,
        epoch: int,
        level: int,
        edits: bool,
        rng: random.Random,
    ) -> Batch:
        budget = self.setting.rows * self.setting.length
        rows: list[list[int]] = []
        prompts: list[int] = []
        longest = 0
        while True:
            asked, learnt = self.row(level, edits, rng)
            prompt = tokenizer.encode(asked)
            row = [*prompt, *tokenizer.encode(learnt), tokenizer.eos_token_id]
            longest = max(longest, len(row))
            if rows and longest * (len(rows) + 1) > budget:
                return padded(rows, prompts, epoch, tokenizer.pad_token_id)
            rows.append(row)
            prompts.append(len(prompt))

    def row(self, level: int, edits: bool, rng: random.Random) -> Row:
        """Return a feedback to be learnt, or an edit, with what it is asked for by."""
        text, draft = self._draft(level, rng)
        problem = parse(text)
        values = {"question": text, "draft": draft}
        said = feedback_on(problem, draft)
        if not edits:
            return PROMPTS.feedback.text(values), said
        drawn = rng.random()
        if drawn < self.setting.silent:
            said = ""
        elif drawn < self.setting.silent + self.setting.misled:
            said = _false(draft, said, rng)
        return PROMPTS.edit.text(values | {"feedback": said}), "".join(solve(problem))

    def _draft(self, level: int, rng: random.Random) -> tuple[str, str]:
        """A problem with a draft, which is wrong in a given share of cases."""
        wrong = self._wrong[level]
        if wrong and rng.random() < self.setting.wrong:
            return rng.choice(wrong)
        text = rng.choice(self._all[level])
        return text, "".join(solve(parse(text)))

    def validate(
        self, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, prompts: int
    ) -> dict[str, Any]:
        """Return the shares of `Quality.figures` on drafts of the calibration part."""
        own = (model, tokenizer)
        return measure(self.held_out[:prompts], critic=own, editor=own, seed=0).figures()


def _false(draft: str, said: str, rng: random.Random) -> str:
    """A feedback that is not the true one: another line of the draft, or that all is right."""
    others = [f"{WRONG}{line}" for line in draft.splitlines() if f"{WRONG}{line}" != said]
    return rng.choice([*others, *([RIGHT] if said != RIGHT else [])] or [said])


class FeedbackRun(TrainingRun):
    """A run that begins with the policy's weights; its clock is the processor's.

    Args:
        setting: Sizes, budget and seed.
        corpus: Drafts and policy.
        work: Folder of the run.
    """

    def __init__(self, setting: FeedbackSetting, corpus: FeedbackCorpus, work: Path) -> None:
        super().__init__(setting, corpus, work)
        if self.progress.step == 0:
            policy = AutoModelForCausalLM.from_pretrained(corpus.policy, dtype=torch.float32)
            self.model.load_state_dict(policy.state_dict())

    def clock(self) -> float:
        """See `TrainingRun.clock`."""
        return time.process_time()

    def export(self, out: Path) -> None:
        """See `TrainingRun.export`; weights are stored at half precision, and read at single."""
        super().export(out)
        halve(out)
