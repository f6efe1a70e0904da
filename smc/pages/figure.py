"""Figure of a posterior: effective sample size over the steps, and bars of the likeliest texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smc.errors import SettingsError
from smc.pages.markup import number, one_line
from smc.posterior import Posterior

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CHARACTERS = 48


def posterior_figure(posterior: Posterior, top: int) -> Figure:
    """Return a matplotlib figure; no state of pyplot is touched.

    Args:
        posterior: What to show.
        top: How many texts, the likeliest first.

    Raises:
        SettingsError: matplotlib is not installed, or `top` is below 1.
    """
    if isinstance(top, bool) or top < 1:
        raise SettingsError(f"plot: top: expected a whole number above 0, got {top!r}.")
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SettingsError(
            f"plot: needs matplotlib ({error}); expected it to be installed: "
            "pip install 'smc-lm[bench]'."
        ) from error
    shown = list(posterior.probabilities().items())[:top]
    heights = [2.2] * bool(posterior.history) + [0.6 + 0.32 * max(1, len(shown))]
    figure = Figure(figsize=(8, sum(heights)), layout="constrained")
    axes = figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    if posterior.history:
        _draw_ess(axes[0], posterior)
    _draw_texts(axes[-1], posterior, shown)
    return figure


def _draw_ess(axes: Axes, posterior: Posterior) -> None:
    steps = range(1, len(posterior.history) + 1)
    axes.plot(steps, [s.ess for s in posterior.history])
    for step, record in zip(steps, posterior.history, strict=True):
        if record.resampled:
            axes.axvline(step, alpha=0.3, linewidth=1)
    axes.set_ylim(0, 1.05 * len(posterior.sequences))
    axes.set_xlabel("tokens (lines: resampled)")
    axes.set_ylabel("effective\nsample size")


def _draw_texts(axes: Axes, posterior: Posterior, shown: list[tuple[str, float]]) -> None:
    evidence = f"log evidence {number(posterior.log_evidence, 3)}"
    if not shown:
        axes.set_axis_off()
        axes.set_title(f"extinct, {evidence}")
        return
    axes.barh(range(len(shown)), [p for _, p in shown])
    labels = [one_line(text, _CHARACTERS) or "(empty)" for text, _ in shown]
    axes.set_yticks(range(len(shown)), labels, parse_math=False)
    axes.invert_yaxis()
    axes.set_xlabel(f"probability ({evidence})")
