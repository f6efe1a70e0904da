"""Properties of the finished molecule as log weights, soft or hard.

    qed(weight=5.0)                        exp(5 · QED)
    molecular_weight(between=(200, 500))   hard range, both ends included
    logp(target=2.5, scale=0.5)            Gaussian around a value
    smarts("C(=O)[OH]", present=False)     without this substructure

They multiply like all potentials: pass several in one list. A molecule is parsed once for all.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from potentials import returned
from potentials.molecule import descriptors
from potentials.molecule.parse import bare, parse
from smc.errors import PotentialError, SettingsError
from smc.extras import require
from smc.potential import Potential, WhereBoundary

if TYPE_CHECKING:
    from rdkit.Chem import Mol

Range = tuple[float, float]


def _never(_before: str, _now: str) -> bool:
    return False


@dataclass(frozen=True)
class MoleculeProperty(Potential):
    """A log weight from a number that describes the finished molecule.

    Says nothing about prefixes. A text that is no molecule has log weight −inf, and so has one
    whose descriptor RDKit cannot compute. One leading space is ignored. Give exactly one of
    `weight`, `between`, and `target` with `scale`.

    Args:
        descriptor: From an RDKit molecule (not to be changed) to a number, or a truth value for 1
            or 0. Where RDKit raises ValueError or RuntimeError, it cannot be computed.
        label: What messages and the history call the potential.
        weight: Tilts: log weight = weight · value. Negative weights prefer small values.
        between: Hard: log weight 0 in this closed range, −inf outside; an end may be infinite.
        target: Soft: log weight = −½ ((value − target) / scale)².
        scale: Standard deviation of the soft preference, in the units of the value.

    Raises:
        SettingsError: None or several of the three are given, or one is out of its range.
        MissingExtraError: RDKit is not installed.
        PotentialError: On use, where the descriptor returns something else than a number.

    Example:
        >>> MoleculeProperty(lambda mol: mol.GetNumAtoms(), "atoms", between=(1, 5)).complete("CO")
        0.0
    """

    descriptor: Callable[[Mol], float]
    label: str = "molecule property"
    weight: float | None = field(default=None, kw_only=True)
    between: Range | None = field(default=None, kw_only=True)
    target: float | None = field(default=None, kw_only=True)
    scale: float | None = field(default=None, kw_only=True)

    boundary = WhereBoundary(_never)

    def __post_init__(self) -> None:
        require(self.label, "rdkit")
        given = [k for k in ("weight", "between", "target") if getattr(self, k) is not None]
        if len(given) != 1:
            raise SettingsError(
                f"{self.label}: got {' and '.join(given) or 'no preference'}; expected exactly one "
                "of weight=…, between=(low, high), or target=… with scale=…."
            )
        if self.weight is not None and not math.isfinite(self.weight):
            raise SettingsError(f"{self.label}: weight is {self.weight}; expected a finite number.")
        if self.between is not None:
            low, high = self.between
            if not low <= high:
                raise SettingsError(
                    f"{self.label}: between is ({low}, {high}); expected low <= high, neither NaN. "
                    "Swap them, or use ±math.inf for an open end."
                )
        if (self.target is None) != (self.scale is None):
            raise SettingsError(
                f"{self.label}: target is {self.target} and scale is {self.scale}; expected both, "
                "the scale in the units of the property."
            )
        if self.target is not None and not (
            math.isfinite(self.target) and 0 < (self.scale or 0) < math.inf
        ):
            raise SettingsError(
                f"{self.label}: target is {self.target} and scale is {self.scale}; expected a "
                "finite target and a finite scale above 0."
            )

    @property
    def name(self) -> str:
        """The label."""
        return self.label

    def complete(self, text: str) -> float:
        """Return the log weight of a finished text."""
        molecule = parse(bare(text))
        if molecule is None:
            return -math.inf
        try:
            value = self.descriptor(molecule)
        except (ValueError, RuntimeError):  # RDKit cannot compute it for this molecule
            return -math.inf
        return self.log_weight(returned.number(value, self.label, f"the molecule {bare(text)!r}"))

    def log_weight(self, value: float) -> float:
        """Return the log weight of a value of the property; NaN of NaN.

        Raises:
            PotentialError: It would be infinite or undefined.
        """
        if math.isnan(value):
            return value
        if self.weight is not None:
            tilted = self.weight * value
            if math.isnan(tilted) or tilted == math.inf:
                raise PotentialError(
                    f"{self.label}: a log weight of {self.weight} · {value}; expected a finite "
                    "property, or between=(low, high), whose ends may be infinite."
                )
            return tilted
        if self.between is not None:
            low, high = self.between
            return 0.0 if low <= value <= high else -math.inf
        assert self.target is not None and self.scale is not None
        return -0.5 * ((value - self.target) / self.scale) ** 2


def qed(
    *,
    weight: float | None = None,
    between: Range | None = None,
    target: float | None = None,
    scale: float | None = None,
) -> MoleculeProperty:
    """Drug-likeness, 0 to 1 (Bickerton et al. 2012, Nature Chemistry 4, 90-98)."""
    return MoleculeProperty(
        descriptors.qed, "qed", weight=weight, between=between, target=target, scale=scale
    )


def molecular_weight(
    *,
    weight: float | None = None,
    between: Range | None = None,
    target: float | None = None,
    scale: float | None = None,
) -> MoleculeProperty:
    """Average molecular weight in g/mol, hydrogens included."""
    return MoleculeProperty(
        descriptors.molecular_weight,
        "molecular weight",
        weight=weight,
        between=between,
        target=target,
        scale=scale,
    )


def logp(
    *,
    weight: float | None = None,
    between: Range | None = None,
    target: float | None = None,
    scale: float | None = None,
) -> MoleculeProperty:
    """Octanol-water log P (Wildman and Crippen 1999, J. Chem. Inf. Comput. Sci. 39, 868-873)."""
    return MoleculeProperty(
        descriptors.logp, "logp", weight=weight, between=between, target=target, scale=scale
    )


def ring_count(
    *,
    weight: float | None = None,
    between: Range | None = None,
    target: float | None = None,
    scale: float | None = None,
) -> MoleculeProperty:
    """Number of smallest rings, with RDKit's symmetrisation: naphthalene 2, adamantane 4."""
    return MoleculeProperty(
        descriptors.ring_count,
        "ring count",
        weight=weight,
        between=between,
        target=target,
        scale=scale,
    )


def smarts(pattern: str, *, present: bool = True, weight: float | None = None) -> MoleculeProperty:
    """A substructure that must be present, or absent.

    Args:
        pattern: SMARTS.
        present: Whether the molecule should contain it.
        weight: None: a hard constraint. Else soft: the log weight of a molecule that is as wished;
            the others have 0.

    Raises:
        SettingsError: The pattern is not SMARTS.
    """
    label = f"smarts {pattern} {'present' if present else 'absent'}"
    between = (1.0, 1.0) if weight is None else None
    return MoleculeProperty(
        descriptors.Matches(pattern, present), label, weight=weight, between=between
    )


def similarity(
    reference: str,
    *,
    weight: float | None = None,
    between: Range | None = None,
    target: float | None = None,
    scale: float | None = None,
    radius: int = 2,
    bits: int = 2048,
) -> MoleculeProperty:
    """Tanimoto similarity of Morgan fingerprints to a reference molecule, 0 to 1.

    Args:
        reference: SMILES.
        weight: See `MoleculeProperty`.
        between: See `MoleculeProperty`.
        target: See `MoleculeProperty`.
        scale: See `MoleculeProperty`.
        radius: Of the fingerprint, in bonds.
        bits: Length of the fingerprint.

    Raises:
        SettingsError: The reference is not a molecule, or radius or bits is out of its range.
    """
    return MoleculeProperty(
        descriptors.Similarity(reference, radius, bits),
        f"similarity to {reference}",
        weight=weight,
        between=between,
        target=target,
        scale=scale,
    )
