"""Training command of the embedded language model of the molecule task.

    python -m domains.gdb17.train --data DIR --out DIR --work DIR --minutes 70 --seed 0

``--work`` holds the checkpoint and the log (``log.jsonl``); the same command continues an
interrupted run from there, with the time already spent taken off the budget. At the end the model
is exported to ``--out``; ``--export`` does that at once from the last checkpoint.
``python -m domains.gdb17.training.card`` then measures it and writes the model card.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from domains.gdb17.data import load
from domains.gdb17.prompt import split
from domains.gdb17.training.data import Lines, batches
from domains.gdb17.training.evaluate import validation_loss
from domains.gdb17.training.tokenizer import train_tokenizer
from domains.training import command, run
from domains.training.batch import Batch
from domains.training.setting import Setting

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

__all__ = ["MoleculeRun", "Setting", "main"]

TOKENIZER_MOLECULES = 100_000


class Molecules:
    """The corpus: molecules one after the other, in lines of the task's format.

    Args:
        setting: of the run.
        data: the data set's file, or a folder that holds it.
    """

    def __init__(self, setting: Setting, data: Path) -> None:
        self.setting = setting
        self.molecules, self.held_out = split(load(data))

    def make_tokenizer(self) -> PreTrainedTokenizerFast:
        """Learns the merges from the first molecules."""
        first = self.molecules[:TOKENIZER_MOLECULES]
        return train_tokenizer(first, self.setting.context, self.setting.vocabulary)

    def batches(self, tokenizer: PreTrainedTokenizerFast, epoch: int) -> Iterator[Batch]:
        """Returns batches; an epoch shows every molecule once."""
        lines, setting = Lines(tokenizer, self.molecules), self.setting
        rows = batches(lines, setting.rows, setting.length + 1, setting.seed, epoch)
        return (Batch(number, batch) for number, batch in rows)

    def validate(
        self, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, prompts: int
    ) -> dict[str, float]:
        """The loss on held-out molecules."""
        return validation_loss(model, tokenizer, self.held_out, prompts)


class MoleculeRun(run.TrainingRun):
    """A training run and its files.

    Args:
        setting: sizes, budget and seed.
        data: the data set's file, or a folder that holds it.
        work: folder for checkpoint, tokenizer and log; made if absent.
    """

    def __init__(self, setting: Setting, data: Path, work: Path) -> None:
        super().__init__(setting, Molecules(setting, data), work)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    out = Path(__file__).parent / "model"
    command.main("domains.gdb17.train", Setting(), out, MoleculeRun, arguments)


if __name__ == "__main__":
    main()
