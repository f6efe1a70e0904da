"""Settings and progress of a training run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """What fixes a run, apart from the machine; a domain subclasses it to change and add.

    Attributes:
        minutes: Of training steps; the learning rate follows the share of them that is spent.
        seed: Of the weights at the start and of the batches.
        rows: Of a batch.
        length: Tokens of a row.
        width: Of the hidden states.
        layers: Of the model.
        inner: Width inside the blocks' gated part.
        head: Width of an attention head.
        vocabulary: Tokens.
        context: Positions that the model has at most.
        rate: The peak learning rates, in those of `optimizer`.
    """

    minutes: float = 70.0
    seed: int = 0
    rows: int = 16
    length: int = 384
    width: int = 192
    layers: int = 5
    inner: int = 384
    head: int = 64
    vocabulary: int = 512
    context: int = 1024
    rate: float = 1.0

    def __post_init__(self) -> None:
        if self.width % self.head:
            raise ValueError(
                f"width is {self.width}; expected a multiple of the head size, {self.head}."
            )


@dataclass
class Progress:
    """How far a run has come; stored in the checkpoint.

    Attributes:
        step: Updates done.
        seconds: Spent on them.
        epoch: Of the last batch.
        in_epoch: Batches of that epoch so far.
        tokens: Read so far, padding included.
    """

    step: int = 0
    seconds: float = 0.0
    epoch: int = 0
    in_epoch: int = 0
    tokens: int = 0
