r"""Constraints on a part of the text: after a mark, or between two.

    after_mark(JSONSchema(schema), "</think>")           the answer, not the thinking
    between(Grammar(sql), "```sql\n", "\n```")           every fenced block, not what is around it

Marks are found in the text's bytes, wherever tokens begin and end. The potential within reads its
part alone, as if nothing stood before it.
"""

from __future__ import annotations

from potentials.marks.masks import MarkedMask
from potentials.marks.reading import Marked
from smc.errors import SettingsError
from smc.potential import (
    AnyPotential,
    IncrementalPotential,
    Potential,
    Product,
    TokenPotential,
    TokenSequencePotential,
)

__all__ = ["Marked", "MarkedMask", "after_mark", "between"]


def after_mark(potential: AnyPotential, mark: str, *, required: bool = True) -> AnyPotential:
    """Return a potential that weighs what follows the first mark, to the end of the text.

    Before the mark every token is free.

    Args:
        potential: Of any level, or a product (an `OutputType`); a `TokenPotential` gives token
            masks or scores after the mark, and of the tokens that hold the mark and more.
        mark: Say `</think>`.
        required: Whether a text without the mark has weight zero: then it cannot end before it. If
            not, such a text is free.

    Raises:
        SettingsError: The mark is empty, or the potential is none.
    """
    return _marked(potential, mark, None, required)


def between(
    potential: AnyPotential, begin: str, end: str, *, required: bool = True
) -> AnyPotential:
    """Return a potential that weighs each part between two marks; the parts multiply.

    A part ends before the first end mark after it begins, or with the text. Outside every token
    is free.

    Args:
        potential: See `after_mark`.
        begin: The mark before a part.
        end: The mark behind it. A potential within that allows it as content never sees it.
        required: Whether a text without any part has weight zero.

    Raises:
        SettingsError: A mark is empty, or the potential is none.
    """
    return _marked(potential, begin, end, required)


def _marked(potential: AnyPotential, begin: str, end: str | None, required: bool) -> AnyPotential:
    if isinstance(potential, Product) and potential.factors:  # each keeps its masks
        return Product(_marked(factor, begin, end, required) for factor in potential.factors)
    if not isinstance(potential, Potential | IncrementalPotential):
        raise SettingsError(f"marks: expected a potential to wrap, got {potential!r}.")
    if isinstance(potential, TokenSequencePotential):
        raise SettingsError(
            f"marks: {potential.name} weighs tokens, and marks part a text by its bytes; expected "
            "a potential of bytes or text."
        )
    for mark in (begin,) if end is None else (begin, end):
        if not isinstance(mark, str) or not mark:
            raise SettingsError(f"marks: expected marks of at least a character, got {mark!r}.")
    kind = MarkedMask if isinstance(potential, TokenPotential) else Marked
    return kind(potential, begin.encode(), None if end is None else end.encode(), required)
