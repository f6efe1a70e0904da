"""Test-time preference optimisation (TPO): critique the best against the worst, and rewrite."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from smc.errors import SettingsError
from smc.model import Prompt
from smc.steps import StepModel, StepScorer
from smc.strategies.arguments import at_least_one
from smc.strategies.ledger import DRAFT, Ledger
from smc.strategies.options import Options
from smc.strategies.results import StrategyResult
from smc.strategies.trajectories import Trajectory
from smc.strategies.writing import Template, Writer, WrittenText, as_writer, question_of

Mode = Literal["tpo", "revision"]

_IMPROVED = re.compile(r"<improved>(.*?)</improved>", re.DOTALL)


COMPARE = Template(
    "Question:\n{question}\n\nA better answer:\n{chosen}\n\nA worse answer:\n{rejected}\n\n"
    "Say briefly what the better answer does well and badly, compared with the worse one. Do "
    "not answer the question.",
    fields=("question", "chosen", "rejected"),
)
REVIEW = Template(
    "Question:\n{question}\n\nAn answer:\n{chosen}\n\nSay briefly what the answer does well "
    "and badly. Do not answer the question.",
    fields=("question", "chosen"),
)
SUGGEST = Template(
    "Question:\n{question}\n\nAn answer:\n{chosen}\n\nWhat a reviewer says:\n{critique}\n\n"
    "Say how the answer should be changed. Do not write the new answer.",
    fields=("question", "chosen", "critique"),
)
REWRITE = Template(
    "Question:\n{question}\n\nAn answer:\n{chosen}\n\nHow it should be changed:\n{suggestions}"
    "\n\nWrite the whole answer anew, between <improved> and </improved>.",
    fields=("question", "chosen", "suggestions"),
)


@dataclass(frozen=True)
class TPOPrompts:
    """What the model is asked in each role; data, to be replaced.

    Attributes:
        compare: For a critique of the chosen text beside the rejected one.
        review: The same without a rejected text.
        suggest: For suggestions, from a critique.
        rewrite: For a new text between <improved> and </improved>, from the suggestions.
    """

    compare: Template = COMPARE
    review: Template = REVIEW
    suggest: Template = SUGGEST
    rewrite: Template = REWRITE


def tpo(
    model: StepModel | Writer,
    prompt: Prompt,
    scorer: StepScorer,
    *,
    num_solutions: int = 5,
    rounds: int = 2,
    mode: Mode = "tpo",
    prompts: TPOPrompts | None = None,
    options: Options | None = None,
) -> StrategyResult:
    """Draw N texts; then, D times, criticise the best of all so far and write N new ones.

    In each round the model compares the best text of all rounds with the worst of all rounds, says
    how the best should be changed, and rewrites it N times. Rewrites without their tags are
    dropped, and told; where all are, the best stays. A critique that fails costs its round. D = 0
    is best-of-N. The models need to follow instructions well: the authors find small ones get
    worse.

    Args:
        model: A writer, or a step model whose texts are drawn to their ends.
        prompt: The problem.
        scorer: Judges whole texts.
        num_solutions: N, texts of a round; 5 in the paper.
        rounds: D; 2 in the paper.
        mode: `tpo`, or `revision`: the critique sees no rejected text.
        prompts: What is asked in each role.
        options: See `Options`; the temperature is that of drafts and rewrites, and the answer that
            of the text of largest value.

    Returns:
        The answer, all texts of all rounds, and what they cost.

    Raises:
        SettingsError: No scorer, or a number or name outside its range.

    Source: Li et al. (2025), "Test-time preference optimization: on-the-fly alignment via
    iterative textual feedback", arXiv:2501.12895.
    """
    at_least_one(num_solutions=num_solutions)
    if isinstance(rounds, bool) or rounds < 0:
        raise SettingsError(f"rounds: expected a whole number from 0 on, got {rounds!r}.")
    if mode not in ("tpo", "revision"):
        raise SettingsError(f"mode: expected 'tpo' or 'revision', got {mode!r}.")
    chosen, asked = options or Options(), prompts or TPOPrompts()
    ledger = Ledger(chosen.seed, scorer, chosen.watch)
    ledger.require_scorer()
    writer = as_writer(model)
    drafts = ledger.write(writer, DRAFT, [prompt] * num_solutions, temperature=chosen.temperature)
    ledger.require(drafts)
    texts = ledger.trajectories(prompt, drafts)
    ledger.record(texts, ())
    for _ in range(rounds):
        rewrite = _rewrite_prompt(ledger, writer, prompt, texts, mode, asked)
        if rewrite is None:
            break
        rewrites = ledger.write(
            writer, "rewrite", [rewrite] * num_solutions, temperature=chosen.temperature
        )
        new = ledger.trajectories(prompt, _improved(ledger, rewrites))
        texts += new
        ledger.record(new, ())
    return ledger.result(texts, chosen.answer, chosen.select_by("best"))


def _rewrite_prompt(
    ledger: Ledger,
    writer: Writer,
    prompt: Prompt,
    texts: Sequence[Trajectory],
    mode: Mode,
    asked: TPOPrompts,
) -> Prompt | None:
    """Criticise the best text; return how it is to be rewritten, or None if that failed."""
    judged = [t for t in texts if t.finished and t.text]
    if not judged:
        ledger.note("tpo: no text came to its end, so there is none to improve.")
        return None
    values = {
        "question": question_of(prompt),
        "chosen": max(judged, key=lambda t: t.value).text,
        "rejected": min(judged, key=lambda t: t.value).text,
    }
    template = asked.compare if mode == "tpo" else asked.review
    for role, field, ask in (
        ("critique", "critique", template),
        ("suggestions", "suggestions", asked.suggest),
    ):
        (text,) = ledger.write(writer, role, [ask.like(prompt, values)])
        if text.error is not None or not text.text.strip():
            ledger.note(f"tpo: a {role} call gave nothing; the texts so far stand.")
            return None
        values[field] = text.text
    return asked.rewrite.like(prompt, values)


def improved(text: str) -> str | None:
    """Return what a rewrite says between its tags; None without tags, or with nothing in them.

    Example:
        >>> improved("So: <improved> 42 </improved>."), improved("42")
        ('42', None)
    """
    inner = _IMPROVED.search(text)
    return None if inner is None else inner[1].strip() or None


def _improved(ledger: Ledger, rewrites: Sequence[WrittenText]) -> list[WrittenText]:
    """The rewrites that stand between their tags."""
    found = [
        WrittenText(inner, finished=True, num_tokens=text.num_tokens)
        for text in rewrites
        if (inner := improved(text.text)) is not None
    ]
    missing = sum(t.error is None for t in rewrites) - len(found)
    if missing > 0:
        ledger.note(f"tpo: {missing} of {len(rewrites)} rewrites had no <improved> tags.")
    return found
