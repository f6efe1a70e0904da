"""Calibration of the verifier: two numbers turn the likelihood of steps into a probability.

    python -m domains.arithmetic.fit_verifier

Solutions of the embedded policy to calibration problems, each step with its exact label: it and
all before it follow. The numbers and how they came about are written to `verifier.json`. The
network itself learns nothing.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from domains.arithmetic.train import MODEL
from domains.arithmetic.training.measure import load_policy
from domains.arithmetic.training.samples import draw_samples, held_out_problems
from domains.arithmetic.verifier import CALIBRATION, make_verifier
from potentials.reward_model import Logistic


def fit(log_likelihoods: Sequence[float], labels: Sequence[bool]) -> Logistic:
    """Return the logistic function of greatest likelihood, by Newton's method.

    Args:
        log_likelihoods: `[S]` finite.
        labels: `[S]` of both kinds, and not to be parted by a threshold.

    Raises:
        ValueError: Newton's method did not settle, as where a threshold parts the labels.
    """
    inputs = np.stack([np.asarray(log_likelihoods), np.ones(len(labels))], axis=-1)
    wanted, at = np.asarray(labels, dtype=float), np.zeros(2)
    for _ in range(100):
        expected = 1 / (1 + np.exp(-inputs @ at))
        curvature = (inputs * (expected * (1 - expected))[:, None]).T @ inputs
        if np.linalg.cond(curvature) > 1e12:
            break
        step = np.linalg.solve(curvature, inputs.T @ (wanted - expected))
        at = at + step
        if np.abs(step).max() < 1e-10:
            return Logistic(float(at[0]), float(at[1]))
    raise ValueError(
        f"fit_verifier: no fit to {len(labels)} steps, {int(wanted.sum())} of them right; expected "
        "labels of both kinds that no threshold parts. Take more problems."
    )


def fitted(problems: int, seed: int) -> dict[str, Any]:
    """Return slope and intercept, and how they came about."""
    policy, tokenizer = load_policy(MODEL)
    source = held_out_problems("calibration", seed)
    samples = list(draw_samples(policy, tokenizer, source, problems, seed=seed))
    verifier = make_verifier(None, cache_tokens=0)
    likelihoods = [x for s in samples for x in verifier.log_likelihoods(s.prompt, [s.steps])[0]]
    labels = [label for s in samples for label in s.labels]
    calibration = fit(likelihoods, labels)
    return {
        "slope": calibration.slope,
        "intercept": calibration.intercept,
        "command": f"python -m domains.arithmetic.fit_verifier --problems {problems} --seed {seed}",
        "split": "calibration",
        "seed": seed,
        "problems": len(samples),
        "steps": len(labels),
        "right_steps": sum(labels),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m domains.arithmetic.fit_verifier")
    parser.add_argument("--problems", type=int, default=2000, help="of the calibration part")
    parser.add_argument("--seed", type=int, default=2, help="of problems and solutions")
    options = parser.parse_args(arguments)
    calibration = fitted(options.problems, options.seed)
    CALIBRATION.write_text(json.dumps(calibration, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
