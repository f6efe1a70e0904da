"""Model card of the exported model, with its measures.

    python -m domains.planetarium.training.card --data DIR --model DIR

Every figure of the card comes from the stored weights and from ``training.json`` beside them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from domains.planetarium.judge import judge
from domains.planetarium.task import PlanetariumTask
from domains.planetarium.train import Setting
from domains.planetarium.training.evaluate import held_out_loss, sample, shares, solved
from domains.planetarium.training.problems import (
    BALLS,
    BLOCKS,
    GRIPPER_SHARE,
    HELD_OUT,
    ROOMS,
    benchmark_classes,
    examples,
)
from domains.training.card import card_options, model_facts, write_card

MODEL = Path(__file__).parent.parent / "model"
CARD = """\
---
library_name: transformers
pipeline_tag: text-generation
tags: [planning, pddl, llama]
---
# A small language model of planning goals

A Llama-architecture model that writes the goal of a planning problem in PDDL from its description
in English. It is the language model of the `planetarium` domain: large enough to be a fair model
of the task, small enough to travel with the repository, and far from right every time.

## Model
| | |
|---|---|
| architecture | `LlamaForCausalLM`, {layers} layers, width {width}, inner width {inner}, \
{heads} heads of size {head}, tied embeddings |
| parameters | {parameters:,} ({dtype}, {megabytes:.2f} MB) |
| tokenizer | byte-level BPE, {vocabulary} tokens: 256 bytes, `<\\|endoftext\\|>`, merges; the \
name of an object is the same token in words and in PDDL |
| context | {context} positions; trained on rows of at most some 220 tokens |
| format | `domains/planetarium/prompt.py`: an instruction, the goal in words, the problem up to \
`(:goal (and`; `))` ends the answer |

## Data
Problems made up at random (`domains/planetarium/generate.py`): blocksworld with {fewest} to {most}
blocks, and one in {gripper:.0f} of gripper with at most {rooms} rooms and {balls} balls. Their
goals are described atom by atom in several wordings (`domains/planetarium/describe.py`). No row of
a data set is among them. Left out are all problems that are equivalent to one of the {classes}
that the benchmark may ask for, up to renaming and implied atoms, and {held_out:.1%} of all other
classes of equivalent problems, which are the held-out part.

## Training
| | |
|---|---|
| command | `{command}` |
| steps | {step:,} of {rows} problems, {tokens:,} tokens with prompts and padding |
| loss | of the goal's tokens alone; the prompt is only read |
| order | problems of at most {first} blocks first, of one more every few hundred problems |
| optimiser | Muon (matrices of the blocks) and AdamW (the rest); rate linear to zero over the \
time budget after a short warm-up; gradient norm clipped at 1 |
| seed | {seed} |
| machine | {machine} |
| time | {spent:.0f} minutes of training steps, of a budget of {minutes:.0f} |

The schedule follows the clock, so a repetition on another machine takes another number of steps
and gives other weights. The run was cut off before its budget was spent and its checkpoint exported
(`--export`), on purpose, since a benchmark of steering needs a model that is right on some problems
and not on others. At the end of the budget it was right nearly every time on held-out problems of
the generator, and on the benchmark's, whose goals stand in other orders, no more often than this.

## Measured on the stored weights
Held-out loss on the goal ({loss_prompts} problems): **{per_token:.4f} nats a token**, \
**{per_goal:.2f} ± {per_goal_se:.2f} nats a goal**.

Samples at temperature 1, no top-k or top-p (± standard error); correct means equivalent to the
true problem, solvable that a plan exists, parses that it is a goal over the problem's objects:

| prompts | samples | correct | solvable | parses |
|---|---|---|---|---|
| held-out problems of the generator | {samples} | {correct:.3f} ± {correct_se:.3f} | \
{solvable:.3f} | {parses:.3f} |
| the benchmark's {benchmark} | {benchmark_samples} | {benchmark_correct:.3f} ± \
{benchmark_correct_se:.3f} | {benchmark_solvable:.3f} | {benchmark_parses:.3f} |

## Limits
- It knows descriptions that name every atom of the goal in its order. A description of the whole
  ("stack the blocks into one tower"), as a part of the Planetarium data has, is new to it.
- It reads the goal alone; it does not plan, and of the initial state it uses the names at most.
- More than ten blocks are beyond what it was trained on.
"""


def measure(model_dir: Path, data: Path, each: int, prompts: int) -> dict[str, Any]:
    """Every figure of the card, by its name there.

    Args:
        model_dir: the exported model.
        data: root of the data sets.
        each: samples drawn for each of the benchmark's prompts.
        prompts: held-out problems, for the loss and a sample each.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model_dir)
    model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32).eval()
    classes = benchmark_classes(data)
    held_out = list(islice(examples(random.Random("card"), classes, held_out=True), prompts))
    items = [item for item in PlanetariumTask().items(data=data) for _ in range(each)]
    answers = sample(model, tokenizer, [item.prompt for item in items], seed=0)
    verdicts = [
        judge(item.problem, answer, item.placeholder)
        for item, answer in zip(items, answers, strict=True)
    ]
    benchmark = shares(verdicts, each)
    return {
        **model_facts(model_dir),
        **held_out_loss(model, tokenizer, held_out),
        **solved(model, tokenizer, held_out, seed=0),
        **{f"benchmark_{name}": value for name, value in benchmark.items()},
        "samples": len(held_out),
        "loss_prompts": len(held_out),
        "benchmark": len(items) // each,
        "benchmark_samples": len(items),
        "classes": len(classes),
    }


def said(facts: dict[str, Any], machine: str) -> dict[str, Any]:
    """Return every field of the card: what was measured, and what is the same for every model."""
    from domains.planetarium.training.corpus import FIRST_BLOCKS

    fixed = {
        "machine": machine,
        "fewest": BLOCKS[0],
        "most": BLOCKS[1],
        "first": FIRST_BLOCKS,
        "gripper": 1 / GRIPPER_SHARE,
        "rooms": ROOMS[1],
        "balls": BALLS[1],
        "held_out": HELD_OUT / 256,
        "head": Setting.head,
    }
    command = (
        "python -m domains.planetarium.train --data DIR --work DIR "
        f"--minutes {facts['minutes']:g} --seed {facts['seed']}"
    )
    return {**fixed, **facts, "command": command}


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    parser = card_options("python -m domains.planetarium.training.card", MODEL)
    parser.add_argument("--each", type=int, default=10, help="samples a prompt of the benchmark")
    parser.add_argument("--prompts", type=int, default=500, help="held-out problems")
    options = parser.parse_args(arguments)
    facts = measure(options.model, options.data, options.each, options.prompts)
    write_card(options.model, CARD, said(facts, options.machine))


if __name__ == "__main__":
    main()
