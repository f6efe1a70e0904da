"""Genealogy chart of the particles with their effective sample size, as one SVG."""

from __future__ import annotations

import bisect
from collections import defaultdict
from typing import Any

from smc.pages.ess import ess_chart
from smc.pages.layout import MOST_CHARACTERS, Layout
from smc.pages.lineage import Lineage
from smc.pages.markup import clean, visible
from smc.pages.markup import coordinate as c

WEIGHT_CLASSES = (0.1, 0.4, 0.8, 1.25, 2.0, 4.0)
"""Limits between the seven colours of a particle's weight over the mean weight."""

_RADII = (2.0, 2.7, 3.3, 4.0, 4.9, 5.9, 7.0)


def genealogy(lineage: Lineage, ess_threshold: float | None = None) -> str:
    """Return the chart.

    Args:
        lineage: Of a posterior with at least one step.
        ess_threshold: Fraction of N at which the run resampled; drawn where given.
    """
    at = Layout.of(lineage)
    parts = [
        f'<svg class="smc-chart" width="{c(at.width)}" height="{c(at.height)}" '
        f'viewBox="0 0 {c(at.width)} {c(at.height)}" role="img" '
        'aria-label="Genealogy of the particles and effective sample size over time">',
        *_bands(lineage, at),
        *_edges(lineage, at),
        '<path class="smc-line"/>',
        *_nodes(lineage, at),
        *_tokens(lineage, at),
        *_final_texts(lineage, at),
        *ess_chart(lineage, at, ess_threshold),
        "</svg>",
    ]
    return "".join(parts)


def hover_data(lineage: Lineage) -> dict[str, Any]:
    """Return what the script needs to tell a particle's text and line."""
    at = Layout.of(lineage)
    history = lineage.posterior.history
    return {
        "left": at.left,
        "top": at.top,
        "dx": round(at.dx, 3),
        "dy": round(at.dy, 3),
        "pieces": [[clean(piece) for piece in s.pieces] for s in history],
        "ancestors": [s.ancestors for s in history],
        "weights": [[round(w, 3) for w in row] for row in lineage.relative_weights],
        "final": [round(float(w), 5) for w in lineage.posterior.weights],
        "texts": [clean(s.text) for s in lineage.posterior.sequences],
    }


def weight_class(relative_weight: float) -> int:
    """Return 0..6: which colour a weight over the mean weight has."""
    return bisect.bisect(WEIGHT_CLASSES, relative_weight)


def _bands(lineage: Lineage, at: Layout) -> list[str]:
    """Mark the steps after which the population was resampled."""
    bands, bottom = [], at.ess + at.ess_height
    for t, step in enumerate(lineage.posterior.history):
        if step.resampled:
            x = at.x(t)
            bands.append(
                f'<rect class="smc-band" x="{c(x)}" y="14" width="{c(at.dx)}" '
                f'height="{c(bottom - 14)}"/>'
            )
            if at.dx >= 40:
                bands.append(
                    f'<text class="smc-tick" x="{c(x + at.dx / 2)}" y="10" '
                    'text-anchor="middle">resample</text>'
                )
    return bands


def _edges(lineage: Lineage, at: Layout) -> list[str]:
    """Draw lines from parent to child: the more final particles descend, the broader."""
    paths: dict[float, list[str]] = defaultdict(list)
    middle = at.y((at.particles - 1) / 2)
    root = at.x(-0.75)
    for column, parents in enumerate(lineage.parents):
        for slot, parent in enumerate(parents):
            if column and lineage.dead(column - 1, parent):
                continue
            heirs = lineage.descendants[column][slot]
            start = (at.x(column - 1), at.y(parent)) if column else (root, middle)
            end = (at.x(column) if column < at.steps else at.texts - 8, at.y(slot))
            paths[_breadth(heirs)].append(_curve(start, end))
    drawn = []
    for breadth, curves in sorted(paths.items()):
        kind = "smc-edge" if breadth else "smc-edge smc-lost"
        width = f' stroke-width="{c(max(1.0, breadth * at.scale))}"' if breadth else ""
        drawn.append(f'<path class="{kind}"{width} d="{"".join(curves)}"/>')
    drawn.append(f'<circle class="smc-root" cx="{c(root)}" cy="{c(middle)}" r="4.5"/>')
    drawn.append(
        f'<text class="smc-tick" x="{c(root - 9)}" y="{c(middle)}" dy="3.5" '
        'text-anchor="end">prompt</text>'
    )
    return drawn


def _breadth(heirs: int) -> float:
    return 0.0 if heirs == 0 else round(1.4 + 0.9 * min(heirs - 1, 6) ** 0.75, 1)


def _curve(start: tuple[float, float], end: tuple[float, float]) -> str:
    (x1, y1), (x2, y2) = start, end
    if y1 == y2:
        return f"M{c(x1)} {c(y1)}H{c(x2)}"
    m = (x1 + x2) / 2
    return f"M{c(x1)} {c(y1)}C{c(m)} {c(y1)} {c(m)} {c(y2)} {c(x2)} {c(y2)}"


def _nodes(lineage: Lineage, at: Layout) -> list[str]:
    """Draw a dot for each particle and step: one path a colour, since there may be many."""
    dots: dict[int, list[str]] = defaultdict(list)
    crosses = []
    for t, weights in enumerate(lineage.relative_weights):
        for slot, weight in enumerate(weights):
            x, y = c(at.x(t)), c(at.y(slot))
            if lineage.died(t, slot):
                r = c(3.6 * at.scale)
                crosses.append(f"M{x} {y}m-{r} -{r}l{c(7.2 * at.scale)} {c(7.2 * at.scale)}")
                crosses.append(f"M{x} {y}m-{r} {r}l{c(7.2 * at.scale)} -{c(7.2 * at.scale)}")
            elif not lineage.dead(t, slot):
                dots[weight_class(weight)].append(f"M{x} {y}h0")
    drawn = [
        f'<path class="smc-node smc-w{k}" stroke-width="{c(2 * _RADII[k] * at.scale)}" '
        f'd="{"".join(marks)}"/>'
        for k, marks in sorted(dots.items())
    ]
    if crosses:
        drawn.append(f'<path class="smc-dead" d="{"".join(crosses)}"/>')
    return drawn


def _tokens(lineage: Lineage, at: Layout) -> list[str]:
    """Write each step's token under its node, where there is room."""
    if not at.token_characters:
        return []
    drawn = []
    for t, step in enumerate(lineage.posterior.history):
        for slot, piece in enumerate(step.pieces):
            if piece:
                lost = " smc-faint" if not lineage.descendants[t][slot] else ""
                drawn.append(_token(at, t, slot, visible(piece, at.token_characters), lost))
    ends = set()
    for slot in range(at.particles):
        end = lineage.end(slot)
        if end is not None and not lineage.dead(at.steps, slot):
            ends.add((end, lineage.path(at.steps, slot)[end]))
    # A token that ended a text may have added to it: then that is what is written.
    free = sorted((t, slot) for t, slot in ends if not lineage.posterior.history[t].pieces[slot])
    drawn += [_token(at, t, slot, "end", " smc-end") for t, slot in free]
    return drawn


def _token(at: Layout, column: int, slot: int, text: str, kind: str) -> str:
    return (
        f'<text class="smc-token{kind}" x="{c(at.x(column))}" y="{c(at.y(slot) + 16)}" '
        f'text-anchor="middle">{text}</text>'
    )


def _final_texts(lineage: Lineage, at: Layout) -> list[str]:
    if not at.labels:
        return []
    drawn = [
        f'<text class="smc-tick" x="{c(at.texts)}" y="10">posterior</text>',
    ]
    for slot, sequence in enumerate(lineage.posterior.sequences):
        x, y = at.texts, at.y(slot)
        weight = float(lineage.posterior.weights[slot])
        if weight > 0:
            drawn.append(
                f'<rect class="smc-track" x="{c(x)}" y="{c(y - 4)}" width="50" height="8" rx="4"/>'
                f'<rect class="smc-fill" x="{c(x)}" y="{c(y - 4)}" width="{c(50 * weight)}" '
                'height="8" rx="4"/>'
                f'<text class="smc-share" x="{c(x + 96)}" y="{c(y + 4)}" text-anchor="end">'
                f"{share(weight)}</text>"
            )
        kind = "smc-text" if weight > 0 else "smc-text smc-gone"
        mark = "" if weight > 0 else "✕ "
        drawn.append(
            f'<text class="{kind}" x="{c(x + (108 if weight > 0 else 0))}" y="{c(y + 4)}">'
            f"{mark}{visible(sequence.text, MOST_CHARACTERS, keep_end=True)}</text>"
        )
    return drawn


def share(weight: float) -> str:
    """Return a probability as a percentage."""
    return "<0.1 %".replace("<", "&lt;") if 0 < weight < 0.001 else f"{100 * weight:.1f} %"
