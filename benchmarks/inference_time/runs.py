"""Runs of the study: a line a puzzle and technique, gone on with where they stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks import journal
from benchmarks.inference_time.subjects import Subject
from benchmarks.inference_time.techniques import Outcome, run_technique
from benchmarks.lockstep import Lockstep
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
    subjects: Sequence[Subject],
    plan: Sequence[Key],
    head: Mapping[str, Any],
    file: Path,
    desk: Lockstep,
    told: Callable[[Key, Outcome], bool] = lambda key, outcome: True,
) -> None:
    """Answer what a plan has and a file has not, and append each outcome.

    Args:
        subjects: Who answer, each one puzzle at a time.
        plan: In the order in which it is begun.
        head: Of the file, if it is new.
        file: Lines of JSON.
        desk: Where the subjects meet.
        told: Each outcome; it says whether another puzzle may be begun.

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
    left = iter([key for key in plan if key not in there.outcomes])
    goes_on = True

    def work(subject: Subject) -> None:
        """Answer one after the other, while the other subjects answer theirs."""
        nonlocal goes_on
        while goes_on and (key := next(left, None)) is not None:
            task, technique, item = key
            if len(known.setdefault(task, [])) <= item:
                known[task] = list(islice(puzzles("test", 0, (task,)), item + 20))
            outcome = run_technique(technique, subject, known[task][item], seed=item)
            line = [*key, int(outcome.right), int(outcome.answered), outcome.tokens, outcome.judged]
            journal.append(file, [line])
            goes_on = told(key, outcome) and goes_on

    desk.run([partial(work, subject) for subject in subjects])


def plan_of(tasks: Sequence[str], techniques: Sequence[str], items: int) -> list[Key]:
    """Return what is to be run: all of a puzzle before the next, so that what is there is even."""
    return [(t, name, k) for k in range(items) for t in tasks for name in techniques]
