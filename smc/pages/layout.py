"""Layout of the genealogy chart: positions and sizes in pixels."""

from __future__ import annotations

from dataclasses import dataclass

from smc.pages.lineage import Lineage

_CHARACTER = 6.1  # width of one of a token's label, in pixels
_LABEL = 7.3  # of one of a final text
MOST_CHARACTERS = 44  # of a final text beside its row; the table has all of it


@dataclass(frozen=True)
class Layout:
    """Where things stand, in pixels.

    Attributes:
        dx: Between steps.
        dy: Between particles.
        left: The x of step 0.
        top: The y of particle 0.
        longest: Characters of the longest final text, as it is shown.
        ess_height: Of the lower chart.
    """

    steps: int
    particles: int
    dx: float
    dy: float
    longest: int = 0
    left: float = 102
    top: float = 34
    ess_height: float = 84

    @classmethod
    def of(cls, lineage: Lineage) -> Layout:
        """Choose distances such that a page's width holds the usual run."""
        steps, particles = lineage.num_steps, lineage.num_particles
        dx = min(62.0, max(13.0, 800 / max(steps, 1)))
        dy = 34.0 if particles <= 14 else 24.0 if particles <= 32 else max(4.0, 900 / particles)
        longest = max((len(s.text) for s in lineage.posterior.sequences), default=0)
        return cls(steps, particles, dx, dy, min(longest, MOST_CHARACTERS))

    @property
    def texts(self) -> float:
        """The x of the final texts."""
        return self.x(self.steps) + 14

    @property
    def width(self) -> float:
        """Of the whole."""
        return self.texts + (max(130, 124 + _LABEL * self.longest) if self.labels else 130)

    @property
    def ess(self) -> float:
        """The y where the lower chart begins."""
        return self.y(self.particles - 1) + max(self.dy, 24) + 26

    @property
    def height(self) -> float:
        """Of the whole."""
        return self.ess + self.ess_height + 34

    @property
    def labels(self) -> bool:
        """Whether there is room for the final texts beside the rows."""
        return self.dy >= 13

    @property
    def token_characters(self) -> int:
        """How many characters of a token fit under its node; 0: none shall be shown."""
        fit = int((self.dx - 4) / _CHARACTER)
        return fit if self.dy >= 24 and fit >= 3 else 0

    @property
    def scale(self) -> float:
        """Of the nodes, so that rows do not overlap."""
        return min(1.0, self.dy / 20)

    def x(self, column: float) -> float:
        """Return where a step stands."""
        return self.left + column * self.dx

    def y(self, slot: float) -> float:
        """Return where a particle stands."""
        return self.top + slot * self.dy
