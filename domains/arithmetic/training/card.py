"""Model cards of the exported policy and reward model, with their measures.

    python -m domains.arithmetic.training.card --note "..."

Every figure comes from the stored weights, on problems of the test part.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from domains.arithmetic.problems import LEVELS
from domains.arithmetic.splits import problems
from domains.arithmetic.steps import follows, sound, split
from domains.arithmetic.train import MODEL
from domains.arithmetic.train_prm import PRM
from domains.arithmetic.training.measure import draw, is_right
from domains.arithmetic.training.prm import judge
from domains.arithmetic.training.quality import (
    calibration,
    deviation,
    pairs,
    quality,
    scores_of,
)
from domains.arithmetic.training.samples import Sample
from domains.arithmetic.verifier import CALIBRATION, verifier
from domains.training.card import model_facts, write_card

TEMPLATES = Path(__file__).parent


def measure(count: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the figures of both cards, by name there.

    Args:
        count: Test problems, all levels alike; one solution is drawn for each.
    """
    import numpy as np
    from transformers import AutoModelForCausalLM, AutoTokenizer

    chosen = sorted(islice(problems("test", 1), count), key=lambda pair: pair[0])
    policy, prm = (AutoModelForCausalLM.from_pretrained(f).eval() for f in (MODEL, PRM))
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    prompts = [p.text for _, p in chosen]
    hot = draw(policy, tokenizer, prompts, seed=1)
    cold = draw(policy, tokenizer, prompts, seed=1, temperature=0.0)
    samples = [
        Sample(level, p.text, split(t), sound(p, split(t)))
        for (level, p), t in zip(chosen, hot, strict=True)
    ]
    judges = {
        "the head": judge(prm, AutoTokenizer.from_pretrained(PRM)),
        "the verifier": verifier(),
    }
    scores = {name: scores_of(own, samples) for name, own in judges.items()}
    measures = quality(samples, scores["the head"])
    compared = "\n".join(
        _compared(name, samples, scores[name], pairs(own, samples)) for name, own in judges.items()
    )
    labels = np.array([label for s in samples for label in s.labels])
    flat = np.array([x for row in scores["the head"] for x in row])
    rows = []
    for level in LEVELS:
        own = [k for k, (at, _) in enumerate(chosen) if at == level]
        right, best = (
            np.mean([is_right(chosen[k][1], texts[k]) for k in own]) for texts in (hot, cold)
        )
        local = [ok for k in own for ok in follows(chosen[k][1], split(hot[k]))]
        share = np.mean([label for k in own for label in samples[k].labels])
        error = np.sqrt(right * (1 - right) / len(own))
        rows.append((level, right, error, best, np.mean(local), share, measures[f"auc_{level}"]))
    shared = {"count": count, "each": count // len(LEVELS)}
    bins = "\n".join(f"| {p:.3f} | {f:.3f} | {w:.3f} |" for p, f, w in calibration(flat, labels))
    table = "\n".join(
        f"| {level} | {LEVELS[level].steps} | {LEVELS[level].literal} | {LEVELS[level].bound} "
        f"| {right:.3f} ± {error:.3f} | {best:.3f} | {local:.3f} |"
        for level, right, error, best, local, _, _ in rows
    )
    aucs = "\n".join(f"| {row[0]} | {row[5]:.3f} | {row[6]:.3f} |" for row in rows)
    fitted = json.loads(CALIBRATION.read_text(encoding="utf-8"))
    return shared | {"table": table}, shared | measures | {
        "bins": bins,
        "aucs": aucs,
        "compared": compared,
        **{f"fitted_{k}": v for k, v in fitted.items()},
    }


def _compared(
    name: str, samples: Sequence[Sample], scores: Sequence[Sequence[float]], won: Sequence[bool]
) -> str:
    """A judge's row."""
    measures = quality(samples, scores)
    figures = [
        f"{measures[k]:.4f} ± {deviation(samples, scores, k):.4f}" for k in ("auc", "auc_turn")
    ]
    share = sum(won) / len(won)
    error = math.sqrt(share * (1 - share) / len(won))
    others = f"{share:.3f} ± {error:.3f} | {measures['brier']:.4f} | {measures['ece']:.4f}"
    return f"| {name} | {' | '.join(figures)} | {others} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m domains.arithmetic.training.card")
    parser.add_argument("--count", type=int, default=1500, help="test problems")
    parser.add_argument("--policy-note", default="", help="how its training went, if not as usual")
    parser.add_argument("--prm-note", default="", help="the same of the reward model")
    options = parser.parse_args(arguments)
    policy, prm = measure(options.count)
    for folder, template, figures, note in (
        (MODEL, "policy_card.md", policy, options.policy_note),
        (PRM, "prm_card.md", prm, options.prm_note),
    ):
        facts = {**model_facts(folder), **figures, "note": note}
        write_card(folder, (TEMPLATES / template).read_text(encoding="utf-8"), facts)


if __name__ == "__main__":
    main()
