"""Feedback and edit: drafts, feedback on each, edits by the best of it; the reward picks."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from smc.model import Prompt
from smc.steps import StepModel, StepScorer
from smc.strategies.arguments import at_least_one
from smc.strategies.ledger import DRAFT, Ledger
from smc.strategies.options import Options
from smc.strategies.results import StrategyResult
from smc.strategies.trajectories import Trajectory
from smc.strategies.writing import Template, Writer, as_writer, question_of

Effectiveness = Callable[[str], float]
"""How much a feedback can be expected to improve a text; the largest are kept."""

VERDICTS = ("not", "slightly", "partially", "mostly", "perfectly")
_VERDICT = re.compile(rf"\b({'|'.join(VERDICTS)}) helpful", re.IGNORECASE)
_CONSTRUCTIVE = re.compile(
    r"\b(but|however|although|should|could|instead|missing|wrong|incorrect|improve)\b",
    re.IGNORECASE,
)


FEEDBACK = Template(
    "Question:\n{question}\n\nAnswer:\n{draft}\n\nBegin with one of: The answer is not, "
    "slightly, partially, mostly, perfectly helpful. Then say in a few sentences what is good "
    "and what should be changed.",
    fields=("question", "draft"),
)
EDIT = Template(
    "Question:\n{question}\n\nAnswer:\n{draft}\n\nFeedback:\n{feedback}\n\nWrite the answer "
    "anew, changed as the feedback says. Write nothing else.",
    fields=("question", "draft", "feedback"),
)


@dataclass(frozen=True)
class FeedbackPrompts:
    """What the models are asked in each role; data, to be replaced."""

    feedback: Template = FEEDBACK
    edit: Template = EDIT


def effectiveness(feedback: str) -> float:
    """Return how constructive a feedback is: words of contrast and suggestion, of a low verdict.

    One that finds nothing to change ("perfectly helpful") comes after all that do, and one without
    a verdict last.

    Example:
        >>> effectiveness("The answer is partially helpful, but the sum is wrong.")
        2.0
    """
    verdict = _VERDICT.search(feedback)
    if verdict is None:
        return -2.0
    if verdict[1].lower() == VERDICTS[-1]:
        return -1.0
    return float(len(_CONSTRUCTIVE.findall(feedback)))


def feedback_edit(
    model: StepModel | Writer,
    prompt: Prompt,
    scorer: StepScorer,
    *,
    num_solutions: int = 4,
    feedbacks: int = 4,
    effective: int = 2,
    edits: int = 2,
    critic: StepModel | Writer | None = None,
    editor: StepModel | Writer | None = None,
    effective_by: Effectiveness = effectiveness,
    never_worse: bool = True,
    prompts: FeedbackPrompts | None = None,
    options: Options | None = None,
) -> StrategyResult:
    """Draft, have each draft criticised, edit it by the best of the critiques, take the best text.

    Args:
        model: Writes the drafts: a writer, or a step model whose texts are drawn to their ends.
        prompt: The problem.
        scorer: Judges drafts and edits as whole texts.
        num_solutions: Drafts; 8 in the paper's largest setting.
        feedbacks: Of each draft.
        effective: How many of them the editor sees, the most effective first; 16 in the paper.
        edits: Of each draft.
        critic: Writes the feedbacks; None: the model itself.
        editor: Writes the edits; None: the model itself.
        effective_by: Ranks feedbacks; ties go to the first.
        never_worse: Whether an edit of less value than its draft is left out.
        prompts: What is asked in each role.
        options: See `Options`; the temperature is that of all roles, and the answer that of the
            text of largest value.

    Returns:
        The answer, drafts and edits, and what they cost; `notes` tell how many edits only copied
        their draft.

    Raises:
        SettingsError: No scorer, or a number below 1.

    Source: Wang et al. (2025), "HelpSteer3: human-annotated feedback and edit data to empower
    inference-time scaling in open-ended general-domain tasks", arXiv:2503.04378.
    """
    at_least_one(num_solutions=num_solutions, feedbacks=feedbacks, effective=effective, edits=edits)
    chosen, asked = options or Options(), prompts or FeedbackPrompts()
    ledger = Ledger(chosen.seed, scorer, chosen.watch)
    ledger.require_scorer()
    responder = as_writer(model)
    temperature = chosen.temperature
    texts = ledger.write(responder, DRAFT, [prompt] * num_solutions, temperature=temperature)
    ledger.require(texts)
    drafts = ledger.trajectories(prompt, texts)
    ledger.record(drafts, ())
    values = [
        {"question": question_of(prompt), "draft": d.text} if d.text and d.finished else None
        for d in drafts
    ]
    places = [i for i, v in enumerate(values) if v is not None for _ in range(feedbacks)]
    written = ledger.write(
        responder if critic is None else as_writer(critic),
        "feedback",
        [asked.feedback.like(prompt, values[i] or {}) for i in places],
        temperature=temperature,
    )
    lines = [
        _ranked([t.text for t, at in zip(written, places, strict=True) if at == i], effective_by)
        for i in range(len(drafts))
    ]
    places = [i for i, own in enumerate(lines) if own for _ in range(edits)]
    edited = ledger.write(
        responder if editor is None else as_writer(editor),
        "edit",
        [
            asked.edit.like(
                prompt, (values[i] or {}) | {"feedback": "\n\n".join(lines[i][:effective])}
            )
            for i in places
        ],
        temperature=temperature,
    )
    new = ledger.trajectories(prompt, edited)
    ledger.record(new, ())
    kept = _kept(ledger, drafts, new, places, never_worse)
    return ledger.result([*drafts, *kept], chosen.answer, chosen.select_by("best"))


def _ranked(texts: Sequence[str], effective_by: Effectiveness) -> list[str]:
    """The feedbacks that say something, the most effective first."""
    return sorted((t.strip() for t in texts if t.strip()), key=lambda t: -effective_by(t))


def _kept(
    ledger: Ledger,
    drafts: Sequence[Trajectory],
    edits: Sequence[Trajectory],
    places: Sequence[int],
    never_worse: bool,
) -> list[Trajectory]:
    """The edits that count; how many were mere copies is noted."""
    kept, copied = [], 0
    for edit, place in zip(edits, places, strict=True):
        draft = drafts[place]
        copied += edit.text.strip() == draft.text.strip()
        if not (never_worse and edit.value < draft.value):
            kept.append(edit)
    if copied:
        ledger.note(f"feedback_edit: {copied} of {len(edits)} edits only copied their draft.")
    return kept
