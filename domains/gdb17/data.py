"""Molecule data: SMILES read from a file, and the draws of prompts from them."""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from domains.gdb17.molecules import EXAMPLES
from domains.gdb17.prompt import HOLD_OUT, SHOTS, split

FOLDER = "gdb17"
FILE = "GDB17_uniform_600k.smi.gz"
"""A uniform sample of GDB-17 (Ruddigkeit et al. 2012, J. Chem. Inf. Model. 52, 2864-2875)."""


def load(path: str | Path) -> list[str]:
    """Return the molecules of a `.smi` or `.smi.gz` file: the first column of every line.

    Empty lines are skipped. The strings are not checked to be molecules.

    Args:
        path: The file, or a root of data sets, where `gdb17/GDB17_uniform_600k.smi.gz` is meant.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file has another name, is not text, is a damaged archive, or is empty.
    """
    file = Path(path)
    if file.is_dir():
        file = next((f for f in (file / FOLDER / FILE, file / FILE) if f.is_file()), file)
    if not file.is_file():
        raise FileNotFoundError(
            f"gdb17: no file at {file}; expected a .smi or .smi.gz file with one molecule a line, "
            f"or a folder that holds {FOLDER}/{FILE}. Without data, use the built-in examples."
        )
    if not file.name.endswith((".smi", ".smi.gz")):
        raise ValueError(
            f"gdb17: {file} is not a .smi or .smi.gz file; expected one SMILES a line. Rename it "
            "if that is what it holds."
        )
    try:
        with gzip.open(file, "rt") if file.suffix == ".gz" else file.open() as lines:
            molecules = [line.split(maxsplit=1)[0] for line in lines if not line.isspace()]
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ValueError(
            f"gdb17: {file} is not a complete gzip archive ({error}); fetch it again, or unpack "
            "it and name it .smi."
        ) from error
    except UnicodeDecodeError as error:
        raise ValueError(
            f"gdb17: {file} is not text ({error}); expected one SMILES a line."
        ) from error
    if not molecules:
        raise ValueError(f"gdb17: {file} holds no molecules; expected one SMILES a line.")
    return molecules


def examples() -> list[str]:
    """Return the molecules that come with the package, so that nothing need be downloaded."""
    return list(EXAMPLES)


def prompt_molecules(
    molecules: Sequence[str], shots: int = SHOTS, seed: int = 1234
) -> Iterator[tuple[str, ...]]:
    """Yield the molecules that each prompt shows, without end; the first never depend on how many.

    They are drawn from the held-out part (`split`) where there are more than `HOLD_OUT` molecules,
    and from all of them otherwise, as with the examples.

    Args:
        molecules: All molecules of a file, in its order.
        shots: Molecules a prompt, drawn without replacement.
        seed: Of the draws.

    Raises:
        ValueError: `shots` is not in 1 to the number of molecules.
    """
    pool = split(molecules)[1] if len(molecules) > HOLD_OUT else list(molecules)
    if not 1 <= shots <= len(pool):
        raise ValueError(
            f"gdb17: {shots} molecules a prompt, drawn from {len(pool)}; expected at least 1 and "
            "at most all of them."
        )
    rng = random.Random(seed)
    return (tuple(rng.sample(pool, shots)) for _ in iter(int, 1))
