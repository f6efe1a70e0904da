"""The prompt: the goal in words, then the problem in PDDL up to where its goal is to be written.

The training of the embedded model and the benchmark both import this file.
"""

from __future__ import annotations

import re

INSTRUCTION = "You are an expert in planning. Complete the problem in PDDL with its goal.\n"
OPENING = "(:goal (and"
"""The end of every prompt. An answer begins with a space."""

STOP = "))"
"""Ends an answer: the parentheses of its last atom and of the conjunction."""

_GOAL = re.compile(r"\(\s*:goal\b")
_MARK = "Your goal is"


def goal_words(description: str) -> str:
    """Return what a description says of the goal: from its last "Your goal is" on; else all of it.

    The initial state is in the problem, so that the words for it would only be read twice.
    """
    at = description.rfind(_MARK)
    return description[max(at, 0) :].strip()


def opening(problem: str) -> str:
    """Return a problem up to `(:goal (and`.

    Args:
        problem: In PDDL, the goal its last section.

    Raises:
        ValueError: There is no goal.
    """
    goal = _GOAL.search(problem)
    if goal is None:
        raise ValueError(
            f"planetarium: the problem has no (:goal …); expected one. It begins {problem[:40]!r}."
        )
    return problem[: goal.start()] + OPENING


def goal_prompt(description: str, problem: str) -> str:
    """Return the prompt that asks for the goal of a problem.

    Args:
        description: Of the problem, or of its goal alone, in words.
        problem: In PDDL; of its goal nothing is shown.
    """
    return f"{INSTRUCTION}{goal_words(description)}\n\n{opening(problem)}"


def completed(problem: str, answer: str) -> str:
    """Return the problem with another goal.

    Args:
        problem: In PDDL; only what comes before its goal matters.
        answer: As generated, cut before the first `))`, so that its last atom is not closed; an
            answer that ended otherwise may be closed.
    """
    depth = answer.count("(") - answer.count(")")
    return opening(problem) + answer + ")" * (3 + (depth == 1)) + "\n"
