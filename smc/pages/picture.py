"""Small tables of text as pictures (SVG), in the colours of the page that they stand in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from smc.pages.markup import coordinate, escape, one_line

Tone = Literal["ink", "soft", "accent", "good", "bad"]

_COLOURS = {
    "ink": "var(--ink)",
    "soft": "var(--soft)",
    "accent": "var(--accent)",
    "good": "var(--good)",
    "bad": "var(--dead)",
}
_LETTER, _LINE, _GAP, _EDGE = 6.7, 18, 2, 6
_WIDTH = 208
"""Narrowest picture: shown as wide as its card, a narrower one would have larger letters."""


@dataclass(frozen=True)
class Cell:
    """A text in a picture.

    Attributes:
        text: Shown on one line.
        tone: Its colour: the page's ink, a softer one, or what the page has for good and for bad.
    """

    text: str
    tone: Tone = "ink"


def text_picture(rows: Sequence[Sequence[Cell]], *, most: int = 14, ruled: bool = False) -> str:
    """Return rows of cells as SVG; the columns are as wide as their longest text.

    Args:
        rows: Of any number of cells each.
        most: Characters of a cell; what is longer is cut.
        ruled: Whether the first row is a header, with a line under it.
    """
    texts = [[one_line(cell.text, most) for cell in row] for row in rows]
    count = max(map(len, texts), default=0)
    widths = [max(len(row[k]) for row in texts if k < len(row)) for k in range(count)]
    starts = [_EDGE + _LETTER * (sum(widths[:k]) + _GAP * k) for k in range(count + 1)]
    width = max(_WIDTH, starts[-1] + _EDGE)
    height = _LINE * len(rows) + 10
    parts = []
    for r, (row, shown) in enumerate(zip(rows, texts, strict=True)):
        for x, cell, text in zip(starts, row, shown, strict=False):
            parts.append(
                f'<text x="{coordinate(x)}" y="{_LINE * (r + 1)}" '
                f'style="fill:{_COLOURS[cell.tone]}">{escape(text)}</text>'
            )
    if ruled and rows:
        parts.append(
            f'<path d="M{_EDGE} {_LINE + 5}H{coordinate(starts[-1] - _GAP * _LETTER)}" '
            'style="stroke:var(--rule)"/>'
        )
    return (
        f'<svg class="smc-picture" viewBox="0 0 {coordinate(width)} {height}">'
        f"{''.join(parts)}</svg>"
    )
