"""The molecule task: twenty molecules are shown, write another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

from domains.base import Item, checked_weights
from domains.gdb17 import scores
from domains.gdb17.data import examples, load, prompt_molecules
from domains.gdb17.prompt import SHOTS, few_shot_prompt
from potentials.grammar import Grammar
from potentials.molecule import SMILESValidity, smiles_grammar
from smc.potential import AnyPotential

COUNT = 100
SEED = 1234


@dataclass(frozen=True)
class MoleculeItem(Item):
    """A prompt and the molecules that it shows.

    Attributes:
        shown: SMILES, in the order of the prompt.
    """

    shown: tuple[str, ...]


def prompts(
    molecules: Sequence[str], count: int = COUNT, shots: int = SHOTS, seed: int = SEED
) -> list[str]:
    """Return few-shot prompts, drawn from the held-out part of the molecules.

    The first prompts are the same for every `count`. See `prompt_molecules` for the arguments.
    """
    draws = prompt_molecules(molecules, shots, seed)
    return [few_shot_prompt(shown) for shown in islice(draws, count)]


@dataclass(frozen=True)
class Gdb17Task:
    """Molecules in the style of GDB-17, after Loula et al. 2025 (arXiv:2504.13139).

    Args:
        shots: Molecules a prompt.
        seed: Of the prompts.
    """

    shots: int = SHOTS
    seed: int = SEED

    name = "gdb17"
    primary = "qed"
    stop = ("\n",)
    max_tokens = 40
    resample_at = None
    proposal = None

    def items(self, limit: int | None = None, data: Path | None = None) -> list[MoleculeItem]:
        """Return `limit` prompts (default 100); a limit never changes those before it.

        Args:
            limit: How many.
            data: Root of the data sets, or a `.smi` or `.smi.gz` file; None: the built-in examples.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file is unreadable or too short, or the limit is negative.
        """
        count = COUNT if limit is None else limit
        if count < 0:
            raise ValueError(f"gdb17: limit is {limit}; expected None, 0 or more.")
        molecules = examples() if data is None else load(data)
        draws = prompt_molecules(molecules, self.shots, self.seed)
        return [
            MoleculeItem(f"gdb17-{index:04d}", few_shot_prompt(shown), shown)
            for index, shown in enumerate(islice(draws, count))
        ]

    def cheap(self, item: MoleculeItem | None = None) -> list[AnyPotential]:
        """Return the grammar of SMILES; the same object for every item."""
        return [_grammar()]

    def expensive(self, item: MoleculeItem | None = None) -> list[AnyPotential]:
        """Return the validity of the molecule; the same object for every item."""
        return [_validity()]

    def score(self, item: MoleculeItem, text: str) -> dict[str, float]:
        """Return qed (0 where invalid), valid and novel, and the molecular weight where valid."""
        always = {
            "qed": scores.qed(text),
            "valid": scores.validity(text),
            "novel": scores.novelty(text, item.shown),
        }
        return always | _defined(molecular_weight=scores.molecular_weight(text))

    def population_scores(
        self, item: MoleculeItem, texts: Sequence[str], weights: Sequence[float]
    ) -> dict[str, float]:
        """Return unique and diversity, where there are molecules to compare."""
        checked_weights(texts, weights)
        return _defined(
            unique=scores.uniqueness(texts, weights), diversity=scores.diversity(texts, weights)
        )


def _defined(**values: float | None) -> dict[str, float]:
    return {key: value for key, value in values.items() if value is not None}


@lru_cache(maxsize=1)
def _grammar() -> Grammar:
    return Grammar(smiles_grammar())


@lru_cache(maxsize=1)
def _validity() -> SMILESValidity:
    return SMILESValidity()
