"""Molecular descriptors: each a picklable function of an RDKit molecule."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from potentials.molecule.parse import parse
from smc.errors import SettingsError
from smc.extras import Needed

if TYPE_CHECKING:
    from rdkit.Chem import Mol


def qed(molecule: Mol) -> float:
    """Drug-likeness, 0 to 1."""
    from rdkit.Chem import QED

    return QED.qed(molecule)


def molecular_weight(molecule: Mol) -> float:
    """Average molecular weight, g/mol."""
    from rdkit.Chem import Descriptors

    return Descriptors.MolWt(molecule)  # pyright: ignore[reportAttributeAccessIssue]


def logp(molecule: Mol) -> float:
    """Octanol-water log P after Wildman and Crippen."""
    from rdkit.Chem import Crippen

    return Crippen.MolLogP(molecule)  # pyright: ignore[reportAttributeAccessIssue]


def ring_count(molecule: Mol) -> float:
    """Number of rings as RDKit counts them: the smallest ones, and others equivalent to these."""
    return float(molecule.GetRingInfo().NumRings())


@dataclass(frozen=True)
class Matches:
    """1 where a substructure is as wished, else 0.

    Args:
        pattern: SMARTS.
        present: Whether it is wished for.

    Raises:
        SettingsError: The pattern is not SMARTS.
    """

    pattern: str
    present: bool = True

    def __post_init__(self) -> None:
        if not self.pattern or _query(self.pattern) is None:
            raise SettingsError(
                f"smarts: {self.pattern!r} is not a SMARTS pattern to RDKit; expected one such as "
                "'C(=O)[OH]' for a carboxylic acid."
            )

    def __call__(self, molecule: Mol) -> float:
        """Return 1.0 or 0.0."""
        return float(molecule.HasSubstructMatch(_query(self.pattern)) == self.present)


@dataclass(frozen=True)
class Similarity:
    """Tanimoto similarity of Morgan fingerprints to a reference molecule.

    Args:
        reference: SMILES.
        radius: In bonds.
        bits: Length of the fingerprint.

    Raises:
        SettingsError: The reference is not a molecule, or radius or bits is out of its range.
    """

    reference: str
    radius: int = 2
    bits: int = 2048

    def __post_init__(self) -> None:
        if self.radius < 0 or self.bits < 1:
            raise SettingsError(
                f"similarity: radius is {self.radius} and bits is {self.bits}; expected a radius "
                "of at least 0 and at least 1 bit (2 and 2048 are usual)."
            )
        if parse(self.reference) is None:
            raise SettingsError(
                f"similarity: the reference {self.reference!r} is not a valid SMILES to RDKit; "
                "expected one molecule, such as 'CC(=O)Nc1ccc(O)cc1'."
            )

    def __call__(self, molecule: Mol) -> float:
        """Return the similarity, 0 to 1."""
        from rdkit import DataStructs

        own = morgan(molecule, self.radius, self.bits)
        return DataStructs.TanimotoSimilarity(own, self._fingerprint())

    def _fingerprint(self) -> Any:
        return _reference(self.reference, self.radius, self.bits)


def morgan(molecule: Mol, radius: int = 2, bits: int = 2048) -> Any:
    """Return the Morgan fingerprint as an RDKit bit vector."""
    return _generator(radius, bits).GetFingerprint(molecule)


@lru_cache(maxsize=16)
def _generator(radius: int, bits: int) -> Any:
    from rdkit.Chem import rdFingerprintGenerator

    return rdFingerprintGenerator.GetMorganGenerator(radius=radius, fpSize=bits)


@lru_cache(maxsize=256)
def _reference(smiles: str, radius: int, bits: int) -> Any:
    molecule = parse(smiles)
    assert molecule is not None, "checked when the potential was made"
    return morgan(molecule, radius, bits)


@lru_cache(maxsize=256)
def _query(pattern: str) -> Mol | None:
    with Needed("smarts"):
        from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        return Chem.MolFromSmarts(pattern)
