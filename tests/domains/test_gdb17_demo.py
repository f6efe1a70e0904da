"""The molecule demo's own potential and drawings."""

import math

import pytest

import smc
from domains.gdb17.demo import DEMO, DrugLike, drawing
from smc.backends.table import TableModel


def test_drug_like_weighs_the_molecule():
    from potentials.molecule import qed

    like = DrugLike(weight=3.0, expected=0.4)
    assert like.prefix("CC") == pytest.approx(1.2)
    assert like.complete(" CCO") == pytest.approx(qed(weight=3.0).complete("CCO"))
    assert like.complete("C1CC") == -math.inf


@pytest.mark.parametrize("expected", [0.0, 0.5, 1.0])
def test_the_guess_does_not_change_the_target(expected):
    model = TableModel.constant({"C": 0.5, "O": 0.2}, eos=0.3)
    options = {"num_particles": 400, "max_tokens": 4, "at_max_tokens": "end", "seed": 1}
    found = smc.sample(model, "", [DrugLike(1.0, expected)], **options)
    exact, z = 0.0, 0.0
    for text, p in enumerate_texts({"C": 0.5, "O": 0.2}, 0.3, 3):
        weight = p * math.exp(DrugLike(1.0).complete(text))
        exact, z = exact + weight * len(text), z + weight
    # 4 standard errors of about (largest deviation 1.2) / √(400 / 2), for weights within e±1.
    assert abs(found.expectation(len) - exact / z) < 4 * 1.2 / math.sqrt(200)
    assert abs(found.log_evidence - math.log(z)) < 4 * 1.0 / math.sqrt(200)


def enumerate_texts(tokens, eos, longest):
    found = [("", 1.0)]
    for _ in range(longest + 1):
        for text, p in found:
            yield text, p * eos
        found = [(text + t, p * q) for text, p in found for t, q in tokens.items()]


def test_drawing():
    svg = drawing(" CC(=O)OC1=CC=CC=C1C(O)=O")
    assert svg.startswith("<svg") and svg.endswith("</svg>") and "currentColor" in svg
    assert "xmlns" not in svg and "http" not in svg and "#000000" not in svg
    assert drawing("C1CC") is None and drawing("") is None


def test_demo_items():
    first, second = DEMO.items(2)
    assert first.prompt != second.prompt and len(DEMO.potentials(first)) == 3
    assert set(DEMO.score(first, "CCO")) == set(DEMO.scores)
    assert DEMO.score(first, "C1CC") == {"QED": 0.0, "valid": 0.0}
    assert "not a molecule" in DEMO.remark(first, "C1") and "QED" in DEMO.remark(first, "CCO")
    assert "not a molecule" in DEMO.draw(first, "C1")
    assert (DEMO.model / "model.safetensors").is_file()
