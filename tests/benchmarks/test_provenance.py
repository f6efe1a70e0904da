"""Provenance of results: no folders of the machine, and models told apart by their bytes."""

from __future__ import annotations

from pathlib import Path

import smc
from benchmarks import provenance

ROOT = Path(__file__).resolve().parents[2]


def test_a_shown_path_is_inside_the_checkout_or_a_name(tmp_path):
    assert provenance.shown_path(ROOT / "benchmarks" / "x") == "benchmarks/x"
    assert provenance.shown_path(tmp_path / "x") == "x"
    assert provenance.shown_model("owner/name") == "owner/name"


def test_the_digest_of_a_model_depends_on_its_bytes(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    before = provenance.model_digest(str(tmp_path))
    (tmp_path / "README.md").write_text("a card")
    assert provenance.model_digest(str(tmp_path)) == before
    (tmp_path / "model.safetensors").write_bytes(b"weightz")
    assert provenance.model_digest(str(tmp_path)) != before
    assert provenance.model_digest("owner/name") is None
    bundled = provenance.model_digest("embedded:arithmetic")
    assert bundled == provenance.model_digest(smc.embedded("arithmetic")) is not None
