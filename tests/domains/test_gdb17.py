"""The molecule task: data, prompts, scores, and the protocol of a domain."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from domains.base import Item, Task
from domains.gdb17 import scores
from domains.gdb17.data import examples, load, prompt_molecules
from domains.gdb17.prompt import HOLD_OUT, split
from domains.gdb17.task import Gdb17Task, MoleculeItem, prompts
from potentials.molecule import SMILESValidity, parse
from smc.potential import log_complete

TASK: Task[MoleculeItem] = Gdb17Task()
ITEM = MoleculeItem("x", "prompt", ("CCO", "c1ccccc1"))


def test_examples_are_distinct_small_molecules():
    molecules = [parse(s) for s in examples()]
    assert len(molecules) >= 60
    assert all(m is not None and m.GetNumHeavyAtoms() <= 17 for m in molecules)
    assert len({scores.canonical(s) for s in examples()}) == len(molecules)


def test_the_examples_satisfy_the_potentials():
    potentials = [*TASK.cheap(ITEM), *TASK.expensive(ITEM)]
    assert [type(p).__name__ for p in potentials] == ["Grammar", "SMILESValidity"]
    for smiles in examples():
        assert [log_complete(p, " " + smiles) for p in potentials] == [0.0, 0.0]
    assert sum(log_complete(p, " C1CC") for p in potentials) == float("-inf")
    # The same objects for every item, so that prompts in one batch share masks and calls.
    other = TASK.items(1)[0]
    again = [*TASK.cheap(other), *TASK.expensive(other)]
    assert all(p is q for p, q in zip(potentials, again, strict=True))


def test_load(tmp_path: Path):
    plain, packed = tmp_path / "a.smi", tmp_path / "b.smi.gz"
    plain.write_text("CCO ethanol\n\n  C\tmethane\n")
    packed.write_bytes(gzip.compress(b"CCO\nC\n", mtime=0))
    assert load(plain) == load(str(packed)) == ["CCO", "C"]


def test_load_finds_the_file_under_the_root_of_the_data(tmp_path: Path):
    folder = tmp_path / "gdb17"
    folder.mkdir()
    (folder / "GDB17_uniform_600k.smi.gz").write_bytes(gzip.compress(b"CCO\n", mtime=0))
    assert load(tmp_path) == load(folder) == ["CCO"]


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("absent.smi", None, FileNotFoundError, "absent.smi"),
        ("a.txt", b"CCO", ValueError, "not a .smi"),
        ("b.smi", b"\n \n", ValueError, "no molecules"),
        ("c.smi", b"\xff\xfe\x00", ValueError, "not text"),
        ("d.smi.gz", b"CCO\n", ValueError, "gzip"),
        ("e.smi.gz", gzip.compress(b"CCO\n" * 1000, mtime=0)[:-12], ValueError, "gzip"),
    ],
)
def test_load_explains_what_is_wrong(
    tmp_path: Path, name: str, content: bytes | None, error: type[Exception], message: str
):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=message):
        load(tmp_path / name)


def test_items():
    items = TASK.items()
    assert len(items) == 100
    assert len({i.id for i in items}) == len({i.prompt for i in items}) == 100
    assert items == TASK.items() == Gdb17Task().items(150)[:100]
    assert TASK.items(7) == items[:7]
    assert TASK.items(0) == []
    assert items[0].prompt != Gdb17Task(seed=1).items(1)[0].prompt
    assert [i.prompt for i in items] == prompts(examples())
    for item in items:
        assert isinstance(item, Item)
        assert isinstance(item.prompt, str)
        assert len(set(item.shown)) == 20
        assert item.prompt.count("\nMolecule: ") == 20
        assert item.prompt.endswith(f"Molecule: {item.shown[-1]}\nMolecule:")


def test_prompts_show_held_out_molecules_only():
    molecules = [f"C{i}" for i in range(HOLD_OUT + 50)]  # names, not molecules, but distinct
    train, held_out = split(molecules)
    draws = prompt_molecules(molecules)
    shown = {m for _ in range(100) for m in next(draws)}
    assert len(shown) > 1000
    assert shown <= set(held_out)
    assert not shown & set(train)


@pytest.mark.parametrize("shots", [0, 3])
def test_more_shots_than_molecules(shots: int):
    with pytest.raises(ValueError, match="2"):
        prompt_molecules(["C", "CC"], shots=shots)


def test_a_bad_limit():
    with pytest.raises(ValueError, match="limit"):
        TASK.items(-1)


def test_scores_of_one_text():
    found = TASK.score(ITEM, " CC(=O)Oc1ccccc1C(=O)O")
    assert found == pytest.approx(
        {"qed": 0.5501, "valid": 1.0, "novel": 1.0, "molecular_weight": 180.16}, abs=1e-2
    )
    assert TASK.primary in found
    assert TASK.score(ITEM, " OCC")["novel"] == 0.0  # shown, spelt otherwise
    for bad in ("", " ", " CC(", "CCO ethanol", "C" * 1000):
        assert TASK.score(ITEM, bad) == {"qed": 0.0, "valid": 0.0, "novel": 0.0}


def test_scores_of_a_population():
    def score(texts: list[str], weights: list[float]) -> dict[str, float]:
        return TASK.population_scores(ITEM, texts, weights)

    assert score([" CCO", "OCC"], [0.5, 0.5]) == {"unique": 0.5, "diversity": 0.0}
    assert score(["CCO", "c1ccccc1"], [0.9, 0.1]) == {"unique": 1.0, "diversity": 1.0}
    # Pairs (a, a), (a, b), (a, b) of equal weight.
    third = score(["CCO", "CCO", "c1ccccc1"], [1 / 3] * 3)
    assert third == pytest.approx({"unique": 2 / 3, "diversity": 2 / 3})
    # Weights of pairs: 0.4·0.4 at distance 0, twice 0.4·0.2 at distance 1.
    weighted = score(["CCO", "CCO", "c1ccccc1"], [0.4, 0.4, 0.2])
    assert weighted["diversity"] == pytest.approx(0.5)
    assert score(["CCO", "CC(", "c1ccccc1"], [0.5, 0.5, 0.0]) == {"unique": 1.0}
    assert score(["CC(", "C)"], [0.5, 0.5]) == score([], []) == score(["CCO"], [0.0]) == {}


@pytest.mark.parametrize("weights", [[1.0], [0.5, -0.5], [0.5, float("nan")], [1.0, float("inf")]])
def test_bad_weights(weights: list[float]):
    with pytest.raises(ValueError, match="weight"):
        TASK.population_scores(ITEM, ["CCO", "C"], weights)


@pytest.mark.data
def test_prompts_from_the_data_set(data_dir: Path):
    if not (data_dir / "gdb17").is_dir():
        pytest.skip("no gdb17 under SMC_DATA")
    items = TASK.items(5, data_dir)
    _, held_out = split(load(data_dir))
    shown = {m for item in items for m in item.shown}
    assert len(shown) == 100
    assert shown <= set(held_out)
    validity = SMILESValidity()
    assert all(validity.complete(m) == 0.0 for m in shown)
