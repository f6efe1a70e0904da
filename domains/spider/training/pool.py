"""Names for new schemas: those of other databases, and made-up ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from domains.spider.training.examples import Known


@dataclass(frozen=True)
class Pool:
    """Names to draw from, each with how it is spoken.

    Attributes:
        tables: Of tables.
        columns: Of columns, by their kind: keys or others.
        words: To make names up of.
    """

    tables: Sequence[tuple[str, str]]
    columns: Mapping[bool, Sequence[tuple[str, str]]]
    words: Sequence[str] = ()

    @classmethod
    def of(cls, databases: Iterable[Known], questions: Iterable[str] = ()) -> Pool:
        """Return the names of some databases, and the words of some questions."""
        words = {w for q in questions for w in re.findall(r"[a-z]{3,12}", q.lower())}
        tables: dict[str, str] = {}
        columns: dict[str, str] = {}
        for known in databases:
            tables |= {n: " ".join(words) for n, words in known.names.tables.items()}
            columns |= {n: " ".join(words) for n, words in known.names.columns.items()}
        kinds = {
            key: [(n, s) for n, s in columns.items() if is_key(n) is key and 0 < len(s) < 30]
            for key in (True, False)
        }
        short = [(n, s) for n, s in tables.items() if 0 < len(s) < 30]
        return cls(short, kinds, sorted(words))

    def made_up(self, key: bool, rng: np.random.Generator) -> tuple[str, str]:
        """Return a name of one or two words, and how it is spoken."""
        words = [str(w) for w in rng.choice(self.words, rng.integers(1, 3))]
        words += ["id"] if key else []
        return ("" if rng.random() < 0.1 else "_").join(words), " ".join(words)


def is_key(name: str) -> bool:
    """Whether a column's name is that of a key."""
    return name.endswith("id")
