"""Runs of the study: a line a puzzle and technique, gone on with where they stopped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks import journal
from benchmarks.inference_time.subjects import Subject
from benchmarks.inference_time.techniques import Outcome, run_technique
from domains.reasoning.puzzles import Puzzle, puzzles
from smc.errors import SettingsError

Key = tuple[str, str, int]
"""Task, technique, number of the puzzle."""


@dataclass(frozen=True)
class Records:
    """What a file holds.

    Attributes:
        head: Where it comes from: `settings`, command, commit, machine, date.
        outcomes: By task, technique and puzzle.
    """

    head: Mapping[str, Any]
    outcomes: Mapping[Key, Outcome]


def read(file: Path) -> Records:
    """Return what a file holds; a torn last line is left out.

    Raises:
        SettingsError: It is none of these files, or not there.
    """
    try:
        head, *lines = journal.read(file)
        outcomes: dict[Key, Outcome] = {}
        for task, technique, item, right, answered, tokens, judged in lines:
            outcome = Outcome(bool(right), bool(answered), tokens, judged)
            outcomes[task, technique, item] = outcome
        if not {"settings", "command"} <= head.keys():
            raise KeyError("settings, command")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(
            f"inference time: {file.name} is not what this study writes ({error!r}); expected a "
            "head in the first line and a puzzle in each other one. Give another --out."
        ) from error
    return Records(head, outcomes)


def run_all(
    subject: Subject,
    plan: Sequence[Key],
    head: Mapping[str, Any],
    file: Path,
) -> Iterator[tuple[Key, Outcome]]:
    """Answer what a plan has and a file has not, and append each outcome.

    Args:
        subject: Who answers.
        plan: In the order in which it is run.
        head: Of the file, if it is new.
        file: Lines of JSON.

    Raises:
        SettingsError: The file was made with other settings.
    """
    if not file.exists():
        journal.append(file, [head])
    there = read(file)
    if there.head["settings"] != head["settings"]:
        raise SettingsError(
            f"inference time: {file.name} was made with {there.head['settings']}, the command asks "
            f"for {head['settings']}. Give the same arguments or another --out."
        )
    known: dict[str, list[Puzzle]] = {}
    for task, technique, item in plan:
        if (task, technique, item) in there.outcomes:
            continue
        if len(known.setdefault(task, [])) <= item:
            known[task] = list(islice(puzzles("test", 0, (task,)), item + 20))
        outcome = run_technique(technique, subject, known[task][item], seed=item)
        told = [task, technique, item, int(outcome.right), int(outcome.answered)]
        journal.append(file, [[*told, outcome.tokens, outcome.judged]])
        yield (task, technique, item), outcome


def plan_of(tasks: Sequence[str], techniques: Sequence[str], items: int) -> list[Key]:
    """Return what is to be run: all of a puzzle before the next, so that what is there is even."""
    return [(t, name, k) for k in range(items) for t in tasks for name in techniques]
