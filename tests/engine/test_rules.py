"""The rules of the engine's house: one writer of weights, a proposal in one file, a short trip."""

from __future__ import annotations

import ast
import itertools
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

import numpy as np
import pytest

import smc
from potentials import Grammar
from smc.engine import Problem, Run
from smc.engine.propose import LocalSampler
from smc.model import Draws
from smc.settings import Settings
from tests.exact import AfterB
from tests.test_exactness import Z, potentials, settings, worst_z

ROOT = Path(smc.__file__).resolve().parents[1]


def writers(field: str) -> set[str]:
    """Functions of the package that assign to an attribute of this name, or into it."""
    found = set()
    for path in sorted((ROOT / "smc").rglob("*.py")):
        if "backends" in path.parts:  # draws have weights, too
            continue
        for function in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(function, ast.FunctionDef):
                continue
            for node in ast.walk(function):
                targets = node.targets if isinstance(node, ast.Assign) else []
                if isinstance(node, ast.AugAssign | ast.AnnAssign):
                    targets = [node.target]
                for target in itertools.chain.from_iterable(map(ast.walk, targets)):
                    if isinstance(target, ast.Attribute) and target.attr == field:
                        found.add(f"{path.relative_to(ROOT).as_posix()}:{function.name}")
    return found


@pytest.mark.parametrize("field", ["log_weights", "prefixes", "endings"])
def test_one_function_writes_what_particles_have(field):
    assert writers(field) == {"smc/engine/population.py:commit"}


def test_the_search_for_writers_sees_one():
    assert "smc/engine/prefix.py:__init__" not in writers("row")
    assert writers("row") == {"smc/engine/batch.py:add", "smc/engine/batch.py:advance"}


@dataclass(frozen=True)
class TwiceDrawn(LocalSampler):
    """A proposal of this file: two draws a particle, of which one is kept by its weight.

    With v₁, v₂ ~ q and w₁, w₂ their weights, j is drawn in proportion to wⱼ and weighs the mean:
    E[w̄ · 1{vⱼ = v}] = ½ Σⱼ E[wⱼ 1{vⱼ = v}] = p(v) φ(v).
    """

    temperature: float = 1.7
    properly_weighted: bool = True
    seed: int = 0

    def draw(self, batch, request):
        rng = np.random.default_rng([self.seed, *(request.uniforms * 2**32).astype(np.int64)])
        first, known = super().draw(batch, request)
        second = batch.decodings.draw(replace(request, uniforms=rng.random(len(request.rows))))
        log_mean = np.logaddexp(first.log_weights, second.log_weights) - np.log(2)
        with np.errstate(invalid="ignore"):  # −inf − −inf: neither draw has a token
            keep = rng.random(len(log_mean)) < np.exp(first.log_weights - log_mean) / 2
        tokens = np.where(keep, first.tokens, second.tokens)
        return Draws(tokens, log_mean, None), known


@pytest.mark.parametrize("boundary", [None, AfterB()], ids=["tokens", "boundaries"])
def test_a_proposal_is_one_file(boundary):
    """By enumeration, z = 4, the seed fixed before the first look."""
    chosen = settings(ess_threshold=0.5, proposal=TwiceDrawn())
    assert worst_z(chosen, potentials(boundary), seed=20_268) < Z


def test_control_a_proposal_that_forgets_half_of_its_weight(monkeypatch):
    draw = TwiceDrawn.draw

    def heavier(self, batch, request):
        draws, known = draw(self, batch, request)
        return Draws(draws.tokens, np.where(draws.tokens == 0, 0.3, 0.0) + draws.log_weights), known

    monkeypatch.setattr(TwiceDrawn, "draw", heavier)
    chosen = settings(ess_threshold=0.5, proposal=TwiceDrawn())
    assert worst_z(chosen, potentials(None), seed=20_268, min_hits=0) > 2 * Z


def test_what_is_no_proposal_is_refused():
    @dataclass
    class Half:
        temperature: float = 1.0
        properly_weighted: bool = True

    with pytest.raises(smc.SettingsError, match="ProposalSampler"):
        smc.sample(smc.TableModel.constant({"a": 0.5}, eos=0.5), "", proposal=Half())


class Longer(smc.Potential):
    """Some expensive potential."""

    def prefix(self, text):
        return -0.1 * len(text)


def trip() -> tuple[set[str], int]:
    """The files that one step of a constrained run enters, and its moves between them."""
    model = smc.TableModel.constant({"a": 0.4, "b": 0.3, "ab": 0.1}, eos=0.2)
    grammar = Grammar('start: ("a"|"b")*')
    engine = Run(model)
    problem = Problem("", [grammar, Longer()], np.random.default_rng(0))
    engine.add_all([problem], Settings(num_particles=5, max_tokens=20))
    engine.step()
    entered: list[str] = []

    def look(frame: FrameType, event: str, _: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(ROOT) and ".venv" not in path.parts:
            name = path.relative_to(ROOT).as_posix()
            if name.startswith(("smc/", "potentials/")) and entered[-1:] != [name]:
                entered.append(name)

    sys.setprofile(look)
    try:
        engine.step()
    finally:
        sys.setprofile(None)
    return set(entered), len(entered) - 1


def test_a_token_makes_a_short_trip():
    files, moves = trip()
    assert {"smc/engine/step.py", "smc/engine/propose.py", "smc/engine/population.py"} <= files
    assert len(files) <= 14 and moves <= 45, (sorted(files), moves)
