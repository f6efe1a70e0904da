"""Model card of the exported model, with its measures.

    python -m domains.gdb17.training.card --data DIR --model DIR

Every figure of the card comes from the stored weights and from ``training.json`` beside them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from domains.gdb17.data import FILE, load, prompt_molecules
from domains.gdb17.prompt import HOLD_OUT, SHOTS, few_shot_prompt, split
from domains.gdb17.training.evaluate import quality, sample, validation_loss
from domains.training.card import card_options, model_facts, write_card

MODEL = Path(__file__).parent.parent / "model"
PROMPTS = 100
CARD = """\
---
library_name: transformers
pipeline_tag: text-generation
tags: [chemistry, smiles, llama]
---
# A small language model of molecules

A Llama-architecture model that continues a list of SMILES strings. It is the language model of the
`gdb17` domain: large enough to be a fair model of the task, small enough to travel with the
repository, and with the errors that a language model of molecules makes.

## Model
| | |
|---|---|
| architecture | `LlamaForCausalLM`, {layers} layers, width {width}, inner width {inner}, \
{heads} heads of size 64, tied embeddings |
| parameters | {parameters:,} ({dtype}, {megabytes:.2f} MB) |
| tokenizer | byte-level BPE, {vocabulary} tokens: 256 bytes, `<\\|endoftext\\|>`, merges; a \
newline is always a token of its own |
| context | {context} positions; trained on rows of {length} tokens |
| format | `domains/gdb17/prompt.py`: an instruction, {shots} lines `Molecule: …`, an open \
`Molecule:`; a newline ends the answer |

## Data
GDB-17 (Reymond group, University of Bern): enumerated organic molecules of up to 17 atoms of C, N,
O, S and halogens. Used here: `{file}`, {molecules:,} lines drawn uniformly without replacement
from the 50-million-molecule subset that the group distributes (by way of the GitHub repository
`symbench/molecule-graphs`). The licence of the source data was not verified. The SMILES are those
of the file, neither canonicalised nor augmented.

Split: the last {hold_out:,} lines are held out, and any copy of them is removed from the rest,
which leaves {train:,} to train on. The figures below use held-out molecules only.

## Training
| | |
|---|---|
| command | `{command}` |
| steps | {step:,} of {rows} rows, {tokens:,} tokens, ending in pass {passes} over the molecules |
| optimiser | Muon (matrices of the blocks) and AdamW (the rest); rate linear to zero over the \
time budget after a short warm-up; gradient norm clipped at 1 |
| seed | {seed} |
| machine | {machine} |
| time | {spent:.0f} minutes of training steps |

The schedule follows the clock, so a repetition on another machine takes another number of steps
and gives other weights.

## Measured on the stored weights
Held-out loss on the molecule after {shots} others ({loss_prompts} prompts): **{per_token:.4f} nats
a token**, **{per_molecule:.2f} ± {per_molecule_se:.2f} nats a molecule** (newline included).
For scale: a uniform distribution over the 166.4 billion molecules of GDB-17 would cost
ln(166.4e9) = 25.84 nats a molecule, if the subset is itself a uniform draw from it.

Samples at temperature 1, no top-k or top-p, {samples:.0f} in all, from the benchmark's
{prompts:.0f} prompts of {shots} held-out molecules (± standard error over prompts); valid
means that RDKit {rdkit}'s `MolFromSmiles` accepts it:

| validity | QED, invalid = 0 | QED of valid ones | uniqueness | novelty |
|---|---|---|---|---|
| {validity:.3f} ± {validity_se:.3f} | {qed:.3f} ± {qed_se:.3f} | {qed_valid:.3f} \
| {uniqueness:.4f} | {novelty:.4f} |

Uniqueness: distinct molecules over valid samples. Novelty: share of the distinct ones that are not
among the training molecules, compared as canonical SMILES.

## Limits
- It knows the distribution of GDB-17 (small, strained, enumerated molecules), not of drugs or of
  what can be made, and nothing of properties, names or reactions.
- The examples in a prompt hardly steer it: training documents are independent draws, so it learned
  the format and the distribution, not to imitate a theme.
- Texts that are not in the task's format are far from anything it was trained on.
- What it writes can be toxic, reactive or impossible to make; nothing was filtered.
"""


def measure(model_dir: Path, data: Path, each: int, loss_prompts: int) -> dict[str, Any]:
    """Every figure of the card, by its name there.

    Args:
        model_dir: the exported model.
        data: the data set's file, or a folder that holds it.
        each: samples drawn for each of the benchmark's prompts.
        loss_prompts: held-out prompts for the loss.
    """
    import rdkit
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    molecules = load(data)
    train, held_out = split(molecules)
    tokenizer = AutoTokenizer.from_pretrained(model_dir)
    model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32).eval()
    began = time.monotonic()
    loss = validation_loss(model, tokenizer, held_out, loss_prompts)
    print(f"loss {loss}, {time.monotonic() - began:.0f} s", flush=True)
    prompts = list(islice(prompt_molecules(molecules), PROMPTS))
    answers = sample(model, tokenizer, prompts, each, seed=0)
    print(f"samples, {time.monotonic() - began:.0f} s", answers[0], flush=True)
    return {
        **model_facts(model_dir),
        **loss,
        **quality(answers, train),
        "loss_prompts": loss_prompts,
        "molecules": len(molecules),
        "train": len(train),
        "rdkit": rdkit.__version__,
        "prompt_tokens": len(tokenizer.encode(few_shot_prompt(held_out[:SHOTS]))),
    }


def said(facts: dict[str, Any], machine: str) -> dict[str, Any]:
    """Return every field of the card: what was measured, and what is the same for every model."""
    fixed = {"file": FILE, "hold_out": HOLD_OUT, "shots": SHOTS, "machine": machine}
    command = (
        "python -m domains.gdb17.train --data DIR --work DIR "
        f"--minutes {facts['minutes']:g} --seed {facts['seed']}"
    )
    return {**facts, **fixed, "command": command}


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    parser = card_options("python -m domains.gdb17.training.card", MODEL)
    parser.add_argument("--each", type=int, default=30, help="samples a prompt")
    parser.add_argument("--loss-prompts", type=int, default=1000)
    options = parser.parse_args(arguments)
    facts = measure(options.model, options.data, options.each, options.loss_prompts)
    write_card(options.model, CARD, said(facts, options.machine))


if __name__ == "__main__":
    main()
