r"""The formats of the embedded critic and editor: feedback on a draft, and an edit by feedback.

A draft stands behind its problem and a mark behind the draft; there the critic says which line is
the first wrong one. Behind that the problem stands once more, where the editor works it out anew.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from domains.arithmetic.problems import ArithmeticProblem
from domains.arithmetic.steps import answer, sound, split
from smc.steps import StepScorer
from smc.strategies.feedback_edit import FeedbackPrompts
from smc.strategies.tpo import TPOPrompts
from smc.strategies.writing import Template

EDITOR = Path(__file__).parent / "editor"
"""The embedded model, trained in both roles."""

MARK = "\n~"
"""Stands behind a draft, before what is said of it."""
RIGHT = "perfectly right"
WRONG = "wrong "
UNFINISHED = "unfinished"
LONGEST = 40
"""Characters of a line that are quoted at most; a line of the domain has some 20."""

_ASKED = f"{{question}}{{draft}}{MARK}"
_CHOSEN = f"{{question}}{{chosen}}{MARK}"

PROMPTS = FeedbackPrompts(
    feedback=Template(_ASKED, fields=("question", "draft")),
    edit=Template(f"{_ASKED}{{feedback}}\n{{question}}", fields=("question", "draft", "feedback")),
)
TPO_PROMPTS = TPOPrompts(
    review=Template(_CHOSEN, fields=("question", "chosen")),
    suggest=Template(_CHOSEN, fields=("question", "chosen")),
    rewrite=Template(
        f"{_CHOSEN}{{suggestions}}\n{{question}}", fields=("question", "chosen", "suggestions")
    ),
)
"""For `tpo(mode="revision")`: the critic compares nothing. It has one thing to say of a text, so
critique and suggestions are asked alike, and the rewrite sees the suggestions."""


def feedback_on(problem: ArithmeticProblem, draft: str) -> str:
    r"""Return what a critic that errs nowhere says of a draft.

    Example:
        >>> from domains.arithmetic.problems import parse
        >>> problem = parse("a=7+5;b=a*3;b?\n")
        >>> feedback_on(problem, "a=7+5=12\nb=12*3=35")
        'wrong b=12*3=35'
        >>> feedback_on(problem, "a=7+5=12\n"), feedback_on(problem, "a=7+5=12\nb=12*3=36")
        ('unfinished', 'perfectly right')
    """
    lines = split(draft)
    good = sum(sound(problem, lines))
    if good < len(lines):
        return f"{WRONG}{lines[good].strip()[:LONGEST]}"
    return RIGHT if answer(draft) == problem.answer else UNFINISHED


def feedback_by(scorer: StepScorer) -> Callable[[ArithmeticProblem, str], str]:
    """Return a function that says of a draft what a judge of its lines thinks of it.

    The first line of a score under a half is the wrong one; a draft is unfinished that has fewer
    lines than the problem has operations.

    Args:
        scorer: Its score of a line is the probability that all is right up to there.
    """

    def say(problem: ArithmeticProblem, draft: str) -> str:
        lines = split(draft)
        scores = scorer.scores(problem.text, [lines])[0] if lines else ()
        for line, score in zip(lines, scores, strict=True):
            if score < 0.5:
                return f"{WRONG}{line.strip()[:LONGEST]}"
        return RIGHT if len(lines) >= len(problem.assignments) else UNFINISHED

    return say


def usefulness(feedback: str) -> float:
    """Return how much an editor can make of a feedback: of a wrong line most, of nonsense least.

    For `feedback_edit(effective_by=…)`, in the order that its own function has for prose.

    Example:
        >>> usefulness("wrong b=12*3=35"), usefulness("perfectly right"), usefulness("b=1")
        (1.0, -1.0, -2.0)
    """
    if feedback.startswith(WRONG) or feedback == UNFINISHED:
        return 1.0
    return -1.0 if feedback == RIGHT else -2.0
