"""Training rows: a schema and several questions about it, each with its query.

Each question sees the schema and itself, at the positions that it would have alone, so that one
reading of the schema serves them all. Only the queries count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from domains.spider.compact_prompt import told
from domains.spider.linking import link
from domains.spider.training.examples import Sample, read, split, texts
from domains.spider.training.pool import Pool
from domains.spider.training.queries import written
from domains.spider.training.renaming import renaming, retold, smaller
from domains.spider.training.setting import Setting
from domains.spider.training.words import WORDS
from domains.training.batch import Batch
from domains.training.tokenizer import train_tokenizer

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

_TRIES = 6


class Questions:
    """The corpus: Spider's training questions, with schemas made new all the time.

    Args:
        setting: Of the run.
        data: Root of the data sets, or Spider's own folder.
    """

    def __init__(self, setting: Setting, data: Path) -> None:
        self.setting = setting
        self.training, self.held_out = split(read(data))
        databases = [mine[0].known for mine in self.training.values()]
        asked = [sample.question for mine in self.training.values() for sample in mine]
        self.pool = Pool.of(databases, asked)

    def make_tokenizer(self) -> PreTrainedTokenizerFast:
        """Learns the merges from prompts and queries as they are."""
        setting = self.setting
        return train_tokenizer(texts(self.training), setting.vocabulary, setting.context, WORDS)

    def batches(self, tokenizer: PreTrainedTokenizerFast, epoch: int) -> Iterator[Batch]:
        """Yields batches; an epoch is a hundred of them, whatever they show."""
        groups = list(self.training.values())
        shares = np.array([len(mine) for mine in groups], float)
        shares /= shares.sum()
        while True:
            rng = np.random.default_rng([self.setting.seed, epoch])
            for _ in range(self.setting.batches):
                rows = [
                    self._row(
                        tokenizer,
                        groups[rng.choice(len(groups), p=shares)],
                        rng,
                        epoch >= self.setting.late,
                    )
                    for _ in range(self.setting.rows)
                ]
                yield _batch(rows, epoch, self.setting, tokenizer)
            epoch += 1

    def validate(
        self, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, prompts: int
    ) -> dict[str, Any]:
        """The loss and the share of right answers on databases that were held out."""
        from domains.spider.training.evaluate import validation

        return validation(model, tokenizer, self.held_out, prompts)

    def _row(
        self,
        tokenizer: PreTrainedTokenizerFast,
        mine: Sequence[Sample],
        rng: np.random.Generator,
        late: bool,
    ) -> list[tuple[list[int], list[int]]]:
        """Return the tokens of the schema, then for each question what it says and its query."""
        most = self.setting.length
        for attempt in range(_TRIES):
            count = min(len(mine), self.setting.questions)
            chosen = [mine[i] for i in rng.choice(len(mine), count, replace=False)]
            if attempt == _TRIES - 1:
                chosen = chosen[:1]
            row = self._retold(tokenizer, chosen, attempt / _TRIES, rng, late)
            kept, used = [row[0]], len(row[0][0])
            for asked, answer in row[1:]:
                if used + len(asked) + len(answer) <= most:
                    kept.append((asked, answer))
                    used += len(asked) + len(answer)
            if len(kept) > 1:
                return kept
        return []

    def _retold(
        self,
        tokenizer: PreTrainedTokenizerFast,
        chosen: Sequence[Sample],
        least: float,
        rng: np.random.Generator,
        late: bool,
    ) -> list[tuple[list[int], list[int]]]:
        known, setting = chosen[0].known, self.setting
        plain = rng.random() < (setting.plain / 2 if late else setting.plain)
        drop = 0.0 if plain and least == 0 else max(least, rng.random())
        listing = smaller(chosen, drop, not plain, rng)
        share = 0.0 if plain else rng.random()
        if late and not plain:
            share = 0.6 + 0.4 * share
        new = renaming(chosen, self.pool, share, rng, setting.made_up if late else 0.0)
        names = new.names(known.names, listing)
        kept = frozenset(c for columns in listing.tables.values() for c, _ in columns)
        values = new.values(known.held, kept)
        texts = [str(new.listing(listing))]
        for sample in chosen:
            question, parts = retold(sample, new, setting.swap, rng)
            texts.append(f"Q: {told(link(question, names, values))}\nSQL:")
            texts.append(f" {written(parts)}\n")
        ids = tokenizer(texts, add_special_tokens=False)["input_ids"]
        return [(ids[0], []), *zip(ids[1::2], ids[2::2], strict=True)]


def _batch(
    rows: Sequence[Sequence[tuple[list[int], list[int]]]],
    epoch: int,
    setting: Setting,
    tokenizer: PreTrainedTokenizerFast,
) -> Batch:
    length = setting.length
    shape = (len(rows), length)
    tokens = np.full((len(rows), length + 1), tokenizer.eos_token_id, np.int64)
    weights = np.zeros((len(rows), length + 1), np.float32)
    positions = np.zeros(shape, np.int64)
    group = np.full(shape, -1)
    for r, row in enumerate(rows):
        at = 0
        for number, (asked, answer) in enumerate(row):
            stop = at + len(asked) + len(answer)
            start = len(row[0][0]) if number else 0
            tokens[r, at:stop] = asked + answer
            weights[r, at + len(asked) : stop] = 1
            if number:
                weights[r, at : at + len(asked)] = setting.links * _linked(asked, tokenizer)
            group[r, at:stop] = number
            positions[r, at:stop] = np.arange(start, start + stop - at)[: length - at]
            at = stop
    own = group[:, :, None] == group[:, None, :]
    sees = (own | (group[:, None, :] == 0)) & np.tri(length, dtype=bool)
    return Batch(epoch, tokens, weights[:, 1:], positions, sees)


def _linked(asked: Sequence[int], tokenizer: PreTrainedTokenizerFast) -> np.ndarray:
    """Return which tokens of a question are the inside or the end of a link."""
    opening, closing = _brackets(tokenizer)
    linked = np.zeros(len(asked), bool)
    inside = False
    for at, token in enumerate(asked):
        linked[at] = inside
        inside = token in opening or (inside and token not in closing)
    return linked


@lru_cache(maxsize=4)
def _brackets(tokenizer: PreTrainedTokenizerFast) -> tuple[frozenset[int], frozenset[int]]:
    def last(texts: Sequence[str]) -> frozenset[int]:
        return frozenset(tokenizer.encode(text)[-1] for text in texts)

    return last((" [", " (", " {")), last(("]", ")", "'}"))
