"""Feedback at test time (FTTT): trials at one problem, with learning from each failure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smc.errors import SettingsError
from smc.model import Prompt
from smc.steps import StepModel, StepScorer
from smc.strategies.adaptable import Adaptable, Learning, as_adaptable
from smc.strategies.arguments import at_least_one
from smc.strategies.ledger import DRAFT, Ledger
from smc.strategies.options import Options
from smc.strategies.results import StrategyResult
from smc.strategies.trajectories import Trajectory
from smc.strategies.writing import Template, Writer, WrittenText, as_writer, question_of

RIGHT = 0.5
"""A verifier's score above which an attempt is right."""


MISTAKES = Template(
    "{question}\n\nA wrong answer:\n{attempt}\n\nList briefly the mistakes that it makes. Do not "
    "give the right answer.",
    fields=("question", "attempt"),
)


@dataclass(frozen=True)
class FeedbackPrompts:
    """What is said of a wrong attempt, and what the model is asked about it; data, to be replaced.

    Attributes:
        wrong: The fixed feedback.
        mistakes: Asks the model as it was, or a critic, for a list of mistakes.
    """

    wrong: str = "Your answer is incorrect."
    mistakes: Template = MISTAKES


class _Attempts:
    """Attempts as a ledger takes them: a writer."""

    def __init__(self, adaptable: Adaptable, adapted: bool) -> None:
        self._adaptable = adaptable
        self._adapted = adapted

    @property
    def passes(self) -> int:
        return self._adaptable.passes if self._adapted else 0

    def write(
        self,
        prompts: Sequence[Prompt],
        *,
        rngs: Sequence[np.random.Generator],
        temperature: float | None = None,
        max_tokens: int | None = None,
    ) -> list[WrittenText]:
        return [
            self._adaptable.attempt(
                prompt,
                rng=rng,
                temperature=temperature,
                max_tokens=max_tokens,
                adapted=self._adapted,
            )
            for prompt, rng in zip(prompts, rngs, strict=True)
        ]


def feedback_trials(
    model: Adaptable | StepModel | Writer,
    prompt: Prompt,
    scorer: StepScorer,
    *,
    num_solutions: int = 32,
    learning: Learning = "auto",
    mistakes: bool = False,
    critic: StepModel | Writer | None = None,
    prompts: FeedbackPrompts | None = None,
    options: Options | None = None,
) -> StrategyResult:
    """Attempt a problem up to N times; stop at the first right answer, learn from wrong ones.

    Each attempt answers the bare question: what was learnt is in the weights, not in the prompt.
    A verifier scores the whole attempt, right above 0.5. A wrong one is followed by a step of
    learning from "Your answer is incorrect." (FTTT), and from the list of mistakes that the model
    as it was makes of it (FTTT+, `mistakes`). An attempt that did not come to its end has no
    verdict: it is not counted and teaches nothing, and at most 2N + 1 attempts are made in all. At
    the end the weights are what they were, bit for bit. Without learning this is best-of-N by the
    verifier, one after the other.

    Args:
        model: An `Adaptable`; a writer or step model, see `learning`.
        prompt: The problem.
        scorer: The verifier; it is shown finished attempts alone.
        num_solutions: N, trials; 32 in the paper.
        learning: See `as_adaptable`; an adaptable model learns in its own way.
        mistakes: Whether the model as it was is asked for the mistakes of each wrong attempt.
        critic: Who is asked for them in its place, such as a judge of steps that can say which one
            is wrong; the paper has no other than the model.
        prompts: What is said and asked.
        options: See `Options`; the paper samples at temperature 0.6.

    Returns:
        The answer (of the attempt of largest score), all attempts, and what they cost; the tokens
        that learning read are in the notes.

    Raises:
        SettingsError: No scorer, a critic who is asked nothing, or a value outside its range.

    Source: Li et al. (2025), "Learning to reason from feedback at test-time", arXiv:2502.15771.
    """
    at_least_one(num_solutions=num_solutions)
    if critic is not None and not mistakes:
        raise SettingsError(
            "critic: got one, and mistakes=False, so that nothing is asked of it; expected "
            "mistakes=True, or no critic."
        )
    chosen, said = options or Options(), prompts or FeedbackPrompts()
    ledger = Ledger(chosen.seed, scorer, chosen.watch)
    ledger.require_scorer()
    adaptable = as_adaptable(model, learning)
    asked: Writer | None = None
    if mistakes:
        asked = _Attempts(adaptable, adapted=False) if critic is None else as_writer(critic)
    trials = _Trials(ledger, adaptable, prompt, said, asked, chosen.temperature)
    adaptable.reset()
    try:
        attempts = trials.run(num_solutions)
    finally:
        adaptable.reset()
    if trials.tokens_read:
        ledger.note(
            f"feedback_trials: learning read {trials.tokens_read} tokens in {trials.steps} steps."
        )
    return ledger.result(attempts, chosen.answer, chosen.select_by("best"))


class _Trials:
    """The trials at one problem."""

    def __init__(
        self,
        ledger: Ledger,
        adaptable: Adaptable,
        prompt: Prompt,
        said: FeedbackPrompts,
        critic: Writer | None,
        temperature: float | None,
    ) -> None:
        self.tokens_read = self.steps = 0
        self._ledger = ledger
        self._adaptable = adaptable
        self._prompt = prompt
        self._said = said
        self._critic = critic
        self._temperature = temperature
        self._writer = _Attempts(adaptable, adapted=True)

    def run(self, trials: int) -> list[Trajectory]:
        """Return all attempts, those without a verdict included."""
        attempts: list[Trajectory] = []
        written: list[WrittenText] = []
        judged = 0
        while judged < trials and len(attempts) < 2 * trials + 1:
            if judged and attempts[-1].finished:
                self._learn(attempts[-1].text)
            (text,) = self._ledger.write(
                self._writer, DRAFT, [self._prompt], temperature=self._temperature
            )
            written.append(text)
            attempts.append(self._judged(text))
            self._ledger.record(attempts[-1:], ())
            judged += text.finished
            if text.finished and attempts[-1].value > RIGHT:
                break
        self._ledger.require(written)
        return attempts

    def _judged(self, text: WrittenText) -> Trajectory:
        """The attempt with its verdict, if it has one."""
        if text.finished:
            return self._ledger.trajectories(self._prompt, [text])[0]
        return Trajectory(
            solution=(text.text,) if text.text else (),
            truncated=text.truncated,
            error=text.error,
            num_tokens=text.num_tokens,
        )

    def _learn(self, attempt: str) -> None:
        """One step of learning from the last attempt, which was wrong."""
        feedback = [self._said.wrong]
        if self._critic is not None:
            values = {"question": question_of(self._prompt), "attempt": attempt}
            asked = self._said.mistakes.like(self._prompt, values)
            (text,) = self._ledger.write(self._critic, "mistakes", [asked])
            feedback += [text.text] if text.text.strip() else []
        read = self._adaptable.learn(self._prompt, attempt, feedback)
        self.tokens_read += read
        self.steps += read > 0
