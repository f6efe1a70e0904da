"""The training of a small model of Python for the data science task.

    python -m domains.ds1000.train --out DIR --work DIR --minutes 60 --seed 0

It learns from the examples in the docstrings of the packages in the task's environment (`make
ds1000-env`), cut and renamed anew in every epoch, and never from a problem of DS-1000. ``--work``
holds the checkpoint and the log; the same command continues an interrupted run from there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from domains.ds1000.environment import FOLDER
from domains.ds1000.training.documents import document
from domains.ds1000.training.evaluate import held_out_loss
from domains.ds1000.training.examples import examples
from domains.training import command, run
from domains.training import setting as common
from domains.training.batch import Batch
from domains.training.tokenizer import train_tokenizer

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

HELD_OUT_EVERY = 50
WORDS = r"\n| *[^\W\d]+| *[^\w\s]+|\d| +"
"""A newline and a digit are tokens of their own; words and symbols take their spaces along."""
_TOKENIZER_EPOCHS = 2


@dataclass(frozen=True)
class Setting(common.Setting):
    """What fixes a run."""

    minutes: float = 60.0
    rows: int = 8
    length: int = 512
    width: int = 256
    layers: int = 6
    inner: int = 640
    vocabulary: int = 2048
    context: int = 2048


class Docstrings:
    """The corpus: for each example a text, made anew in every epoch.

    Args:
        setting: Of the run.
        site: Folder of the installed packages.
    """

    def __init__(self, setting: Setting, site: Path) -> None:
        self.setting = setting
        everything = examples(site)
        self.examples = [e for i, e in enumerate(everything) if i % HELD_OUT_EVERY]
        self.held_out = everything[::HELD_OUT_EVERY]

    def texts(self, epoch: int) -> Iterator[str]:
        """Yield the texts of an epoch, in its order."""
        rng = np.random.default_rng([self.setting.seed, epoch])
        for index in rng.permutation(len(self.examples)):
            text = document(self.examples[index], rng)
            if text is not None:
                yield text

    def make_tokenizer(self) -> PreTrainedTokenizerFast:
        """Learns the merges from the first epochs."""
        texts = (text for epoch in range(_TOKENIZER_EPOCHS) for text in self.texts(epoch))
        setting = self.setting
        return train_tokenizer(texts, setting.vocabulary, setting.context, WORDS)

    def batches(self, tokenizer: PreTrainedTokenizerFast, epoch: int) -> Iterator[Batch]:
        """Yields batches of whole rows; what does not fill a batch is dropped with its epoch."""
        rows, length = self.setting.rows, self.setting.length + 1
        size = rows * length
        for number in count(epoch):
            ids: list[int] = []
            for text in self.texts(number):
                ids += [*tokenizer.encode(text), tokenizer.eos_token_id]
                if len(ids) >= size:
                    yield Batch(number, np.array(ids[:size], np.int64).reshape(rows, length))
                    ids = []

    def validate(
        self, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, prompts: int
    ) -> dict[str, float]:
        """The loss on texts from held-out docstrings."""
        rng = np.random.default_rng(0)
        made = (document(example, rng) for example in self.held_out)
        texts = [text for text in made if text is not None][:prompts]
        return held_out_loss(model, tokenizer, texts)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring. `--data` is not looked at."""

    def make(setting: Setting, _data: Path, work: Path) -> run.TrainingRun:
        site = next(iter((FOLDER / "lib").glob("python3*/site-packages")), FOLDER)
        return run.TrainingRun(setting, Docstrings(setting, site), work)

    command.main(
        "domains.ds1000.train", Setting(), Path(__file__).parent / "model", make, arguments
    )


if __name__ == "__main__":
    main()
