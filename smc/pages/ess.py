"""Chart of the effective sample size over time, drawn under the genealogy."""

from __future__ import annotations

from smc.pages.layout import Layout
from smc.pages.lineage import Lineage
from smc.pages.markup import coordinate as c
from smc.pages.markup import number

_LINE = 11.0
"""Of a label, in pixels."""


def ess_chart(lineage: Lineage, at: Layout, threshold: float | None) -> list[str]:
    """Draw the effective sample size; it is N again after each resampling."""
    n, base = at.particles, at.ess + at.ess_height

    def y(value: float) -> str:
        return c(base - at.ess_height * value / n)

    points = [(at.x(-0.75), y(n))]
    for t, step in enumerate(lineage.posterior.history):
        points.append((at.x(t), y(step.ess)))
        if step.resampled:
            points.append((at.x(t), y(n)))
    right = at.x(at.steps - 1)
    line = "L".join(f"{c(x)} {value}" for x, value in points)
    drawn = [
        f'<path class="smc-grid" d="M{c(points[0][0])} {y(n)}H{c(right)}'
        f'M{c(points[0][0])} {c(base)}H{c(right)}"/>',
        f'<path class="smc-area" d="M{c(points[0][0])} {c(base)}L{line}L{c(right)} {c(base)}Z"/>',
        f'<path class="smc-ess" d="M{line}"/>',
        _axis(at, y(n), str(n)) + _axis(at, c(base), "0"),
        f'<text class="smc-tick" x="{c(right + 12)}" y="{c(base - at.ess_height / 2)}">'
        "effective sample size</text>",
    ]
    if threshold:
        level = y(threshold * n)
        drawn.append(f'<path class="smc-threshold" d="M{c(points[0][0])} {level}H{c(right)}"/>')
        # Beside the line, but clear of what stands at the ends of the axis.
        low, high = base - at.ess_height + _LINE, base - _LINE
        beside = min(max(base - at.ess_height * threshold, low), high)
        drawn.append(_axis(at, c(beside), number(threshold * n, 1)))
    every = max(1, round(40 / at.dx)) if at.dx < 40 else 1
    for t in range(0, at.steps, every):
        drawn.append(
            f'<text class="smc-tick" x="{c(at.x(t))}" y="{c(base + 16)}" '
            f'text-anchor="middle">{t + 1}</text>'
        )
    drawn.append(f'<text class="smc-tick" x="{c(right + 12)}" y="{c(base + 16)}">tokens</text>')
    return drawn


def _axis(at: Layout, y: str, text: str) -> str:
    x = c(at.x(-0.75) - 6)
    return f'<text class="smc-tick" x="{x}" y="{y}" dy="3.5" text-anchor="end">{text}</text>'
