"""The model card: measures the exported model and writes what it found.

    python -m domains.spider.training.card --data DIR --model DIR

Every figure of the card comes from the stored weights and from ``training.json`` beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from domains.spider.hardness import LEVELS
from domains.spider.task import SpiderItem
from domains.spider.training.evaluate import answers, losses
from domains.spider.training.examples import read, split
from domains.spider.variants import VARIANTS
from domains.training.card import card_options, model_facts, write_card

MODEL = Path(__file__).parent.parent / "model"
TASK = VARIANTS["compact"]
WAYS = {
    "greedy": "greedy",
    "sampled": "one draw at temperature 1",
    "grammar": "one draw at temperature 1, grammar",
}
CARD = """\
---
library_name: transformers
pipeline_tag: text-generation
tags: [text-to-sql, llama]
license: cc-by-sa-4.0
---
# A very small text-to-SQL model

A Llama-architecture model that answers a question about a database with a query. It is the
language model of the `spider` domain, small enough to travel with the repository. It makes the
mistakes that a language model makes, many of them; it is there to be steered, not to be relied on.

## Model
| | |
|---|---|
| architecture | `LlamaForCausalLM`, {layers} layers, width {width}, inner width {inner}, \
{heads} heads of size {head}, tied embeddings |
| parameters | {parameters:,} ({dtype}, {megabytes:.2f} MB) |
| tokenizer | byte-level BPE, {vocabulary} tokens: 256 bytes, `<\\|endoftext\\|>`, merges; a \
newline and each digit is always a token of its own |
| context | {context} positions; trained on rows of {length} tokens |
| format | `domains/spider/compact_prompt.py`, the task `spider:compact`: a line a table, \
the question, an open `SQL:`; a newline ends the answer |

The prompt does a part of the work: program code, not the model, marks which words of the question
name a table, a column or a value of the database (by stems, see `domains/spider/linking.py`).
Prompts in another form are far from anything that the model was trained on.

## Data
Spider 1.0 (Yu et al. 2018, arXiv:1809.08887), CC BY-SA 4.0, which this model keeps. Used here: the
{train:,} questions of `train_spider.json` about {databases} databases; {out:,} about \
{out_databases} other databases of it are held out. {beyond} questions were left out, since their
queries have a subquery in FROM or names that their schema lacks. The development set was not used
in training.

The queries are written in one style (columns qualified by tables, not by aliases; names in lower
case, keywords in capitals), which leaves their results as they are. In training the schemas are
made new all the time: tables and columns get the names of others, in question and query alike,
those that are not needed are dropped, the order changes, values are exchanged.

## Training
| | |
|---|---|
| command | `{command}` |
| steps | {step:,} of {rows} rows, {tokens:,} tokens (padding included) |
| loss | on the query, and with weight {links} on the marked names in the question |
| optimiser | Muon (matrices of the blocks) and AdamW (the rest); rate linear to zero over the \
time budget after a short warm-up; gradient norm clipped at 1 |
| seed | {seed} |
| machine | {machine} |
| time | {spent:.0f} minutes of training steps |

The schedule follows the clock, so a repetition on another machine takes another number of steps
and gives other weights.

## Measured on the stored weights
Held-out databases of the training set ({loss_samples:,} questions): **{loss:.3f} nats a token** of
the query in the style above, {per_query:.2f} nats a query.

Development set, the {items} questions whose database is at hand, whole answers judged by their
results (share of right ones in percent ± standard error over the questions). The last row draws
from the schema's grammar, token by token (locally constrained decoding); the others are free.

| | all | {levels} |
|---|---|{lines}|
| questions | {items} | {counts} |
{rows_measured}

SQLite executes {runs_greedy:.1f}%, {runs_sampled:.1f}% and {runs_grammar:.1f}% of the answers.

## Limits
- Right answers are mostly to easy questions, about one table, in words close to the schema's.
- It knows neither language nor the world beyond Spider's training questions.
- What the marks in the question miss, the model hardly ever finds.
- What it writes can be any text; run it only where reading is all that it can do.
"""


def measure(model_dir: Path, data: Path, loss_samples: int) -> dict[str, Any]:
    """Every figure of the card, by its name there.

    Args:
        model_dir: the exported model.
        data: root of the data sets, or Spider's own folder.
        loss_samples: held-out questions for the loss, at most.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from domains.spider.data import TRAINING, SpiderData

    samples = read(data)
    training, held_out = split(samples)
    tokenizer = AutoTokenizer.from_pretrained(model_dir)
    model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32).eval()
    loss = losses(model, tokenizer, held_out[:loss_samples])
    items = TASK.items(None, data)
    prompts = [str(item.prompt) for item in items]
    texts = {
        "greedy": answers(model, tokenizer, prompts, greedy=True),
        "sampled": answers(model, tokenizer, prompts, greedy=False),
        "grammar": _from_grammar(model_dir, items),
    }
    scored = {w: [TASK.score(i, t) for i, t in zip(items, texts[w], strict=True)] for w in WAYS}
    train = sum(map(len, training.values()))
    return {
        **model_facts(model_dir),
        "loss": loss.per_token,
        "per_query": loss.per_answer,
        "loss_samples": len(held_out[:loss_samples]),
        "train": train,
        "databases": len(training),
        "out": len(held_out),
        "out_databases": len(samples) - len(training),
        "beyond": len(SpiderData.find(data).examples(TRAINING)) - train - len(held_out),
        **_table(items, scored),
    }


def _from_grammar(model_dir: Path, items: Sequence[SpiderItem], rows: int = 16) -> list[str]:
    """Return an answer to each item, drawn under its grammar."""
    import smc

    model = smc.load(str(model_dir))
    answers: list[str] = []
    for at in range(0, len(items), rows):
        chosen = items[at : at + rows]
        posteriors = smc.sample_batch(
            model,
            [item.prompt for item in chosen],
            [TASK.cheap(item) for item in chosen],
            num_particles=1,
            method="lcd",
            max_tokens=TASK.max_tokens,
            stop=TASK.stop,
            seeds=list(range(at, at + len(chosen))),
        )
        answers += [posterior.sequences[0].text for posterior in posteriors]
    return answers


def _table(
    items: Sequence[SpiderItem], scored: dict[str, list[dict[str, float]]]
) -> dict[str, Any]:
    groups = [[i for i, item in enumerate(items) if item.hardness == h] for h in LEVELS]
    groups = [list(range(len(items))), *groups]
    rows = []
    for way, scores in scored.items():
        cells = [_mean_and_error([scores[i]["correct"] for i in group]) for group in groups]
        rows.append(f"| {WAYS[way]} | {' | '.join(cells)} |")
    return {
        "items": len(items),
        "levels": " | ".join(LEVELS),
        "lines": "|".join(["---"] * len(LEVELS)),
        "counts": " | ".join(str(len(group)) for group in groups[1:]),
        "rows_measured": "\n".join(rows),
        **{
            f"runs_{way}": 100 * float(np.mean([s["executes"] for s in scores]))
            for way, scores in scored.items()
        },
    }


def _mean_and_error(values: Sequence[float]) -> str:
    if len(values) < 2:
        return "–"
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    return f"{100 * np.mean(values):.1f} ± {100 * error:.1f}"


def said(facts: dict[str, Any], machine: str) -> dict[str, Any]:
    """Return every field of the card: what was measured, and what is the same for every model."""
    command = (
        "python -m domains.spider.train --data DIR --work DIR "
        f"--minutes {facts['minutes']:g} --seed {facts['seed']} --threads 1"
    )
    return {**facts, "command": command, "machine": machine}


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    parser = card_options("python -m domains.spider.training.card", MODEL)
    parser.add_argument("--loss-samples", type=int, default=300)
    options = parser.parse_args(arguments)
    facts = measure(options.model, options.data, options.loss_samples)
    write_card(options.model, CARD, said(facts, options.machine))


if __name__ == "__main__":
    main()
