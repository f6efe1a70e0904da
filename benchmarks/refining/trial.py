"""A trial: every way of writing again, under every judge, and samples at as many tokens as each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from domains.base import Item
from smc.model import Prompt
from smc.steps import StepScorer
from smc.strategies import Options, StrategyResult
from smc.strategies.aggregate import Answer, select
from smc.strategies.ledger import DRAFT, Ledger
from smc.strategies.tpo import improved
from smc.strategies.trajectories import Trajectory
from smc.strategies.writing import Writer

Arm = Callable[[Prompt, StepScorer, int, Options], StrategyResult]
"""A way of writing again: of a prompt, by a judge, in about so many solutions."""

AGAIN = ("edit", "rewrite", "revision")
"""Roles of texts that are written with others in sight."""
COLUMNS = (
    "judge arm size right any tokens drafts drafts_right again again_right copies samples "
    "sample_tokens samples_any best_of_n votes"
).split()
"""Of a run, in the order in which a file has them."""
_AT_ONCE = 8


@dataclass(frozen=True)
class World:
    """Problems, and how they are tried.

    Attributes:
        items: The problems.
        level: Of a problem.
        arms: Ways of writing again, by name.
        sizes: Solutions of each, several in turn.
        judges: What judges whole texts of a problem, by name.
        samples: Writes samples, and drafts.
        right: Which of some texts solve a problem.
        answer: From a text to its answer, for votes; None: there are no votes.
        temperature: Of all texts; None: the model's own.
    """

    items: Sequence[Item]
    level: Callable[[Any], int]
    arms: Mapping[str, Arm]
    sizes: Mapping[str, Sequence[int]]
    judges: Mapping[str, Callable[[Any], StepScorer]]
    samples: Writer
    right: Callable[[Any, Sequence[str]], list[bool]]
    answer: Answer | None = None
    temperature: float | None = None


def trial(world: World, item: Item, seed: int) -> dict[str, Any]:
    """Return the record of a problem.

    The samples have the generators of the drafts, so that the first of them are the same texts.
    Each arm is compared with the fewest samples that took at least as many tokens as it did.

    Args:
        world: Arms and judges.
        item: The problem.
        seed: Of all runs.
    """
    options = Options(answer=world.answer, seed=seed, temperature=world.temperature)
    results = {
        (judge, arm, size): run(item.prompt, scorer(item), size, options)
        for judge, scorer in world.judges.items()
        for arm, run in world.arms.items()
        for size in world.sizes[arm]
    }
    most = max(result.budget.model_tokens for result in results.values())
    samples = {
        judge: _samples(world, item, scorer(item), seed, most)
        for judge, scorer in world.judges.items()
    }
    runs = [
        {"judge": judge, "arm": arm, "size": size, **_run(world, item, result, samples[judge])}
        for (judge, arm, size), result in results.items()
    ]
    return {"item": item.id, "level": world.level(item), "seed": seed, "runs": runs}


def packed(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record for a file: a list of values for each run, truth as 0 or 1."""
    values = [[run.get(name) for name in COLUMNS] for run in record["runs"]]
    runs = [[int(v) if isinstance(v, bool) else v for v in own] for own in values]
    return {**record, "runs": runs}


def unpacked(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `packed` was given, but for the type of truth."""
    runs = [dict(zip(COLUMNS, values, strict=True)) for values in record["runs"]]
    return {**record, "runs": [{n: v for n, v in run.items() if v is not None} for run in runs]}


def _samples(
    world: World, item: Item, scorer: StepScorer, seed: int, tokens: int
) -> list[Trajectory]:
    """Samples, judged, until they have taken so many tokens."""
    ledger = Ledger(seed, scorer)
    found: list[Trajectory] = []
    while ledger.budget.model_tokens < tokens:
        prompts = [item.prompt] * _AT_ONCE
        drawn = ledger.write(world.samples, DRAFT, prompts, temperature=world.temperature)
        ledger.require(drawn)
        found += ledger.trajectories(item.prompt, drawn)
    return found


def _run(
    world: World, item: Item, result: StrategyResult, samples: Sequence[Trajectory]
) -> dict[str, Any]:
    """What became of an arm, and of the samples at as many tokens."""
    tokens = result.budget.model_tokens
    spent = list(accumulate(t.num_tokens for t in samples))
    count = next(k for k, sum_ in enumerate(spent, 1) if sum_ >= tokens)
    equal = samples[:count]
    drafts = [c.written.text for c in result.calls if c.role == DRAFT]
    again = [_said(c.role, c.written.text) for c in result.calls if c.role in AGAIN]
    all_texts = [*drafts, *again, *(t.text for t in (*result.trajectories, *equal))]
    right = dict(zip(all_texts, world.right(item, all_texts), strict=True))
    known = {text.strip() for text in drafts}
    record = {
        "right": result.text is not None and right[result.text],
        "any": any(right[t.text] for t in result.trajectories),
        "tokens": tokens,
        "drafts": len(drafts),
        "drafts_right": sum(right[text] for text in drafts),
        "again": len(again),
        "again_right": sum(right[text] for text in again),
        "copies": sum(text.strip() in known for text in again),
        "samples": count,
        "sample_tokens": spent[count - 1],
        "samples_any": any(right[t.text] for t in equal),
        "best_of_n": _solved(world, equal, right, "best"),
    }
    if world.answer is not None:
        record["votes"] = _solved(world, equal, right, "majority")
    return record


def _said(role: str, text: str) -> str:
    """What a text written again is taken for; nothing where a rewrite has no tags."""
    return (improved(text) or "") if role == "rewrite" else text


def _solved(
    world: World, samples: Sequence[Trajectory], right: Mapping[str, bool], selection: Any
) -> bool:
    _, chosen, _ = select(samples, world.answer, selection)
    return chosen is not None and right[samples[chosen].text]
