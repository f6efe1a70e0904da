"""Self-improvement: rounds of search, exact filter, and training on what is left.

So one greedy pass is to do what the search did. Source: Yang et al. (2025).
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from domains.arithmetic.training.measure import load_policy
from domains.countdown.problems import LEVELS, CountdownProblem, parse
from domains.countdown.splits import draw
from domains.countdown.steps import GOAL, is_right
from domains.countdown.training.corpus import LEVELS_IN_TURN, Example, batched
from domains.countdown.training.measure import greedy_accuracy
from domains.countdown.training.search import best, candidates, drawing
from domains.training.model import batch_loss, export
from domains.training.optimizer import optimizers, set_rates

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast


@dataclass(frozen=True)
class ImprovementSetting:
    """What fixes a run, apart from the model that it starts from.

    Attributes:
        rounds: Of search, filter, train.
        problems: Of the training part, new ones in every round.
        width: k of the search.
        searched: b of the search.
        epochs: Over all right solutions so far, in every round.
        budget: Tokens of a batch.
        rate: The peak learning rates, in those of `optimizer`; linear to zero in every round.
        seed: Of problems and draws.
    """

    rounds: int = 3
    problems: int = 512
    width: int = 16
    searched: int = 2
    epochs: int = 3
    budget: int = 1024
    rate: float = 0.1
    seed: int = 0


def improve(setting: ImprovementSetting, model: Path, work: Path) -> Path:
    """Run all rounds that `work` does not hold yet; return the folder of the last model.

    Args:
        setting: See there.
        model: Folder of the model to start from.
        work: Gets a folder a round: the model, `solutions.jsonl` and `round.json`.
    """
    last = model
    for number in range(1, setting.rounds + 1):
        folder = work / f"round-{number}"
        if not (folder / "round.json").exists():
            folder.mkdir(parents=True, exist_ok=True)
            print(json.dumps(_round(setting, number, last, work, folder)), flush=True)
        last = folder
    return last


def _round(
    setting: ImprovementSetting, number: int, last: Path, work: Path, folder: Path
) -> dict[str, Any]:
    """Search, filter, train, store; `round.json` comes last, so that a round is whole."""
    model, tokenizer = load_policy(last)
    problems = training_problems(setting, number)
    prompts = [p.text for p in problems]
    found = candidates(
        prompts,
        drawing(model, tokenizer),
        width=setting.width,
        rounds=setting.searched,
        seed=setting.seed * setting.rounds + number,
    )
    answers = best(model, tokenizer, prompts, found)
    right = [
        [p.text, text]
        for p, text in zip(problems, answers, strict=True)
        if text is not None and is_right(p, text)
    ]
    (folder / "solutions.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in right))
    steps = _train(setting, number, model, tokenizer, _solutions(work, number))
    export(model, tokenizer, folder)
    told = greedy_accuracy(model.eval(), tokenizer, "calibration", 200, seed=0, levels=LEVELS)
    facts = {
        "round": number,
        **asdict(setting),
        "solved": len(right) / len(problems),
        "steps": steps,
        **told,
    }
    (folder / "round.json").write_text(json.dumps(facts, indent=2) + "\n")
    return facts


def training_problems(setting: ImprovementSetting, number: int) -> list[CountdownProblem]:
    """Return the problems of a round, in the proportions of the training."""
    rng = random.Random(f"improve {setting.seed} {number}")
    levels = [LEVELS_IN_TURN[k % len(LEVELS_IN_TURN)] for k in range(setting.problems)]
    return [draw("train", level, rng)[0] for level in levels]


def _solutions(work: Path, number: int) -> list[Example]:
    """The right solutions of the rounds so far."""
    lines = [
        line
        for k in range(1, number + 1)
        for line in (work / f"round-{k}" / "solutions.jsonl").read_text().splitlines()
    ]
    return [
        Example(parse(prompt).text, text.removesuffix(GOAL), "", GOAL)
        for prompt, text in map(json.loads, lines)
    ]


def _train(
    setting: ImprovementSetting,
    number: int,
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    examples: Sequence[Example],
) -> int:
    """Train on the examples; return the number of updates."""
    if not examples:
        return 0
    model.train()
    optims = optimizers(model)
    batches = [
        batch
        for epoch in range(setting.epochs)
        for batch in batched(
            examples, tokenizer, epoch, setting.budget, f"{setting.seed} {number} {epoch}"
        )
    ]
    for k, batch in enumerate(batches):
        set_rates(optims, setting.rate * (1 - k / len(batches)))
        batch_loss(model, batch).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optims:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
    return len(batches)
