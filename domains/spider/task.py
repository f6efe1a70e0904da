"""The text-to-SQL task: a question about a database is answered by a query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domains.base import Item, checked_weights
from domains.spider.compact_prompt import compact_prompt
from domains.spider.data import TRAINING, Example, SpiderData
from domains.spider.hardness import hardness
from domains.spider.prompt import SHOTS, Shot, chat_prompt, plain_prompt, schema_listing
from domains.spider.scoring import TIMEOUT, judge
from smc.model import Prompt
from smc.potential import AnyPotential, Boundary
from smc.proposals import RejectionProposal

if TYPE_CHECKING:
    from potentials.grammar import Grammar
    from potentials.sql import SQLExecution, SQLScope


@dataclass(frozen=True)
class SpiderItem(Item):
    """A question about a database.

    Attributes:
        database: SQLite file. All that the potentials know.
        question: In English.
        gold: The gold query, which only the scorer sees.
        hardness: Of the gold query: `easy`, `medium`, `hard` or `extra`.
    """

    database: Path
    question: str
    gold: str
    hardness: str


@dataclass(frozen=True)
class SpiderTask:
    """Spider's development set, set up as by Loula et al. 2025 (arXiv:2504.13139).

    Args:
        shots: How many of the paper's three training examples are shown, 0 to 3.
        chat: Prompts are chat messages, not plain text.
        compact: Prompts are those of the embedded model, see `compact_prompt`; they show no
            examples and are no chat.
        by_clause: Particles wait for each other at the end of each clause, and are resampled only
            there, where all have been asked the same; see `resample_at`.
        by_name: Full SMC asks scope and execution about the tokens that it draws until they accept
            one, so that no particle goes on with a name that nothing binds; see `proposal`.
        keep_distinct: Score DISTINCT as it stands; the official evaluation leaves it out.
        timeout: Seconds for one query of the scorer.
    """

    shots: int = len(SHOTS)
    chat: bool = False
    compact: bool = False
    by_clause: bool = False
    by_name: bool = False
    keep_distinct: bool = False
    timeout: float = TIMEOUT

    name = "spider"
    primary = "correct"
    stop = ("\n", ";")
    max_tokens = 100

    def __post_init__(self) -> None:
        if not 0 <= self.shots <= len(SHOTS):
            raise ValueError(f"spider: shots is {self.shots}; expected 0 to {len(SHOTS)}.")
        if self.compact and (self.shots or self.chat):
            raise ValueError(
                f"spider: the compact prompt with shots {self.shots}, chat {self.chat}; expected "
                "shots 0 and no chat, since the embedded model knows no other form."
            )

    @property
    def resample_at(self) -> Boundary[Any] | None:
        """Where particles wait for each other: at the ends of clauses, or nowhere."""
        if not self.by_clause:
            return None
        from potentials.sql import sql_clauses

        return sql_clauses()

    @property
    def proposal(self) -> RejectionProposal | None:
        """How full SMC draws its tokens: until the potentials accept one, or in the usual way."""
        return RejectionProposal() if self.by_name else None

    def items(self, limit: int | None = None, data: Path | None = None) -> list[SpiderItem]:
        """Return the questions of `dev.json` whose database is there; see `left_out` for the rest.

        Args:
            limit: The first so many; None: all.
            data: Root of the data sets, or Spider's own folder.

        Raises:
            FileNotFoundError: The data set is not there, or a file of it.
            ValueError: A file of it is not Spider's, or the limit is negative.
        """
        if limit is not None and limit < 0:
            raise ValueError(f"spider: limit is {limit}; expected None, 0 or more.")
        source = SpiderData.find(data)
        shots = self._shown(source)
        items: list[SpiderItem] = []
        for index, example in enumerate(source.examples()):
            if limit is not None and len(items) == limit:
                break
            database = _database(source, example.db_id)
            if isinstance(database, Path):
                prompt = self._prompt(source, example, shots, database)
                items.append(
                    SpiderItem(
                        id=f"spider-{index:04d}",
                        prompt=prompt,
                        database=database,
                        question=example.question,
                        gold=example.query,
                        hardness=hardness(example.query),
                    )
                )
        return items

    def left_out(self, data: Path | None = None) -> dict[str, str]:
        """Return the databases of `dev.json` that are not there or cannot be made, and why.

        Raises:
            FileNotFoundError: The data set is not there, or a file of it.
        """
        source = SpiderData.find(data)
        databases = {e.db_id: _database(source, e.db_id) for e in source.examples()}
        return {db_id: reason for db_id, reason in databases.items() if isinstance(reason, str)}

    def cheap(self, item: SpiderItem) -> list[AnyPotential]:
        """Return the grammar of the item's schema; the same object for every item of a database."""
        return [_grammar(item.database)]

    def expensive(self, item: SpiderItem) -> list[AnyPotential]:
        """Return scope and execution; the same objects for every item of a database."""
        return [_scope(item.database), _execution(item.database)]

    def score(self, item: SpiderItem, text: str) -> dict[str, float]:
        """Return `correct`, `executes` and `correct_easy` or whatever the item's hardness is."""
        verdict = judge(
            item.database,
            item.gold,
            text.strip(),
            keep_distinct=self.keep_distinct,
            timeout=self.timeout,
        )
        correct = float(verdict.correct)
        return {
            "correct": correct,
            "executes": float(verdict.runs),
            f"correct_{item.hardness}": correct,
        }

    def population_scores(
        self, item: SpiderItem, texts: Sequence[str], weights: Sequence[float]
    ) -> dict[str, float]:
        """Return nothing: answers are judged one by one."""
        checked_weights(texts, weights)
        return {}

    def _shown(self, source: SpiderData) -> list[Shot]:
        if not self.shots:
            return []
        training = source.examples(TRAINING)
        needed = SHOTS[: self.shots]
        if needed[-1] >= len(training):
            raise ValueError(
                f"spider: {TRAINING} has {len(training)} examples; expected more than "
                f"{needed[-1]}, since the prompt shows {', '.join(map(str, needed))}."
            )
        chosen = [training[index] for index in needed]
        return [Shot(schema_listing(source.entry(e.db_id)), e.question, e.query) for e in chosen]

    def _prompt(
        self, source: SpiderData, example: Example, shots: Sequence[Shot], database: Path
    ) -> Prompt:
        if self.compact:
            return compact_prompt(source.entry(example.db_id), example.question, database)
        make = chat_prompt if self.chat else plain_prompt
        return make(schema_listing(source.entry(example.db_id)), example.question, shots)


TASK = SpiderTask()


@lru_cache(maxsize=512)
def _database(source: SpiderData, db_id: str) -> Path | str:
    """Return the file of a database, or why there is none."""
    try:
        return source.database(db_id)
    except (FileNotFoundError, ValueError) as error:
        return str(error)


@lru_cache(maxsize=64)
def _grammar(database: Path) -> Grammar:
    from potentials.grammar import Grammar
    from potentials.sql import Schema, schema_grammar

    # Few questions need names that only FROM defines, and a wrong name is then refused at once.
    return Grammar(schema_grammar(Schema.from_sqlite(database), forward=False))


@lru_cache(maxsize=64)
def _scope(database: Path) -> SQLScope:
    from potentials.sql import Schema, SQLScope

    return SQLScope(Schema.from_sqlite(database))


@lru_cache(maxsize=64)
def _execution(database: Path) -> SQLExecution:
    from potentials.sql import SQLExecution

    return SQLExecution(database)
