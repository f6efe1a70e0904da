"""Chained arithmetic: the trained critic and editor, a critic that knows, and the policy alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import smc
from benchmarks.lockstep import Lockstep, LockstepWriter
from benchmarks.refining.remembering import RememberingScorer, RememberingWriter
from benchmarks.refining.trial import Arm, World
from benchmarks.revising.choosing import ByLine
from domains.arithmetic.feedback import PROMPTS, TPO_PROMPTS, feedback_by, feedback_on, usefulness
from domains.arithmetic.feedback_writers import SayingCritic, TaggingWriter
from domains.arithmetic.scorers import OracleScorer
from domains.arithmetic.steps import answer
from domains.arithmetic.task import ArithmeticItem, ArithmeticTask, reward_model
from domains.arithmetic.verifier import verifier
from smc.model import Prompt
from smc.steps import StepScorer
from smc.strategies import feedback_edit, tpo
from smc.strategies.writing import Template, TokenWriter, Writer

LEVELS = (2, 3, 4, 5)
MODELS = {
    "policy": "embedded:arithmetic",
    "critic and editor": "embedded:arithmetic-editor",
}
MAX_TOKENS = 128
TRAINED = "feedback and edit, both trained"
SCORED = "feedback and edit, critic read off the verifier"
KNOWN = "feedback and edit, exact critic"
SILENT = "edit without feedback"
SELF = "feedback and edit, by itself"
TPO_SCORED = "TPO, critic read off the verifier"
TPO_SELF = "TPO, by itself"
SIZES = dict.fromkeys((TRAINED, SCORED, KNOWN, SILENT, TPO_SCORED), (4, 8, 16)) | dict.fromkeys(
    (SELF, TPO_SELF), (4,)
)
"""Solutions of a run; what the policy makes of English words need not be seen at every size."""
_ROUNDS = {4: (2, 1), 8: (4, 1), 16: (5, 2)}
"""Solutions and rounds of TPO for so many solutions in all, or one less."""


JUDGES: Mapping[str, Callable[[], StepScorer]] = {
    "verifier": lambda: RememberingScorer(ByLine(verifier())),
    "head": lambda: RememberingScorer(ByLine(reward_model())),
    "oracle": lambda: ByLine(OracleScorer()),
}
"""The reward model by the likelihood of steps, the same by what its head says, exact labels."""


def world(desk: Lockstep, count: int, judges: Sequence[str]) -> World:
    """Return the world of so many test problems, judged by some of `JUDGES`."""
    policy, editor = (
        LockstepWriter(
            desk, RememberingWriter(TokenWriter(smc.load(name), max_tokens=MAX_TOKENS, batch=256))
        )
        for name in MODELS.values()
    )
    scorers = {name: JUDGES[name]() for name in judges}
    return World(
        items=ArithmeticTask(levels=LEVELS).items(count),
        level=lambda item: item.level,
        arms=arms(policy, editor),
        sizes=SIZES,
        judges={name: lambda _, own=scorer: own for name, scorer in scorers.items()},
        samples=policy,
        right=_right,
        answer=answer,
    )


def arms(policy: Writer, editor: Writer) -> dict[str, Arm]:
    """Return the ways of writing again."""
    silent = dataclasses.replace(
        PROMPTS, edit=Template("{question}{draft}\n~\n{question}", fields=("question", "draft"))
    )
    scored = SayingCritic(feedback_by(RememberingScorer(verifier())))
    # A blank feedback would be left out, and the draft with it; this one is not shown.
    nothing = SayingCritic(lambda problem, draft: "-")
    return {
        TRAINED: _edits(policy, critic=editor, editor=editor, prompts=PROMPTS),
        SCORED: _edits(policy, critic=scored, editor=editor, prompts=PROMPTS),
        KNOWN: _edits(policy, critic=SayingCritic(feedback_on), editor=editor, prompts=PROMPTS),
        SILENT: _edits(policy, critic=nothing, editor=editor, prompts=silent),
        SELF: _edits(policy),
        TPO_SCORED: _rounds(
            TaggingWriter(policy, scored, editor), mode="revision", prompts=TPO_PROMPTS
        ),
        TPO_SELF: _rounds(policy),
    }


def _edits(policy: Writer, **roles: Any) -> Arm:
    """Feedback and edit: half of the solutions are drafts, each has one feedback and one edit."""
    effective_by = {"effective_by": usefulness} if roles else {}
    return lambda prompt, scorer, size, options: feedback_edit(
        policy, prompt, scorer, num_solutions=size // 2, feedbacks=1, effective=1, edits=1,
        options=options, **effective_by, **roles,
    )  # fmt: skip


def _rounds(writer: Writer, **settings: Any) -> Arm:
    """TPO."""

    def run(prompt: Prompt, scorer: StepScorer, size: int, options: Any) -> Any:
        width, rounds = _ROUNDS[size]
        return tpo(
            writer, prompt, scorer, num_solutions=width, rounds=rounds, options=options, **settings
        )

    return run


def _right(item: ArithmeticItem, texts: Sequence[str]) -> list[bool]:
    return [answer(text) == item.problem.answer for text in texts]
