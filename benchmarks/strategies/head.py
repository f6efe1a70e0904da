"""Head of the strategies' report: what was run, on what, and what was written of it by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.strategies.analysis import SLACK, Outcomes
from benchmarks.strategies.tables import table
from smc.errors import SettingsError

SETTINGS = ("model model_digest temperature width lookahead sweeps samples levels budgets").split()
START = "command date commit machine".split()
"""What run.json must state for a report."""


def head(run: Mapping[str, Any], outcomes: Sequence[Outcomes]) -> str:
    """Return the title, the commands, and where the numbers come from.

    Args:
        run: What run.json holds.
        outcomes: A judge each.
    """
    settings, starts = run["settings"], run["starts"]
    facts = {
        "model": f"{settings['model']} (digest {settings['model_digest']})",
        "temperature": settings["temperature"],
        "M, k, sweeps": f"{settings['width']}, {settings['lookahead']}, {settings['sweeps']}",
        "answers of searches": settings.get("selection", "each in its own way"),
        "difficulty": f"pass@1 of {settings['samples']} samples of their own",
        "problems": _counts(outcomes),
        "seeds": "; ".join(dict.fromkeys(_seeds(own) for own in outcomes)),
        "levels, in turn": ", ".join(map(str, settings["levels"])),
        **{f"judge {own.scorer}": own.judge for own in outcomes},
        "commit": ", ".join(dict.fromkeys(s["commit"] for s in starts)),
        "machine": "; ".join(dict.fromkeys(_machine(s["machine"]) for s in starts)),
        "date": ", ".join(dict.fromkeys(s["date"] for s in starts)),
    }
    commands = "\n".join(dict.fromkeys(s["command"] for s in starts))
    notes = (
        "Both models are small and were trained here. Accuracy in percent with 95% percentile "
        "bootstrap intervals over problems (Wilson's where every value is 0 or 1); seeds of a "
        "problem are averaged first. tokens: "
        "generated, texts that were dropped and rollouts included. passes: sequences put through "
        "the network, of the model and of the judge. "
        "Cost is in samples: tokens over those of one sample of the same problem. At a cost of k "
        f"a strategy has, in each bin, its largest N of mean cost at most {SLACK} k. Differences "
        "are paired; one whose interval covers 0 supports no claim."
    )
    rows = table(["", ""], [[k, str(v)] for k, v in facts.items()])
    judges = ", ".join(o.scorer for o in outcomes)
    return f"# Strategies on arithmetic: {judges}\n\n```\n{commands}\n```\n\n{rows}\n\n{notes}"


def read_words(path: Path) -> str:
    """Return Markdown that was written by hand.

    Raises:
        SettingsError: It is not there, or is no text.
    """
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"--words: {path}: {error}; expected a file of Markdown. Leave it out for a report "
            "without words."
        ) from error


def _machine(machine: Mapping[str, Any]) -> str:
    return (
        f"{machine['cpu']}, {machine['threads']} thread of {machine['cores']} cores shared with "
        f"other work, {machine['memory_gib']} GiB"
    )


def _counts(judges: Sequence[Outcomes]) -> str:
    counts = dict.fromkeys(
        f"{len({o.item for o in own.calibration})} for calibration, "
        f"{len({o.item for o in own.test})} held out"
        for own in judges
    )
    return "; ".join(counts)


def _seeds(outcomes: Outcomes) -> str:
    return ", ".join(f"{seed} ({items} problems)" for seed, items in outcomes.seeds.items())
