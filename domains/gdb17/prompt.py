"""The few-shot prompt of the molecule task and the split of the data behind it.

The training script and the benchmark both import this file, so the model sees in training the
very format it is asked to continue, and never the molecules that the benchmark's prompts show.
"""

from __future__ import annotations

from collections.abc import Sequence

INSTRUCTION = "These are molecules in SMILES notation. Write another one like them.\n"
LABEL = "Molecule:"
SHOTS = 20
HOLD_OUT = 20_000
"""The last ``HOLD_OUT`` molecules of the file are kept from training, prompts are drawn there."""


def molecule_line(smiles: str) -> str:
    """One example as the prompt shows it: ``Molecule: CCO`` and a newline."""
    return f"{LABEL} {smiles}\n"


def few_shot_prompt(molecules: Sequence[str]) -> str:
    """The prompt that asks for one more molecule after the given ones.

    Args:
        molecules: SMILES strings, shown in this order, one a line.

    Returns:
        The instruction, the examples, and an open ``Molecule:``. There is no space at the end:
        the model's continuation is `` CC(C)O`` followed by a newline, which ends the answer.

    Raises:
        ValueError: a molecule is empty or holds white space, which would break the format.
    """
    for index, smiles in enumerate(molecules):
        if not smiles or smiles.split() != [smiles]:
            raise ValueError(
                f"few_shot_prompt: molecule {index} is {smiles!r}; expected one SMILES string "
                "without white space. Strip the line and drop names and other columns."
            )
    return INSTRUCTION + "".join(molecule_line(smiles) for smiles in molecules) + LABEL


def split(molecules: Sequence[str], hold_out: int = HOLD_OUT) -> tuple[list[str], list[str]]:
    """Splits the molecules of a file, in file order, into training and held-out ones.

    Args:
        molecules: all molecules of the file, in its order.
        hold_out: how many, counted from the end, are held out.

    Returns:
        ``(train, held_out)``. A held-out molecule that also stands earlier in the file is taken
        out of the training part, so that the two are disjoint as sets of strings.

    Raises:
        ValueError: ``hold_out`` is negative, or leaves nothing to train on.
    """
    if not 0 <= hold_out < len(molecules):
        raise ValueError(
            f"split: hold_out is {hold_out} for {len(molecules)} molecules; expected at least 0 "
            "and fewer than there are molecules. Give a longer file or a smaller hold_out."
        )
    cut = len(molecules) - hold_out
    held_out = list(molecules[cut:])
    unseen = set(held_out)
    return [smiles for smiles in molecules[:cut] if smiles not in unseen], held_out
