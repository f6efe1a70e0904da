"""Demonstration `smc demo`: what is asked, what steers, and how the answers are drawn."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from domains.gdb17 import scores
from domains.gdb17.task import Gdb17Task, MoleculeItem
from potentials.molecule import parse, qed
from smc.pages.picture import Cell, text_picture
from smc.potential import AnyPotential, Potential, WhereBoundary

MODEL = Path(__file__).parent / "model"

_WEIGHT = 10.0
_EXPECTED = 0.6
_WIDTH, _HEIGHT = 220, 150


class DrugLike(Potential):
    """Prefers drug-like molecules: log Φ = weight · QED of the finished molecule.

    An unfinished text counts as if it were to become a molecule of middling QED. Without that
    guess, whichever particle ends first would gain a factor that the others can only gain later,
    and resampling would fill the population with its copies. The guess telescopes out: it steers,
    and does not change the target.

    Args:
        weight: How much QED, which is between 0 and 1, matters.
        expected: The guess.
    """

    boundary = WhereBoundary(lambda _before, _now: False)  # a constant need not be asked again

    def __init__(self, weight: float = _WEIGHT, expected: float = _EXPECTED) -> None:
        self._expected = weight * expected
        self._property = qed(weight=weight)

    def prefix(self, text: str) -> float:
        """Return the guess."""
        return self._expected

    def complete(self, text: str) -> float:
        """Return the log weight of the molecule; −inf where there is none."""
        return self._property.complete(text)


@dataclass(frozen=True)
class MoleculeDemo:
    """The molecule task with the examples and the model that come with the package."""

    task: Gdb17Task
    like: DrugLike

    title = "Molecules from a small language model"
    summary = (
        "Twenty molecules are shown, and the model writes another. A grammar of SMILES masks its "
        "tokens, broken molecules get weight zero, and drug-like ones (QED) weigh more."
    )
    note = f"QED is drug-likeness; it enters the weights as exp({_WEIGHT:g} · QED)."
    model = MODEL
    scores = ("QED", "valid")
    prompts = 6
    particles = 10
    ess_threshold = 0.5
    resample_at = None

    @property
    def stop(self) -> tuple[str, ...]:
        """Strings that end an answer."""
        return self.task.stop

    @property
    def max_tokens(self) -> int:
        """Tokens of an answer at most."""
        return self.task.max_tokens

    def items(self, count: int) -> list[MoleculeItem]:
        """Return so many prompts."""
        return self.task.items(count)

    def potentials(self, item: MoleculeItem) -> list[AnyPotential]:
        """Return grammar, validity and drug-likeness."""
        return [*self.task.cheap(item), *self.task.expensive(item), self.like]

    def score(self, item: MoleculeItem, text: str) -> dict[str, float]:
        """Return the scores of one answer."""
        scores = self.task.score(item, text)
        return {"QED": scores["qed"], "valid": scores["valid"]}

    def remark(self, item: MoleculeItem, text: str) -> str:
        """Return what is worth saying of an answer beside its text."""
        return f"QED {scores.qed(text):.2f}" if scores.validity(text) else "not a molecule"

    def draw(self, item: MoleculeItem, text: str) -> str | None:
        """Return the molecule as SVG whose lines have the text's colour, or that there is none."""
        return drawing(text) or text_picture([[Cell("not a molecule", "bad")]])


def drawing(text: str) -> str | None:
    """Return a molecule as SVG to stand in a page of either colour; None where there is none."""
    molecule = parse(text.strip())
    if molecule is None:
        return None
    from rdkit.Chem.Draw import rdMolDraw2D

    drawer = rdMolDraw2D.MolDraw2DSVG(_WIDTH, _HEIGHT)
    options = drawer.drawOptions()
    options.clearBackground = False
    options.padding = 0.08
    options.bondLineWidth = 1.6
    options.fixedBondLength = 24
    options.updateAtomPalette(_PALETTE)
    rdMolDraw2D.PrepareAndDrawMolecule(drawer, molecule)
    drawer.FinishDrawing()
    return _inline(drawer.GetDrawingText())


_PALETTE = {
    7: (0.30, 0.47, 0.91),
    8: (0.88, 0.30, 0.27),
    9: (0.20, 0.62, 0.42),
    16: (0.78, 0.58, 0.05),
    17: (0.20, 0.62, 0.42),
    35: (0.68, 0.38, 0.18),
    53: (0.56, 0.30, 0.72),
}
"""Colours of atoms by number, that can be read on white and on black."""


def _inline(svg: str) -> str:
    """Strip what only a file of its own needs, and let black follow the page."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r"\s+(?:xmlns(?::\w+)?|xml:space|baseProfile|version)=(['\"]).*?\1", "", svg)
    svg = re.sub(r"\s+class=(['\"]).*?\1", "", svg)
    return re.sub(r"#000000", "currentColor", svg).strip()


DEMO = MoleculeDemo(Gdb17Task(), DrugLike())
