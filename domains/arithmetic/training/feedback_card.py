"""The model card of the exported critic and editor, with its measures.

    python -m domains.arithmetic.training.feedback_card

Every figure comes from the stored weights, on drafts to problems of the test part.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from domains.arithmetic.feedback import EDITOR, feedback_by
from domains.arithmetic.problems import LEVELS, parse
from domains.arithmetic.splits import problems
from domains.arithmetic.train import MODEL
from domains.arithmetic.training.attempts import TEMPERATURE
from domains.arithmetic.training.feedback_quality import KINDS, SAID, Quality, measure
from domains.arithmetic.training.measure import load_policy
from domains.arithmetic.training.samples import Sample, draw_samples
from domains.arithmetic.verifier import verifier
from domains.training.card import model_facts, write_card

TEMPLATE = Path(__file__).parent / "feedback_card.md"
FIGURES = {
    "found": "of drafts with a wrong line, the first one is named",
    "cleared": "of right drafts, called perfectly right",
    "mended": "of wrong drafts, the edit is right",
    "spoilt": "of right drafts, the edit is wrong",
    "copied": "of all drafts, the edit is the draft",
    "copied_wrong": "of wrong drafts, the edit is the draft",
}
CRITICS = ("found", "cleared")
EDITORS = ("mended", "spoilt", "copied", "copied_wrong")
_SEED = 1


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m domains.arithmetic.training.feedback_card")
    parser.add_argument("--count", type=int, default=240, help="test problems")
    parser.add_argument("--note", default="", help="how its training went, if not as usual")
    options = parser.parse_args(arguments)
    levels = tuple(level for level in LEVELS if level > 1)
    chosen = islice(problems("test", _SEED, levels), options.count)
    drafts = list(draw_samples(*load_policy(MODEL), chosen, options.count, seed=_SEED))
    said, edited = measured(drafts)
    facts: dict[str, Any] = {
        **model_facts(EDITOR),
        "note": options.note and f"{options.note}\n\n",
        "temperature": TEMPERATURE,
        "count": len(drafts),
        "drafts_right": sum(j.right for j in edited["no feedback"].judged) / len(drafts),
        "said": shares(said, CRITICS),
        "confusion": confusion(said["the critic"]),
        "edited": shares(edited, EDITORS),
        "critic_levels": by_level(said["the critic"], levels, CRITICS),
        "editor_levels": by_level(edited["exact feedback"], levels, EDITORS[:3]),
    }
    write_card(EDITOR, TEMPLATE.read_text(encoding="utf-8"), facts)


def measured(drafts: Sequence[Sample]) -> tuple[dict[str, Quality], dict[str, Quality]]:
    """Return what critics say of drafts, and what the editor makes of it, by name."""
    model = load_policy(EDITOR)
    say = feedback_by(verifier())
    by_judge = [say(parse(d.prompt), "".join(d.steps)) for d in drafts]
    hot = measure(drafts, critic=model, seed=_SEED)
    by_critic = [j.said for j in hot.judged]
    said = {
        "the critic": hot,
        "the same at temperature 0": measure(drafts, critic=model, seed=_SEED, temperature=0.0),
        "the verifier": measure(drafts, said=by_judge, seed=_SEED),
    }
    told = {
        "the critic's feedback": by_critic,
        "the verifier's": by_judge,
        "exact feedback": None,
        "no feedback": [""] * len(drafts),
    }
    edited = {
        name: measure(drafts, editor=model, said=said, seed=_SEED) for name, said in told.items()
    }
    return said, edited


def shares(ways: Mapping[str, Quality], names: Sequence[str]) -> str:
    """Return a table of figures, a column for each way."""
    lines = [f"| | {' | '.join(ways)} |", "|---|" + "---|" * len(ways)]
    for name in names:
        cells = (with_error(quality, name) for quality in ways.values())
        lines.append(f"| {FIGURES[name]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def with_error(quality: Quality, name: str) -> str:
    """Return a share with its standard error."""
    flags = quality.flags()[name]
    if not flags:
        return "–"
    share = sum(flags) / len(flags)
    return f"{share:.3f} ± {math.sqrt(share * (1 - share) / len(flags)):.3f}"


def confusion(quality: Quality) -> str:
    """Return what was said, a row for each kind of draft."""
    counts = quality.confusion()
    lines = [f"| the draft is or has | {' | '.join(SAID)} |", "|---|" + "---|" * len(SAID)]
    for kind in KINDS:
        lines.append(f"| {kind} | {' | '.join(str(counts[kind, said]) for said in SAID)} |")
    return "\n".join(lines)


def by_level(quality: Quality, levels: Sequence[int], names: Sequence[str]) -> str:
    """Return figures, a row for each level."""
    lines = [
        f"| level | drafts right | {' | '.join(FIGURES[n] for n in names)} |",
        "|---|---|" + "---|" * len(names),
    ]
    for level in levels:
        own = Quality(tuple(j for j in quality.judged if j.draft.level == level))
        right = sum(j.right for j in own.judged) / max(1, len(own.judged))
        cells = " | ".join(with_error(own, name) for name in names)
        lines.append(f"| {level} | {right:.3f} | {cells} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
