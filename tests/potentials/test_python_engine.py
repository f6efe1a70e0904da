"""Python potentials in the engine, statement by statement."""

from __future__ import annotations

import math

import pytest

import smc
from potentials.python.execution import PythonExecution
from potentials.python.statements import python_statements
from potentials.python.syntax import PythonSyntax
from smc.backends.table import TableModel
from tests.potentials.python_fakes import fake

MODEL = TableModel.constant({"x = 1\n": 0.3, "RAISE\n": 0.3, "if x:\n": 0.1, "  y\n": 0.1}, eos=0.2)
LENGTH = 4


def exact() -> dict[str, float]:
    """Posterior by enumeration: programs that compile and do not raise."""
    tokens = MODEL.vocabulary.tokens
    mass: dict[str, float] = {}
    for ids, prob in MODEL.enumerate(LENGTH):
        text = b"".join(tokens[i] or b"" for i in ids).decode()
        try:
            compile(text, "<text>", "exec")
        except SyntaxError:
            continue
        if "RAISE" not in text:
            mass[text] = mass.get(text, 0.0) + prob
    return mass


def run(seed: int, num_particles: int = 200) -> smc.Posterior:
    _, box = fake()
    return smc.sample(
        MODEL,
        "",
        [PythonExecution(sandbox=box), PythonSyntax()],
        num_particles=num_particles,
        max_tokens=LENGTH,
        at_max_tokens="end",
        ess_threshold=0.9,
        resample_at=python_statements(),
        seed=seed,
    )


def test_the_evidence_is_that_of_the_programs_that_run() -> None:
    expected = sum(exact().values())
    runs = [math.exp(run(seed, 40).log_evidence) for seed in range(60)]
    mean = sum(runs) / len(runs)
    error = math.sqrt(sum((r - mean) ** 2 for r in runs) / (len(runs) - 1) / len(runs))
    assert abs(mean - expected) < 4 * error
    assert error < 0.05 * expected


def test_dead_particles_die_at_the_boundary_and_only_programs_that_run_are_left() -> None:
    posterior = run(0)
    found = posterior.probabilities()
    assert found and all("RAISE" not in text for text, p in found.items() if p > 0)
    assert set(t for t, p in found.items() if p > 0) <= set(exact())
    # After the first token three in ten have raised: the first of the evidence's factors says so.
    first = math.exp(posterior.history[0].log_evidence_increment)
    assert first == pytest.approx(0.6, abs=0.14)
    # Those that wait at a boundary do so until all stand at one; then the dead are replaced.
    assert not posterior.history[0].resampled
    assert any(step.resampled for step in posterior.history)


def test_a_population_that_only_fails_is_extinct() -> None:
    _, box = fake()
    model = TableModel.constant({"RAISE\n": 0.9}, eos=0.1)
    never = PythonExecution(after="RAISE", sandbox=box)
    posterior = smc.sample(model, "", [never], num_particles=5, max_tokens=3)
    assert posterior.status == smc.Status.EXTINCT
    assert posterior.reason is not None and "PythonExecution" in posterior.reason
