"""Limits of masks: how much work a grammar may cost the mask engine."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from smc.errors import SettingsError


@dataclass(frozen=True)
class MaskLimits:
    """How much work a grammar may cost before a `PotentialError` is raised.

    Attributes:
        max_items_in_row: Earley items at one byte of the text; ambiguity makes them grow.
        step_max_items: Earley items of one mask.
        step_lexer_fuel: Regex work of one mask, or of reading 16 bytes.
        initial_lexer_fuel: Regex work of building the lexer.
        max_lexer_states: States of the lexer's automaton (1 to 2 kB each).
        max_grammar_size: Symbols in all rules.

    Raises:
        SettingsError: A limit is below 1.
    """

    max_items_in_row: int = 50_000
    step_max_items: int = 2_000_000
    step_lexer_fuel: int = 10_000_000
    initial_lexer_fuel: int = 50_000_000
    max_lexer_states: int = 1_000_000
    max_grammar_size: int = 2_000_000

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value < 1:
                raise SettingsError(f"MaskLimits: {name}: got {value}, expected at least 1.")


Limits = MaskLimits
"""Its name where `potentials` is imported from."""
