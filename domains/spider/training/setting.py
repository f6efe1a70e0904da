"""The settings of a training run: all that fixes it, apart from the machine."""

from __future__ import annotations

from dataclasses import dataclass

from domains.training import setting


@dataclass(frozen=True)
class Setting(setting.Setting):
    """The sizes of this model, and how the questions are shown.

    Attributes:
        questions: About one schema, in one row, at most.
        plain: Share of the rows that keep names, order and the whole schema; half of it later on.
        swap: Share of the values that are exchanged.
        links: Weight of the names in a question, against 1 of the query: to copy them from the
            schema is to be learned too.
        batches: Of an epoch.
        late: Epoch from which on most names are new, and many of them made up. What is known by
            heart does not help then: the model has to read the schema.
        made_up: Share of the new names then that are words of other questions.
    """

    minutes: float = 66.0
    rows: int = 8
    length: int = 384
    width: int = 128
    layers: int = 4
    inner: int = 320
    head: int = 32
    vocabulary: int = 3072
    questions: int = 6
    plain: float = 0.25
    swap: float = 0.5
    links: float = 0.3
    batches: int = 100
    late: int = 12
    made_up: float = 0.7
