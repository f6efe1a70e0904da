"""A live view of the particles while they grow, on a terminal."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from smc.engine import Look
from smc.pages.lineage import relative_weights
from smc.pages.markup import one_line
from smc.posterior import Posterior

_BAR = 12
_FLASH = 0.25  # seconds that a resampled population stays
_PACE = 0.04  # seconds that any other stays


class LiveParticles:
    """Shows the first prompt's population after each token; does nothing without a terminal.

    Attributes:
        seconds: Spent on showing, to be taken off timings.
    """

    def __init__(self, console: Console, heading: str, threshold: float, most: int = 24) -> None:
        self.seconds = 0.0
        self._console = console
        self._heading = heading
        self._threshold = threshold
        self._most = most
        self._live: Live | None = None

    def __enter__(self) -> LiveParticles:
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.__exit__(kind, error, trace)

    def __call__(self, step: int, look: Look) -> None:
        """Be called after each token, as `on_step`."""
        if self._live is None:
            return
        begun = time.perf_counter()
        posterior = look()[0]
        if len(posterior.history) == step:  # this population still runs
            self._live.update(self._panel(step, posterior), refresh=True)
            time.sleep(_FLASH if posterior.history[-1].resampled else _PACE)
        self.seconds += time.perf_counter() - begun

    def _panel(self, step: int, posterior: Posterior) -> Panel:
        last = posterior.history[-1]
        rows = Table.grid(padding=(0, 1))
        rows.add_column(width=_BAR, no_wrap=True)
        rows.add_column(no_wrap=True, overflow="ellipsis")
        width = max(20, self._console.width - _BAR - 12)
        weights = relative_weights(posterior.log_weights.tolist())
        peak = max(*weights, 1.0)
        for sequence, weight in list(zip(posterior.sequences, weights, strict=True))[: self._most]:
            text = one_line(sequence.text, width, keep_end=True)
            if weight == 0:
                rows.add_row(Text("✕", style="red"), Text(text, style="red dim strike"))
            else:
                bar = Text("█" * max(1, round(_BAR * weight / peak)), style="blue")
                rows.add_row(bar, Text(text, style="green" if sequence.finished else ""))
        if len(weights) > self._most:
            rows.add_row("", Text(f"… and {len(weights) - self._most} more", style="dim"))
        flash = last.resampled
        return Panel(
            Group(rows, Text(), self._ess(last.ess, len(weights), flash)),
            title=Text(f" {self._heading} · token {step} "),
            title_align="left",
            border_style="yellow" if flash else "dim",
        )

    def _ess(self, ess: float, particles: int, flash: bool) -> Text:
        width = 30
        filled = round(width * ess / particles)
        mark = round(width * self._threshold)
        bar = Text("effective sample size ", style="dim")
        for k in range(width):
            sign = "█" if k < filled else "│" if k == mark and mark else "·"
            bar.append(sign, style="yellow" if flash else "cyan" if k < filled else "dim")
        bar.append(f" {ess:.1f} of {particles}")
        bar.append("  resampled" if flash else "", style="bold yellow")
        return bar
