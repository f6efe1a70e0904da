"""Arms: ways to try a problem again, those that learn and those that do not."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from benchmarks.feedback.attempts import MAX_TOKENS, Attempt, Verifier, read_of
from benchmarks.feedback.baselines import best_of_n, independent, refined, revised
from benchmarks.feedback.items import FailedItem
from domains.arithmetic.feedback import MARK, UNFINISHED, WRONG, feedback_on
from domains.arithmetic.feedback_writers import SayingCritic
from domains.arithmetic.problems import ArithmeticProblem
from domains.arithmetic.train_optune import OPTUNE
from smc.backends.adapting import FeedbackTuning, PredictedUpdates
from smc.backends.adapting.predicted import load_updates
from smc.backends.transformers import TransformersModel
from smc.model import Prompt
from smc.strategies import Options
from smc.strategies.adaptable import Adapted, Learner
from smc.strategies.feedback_trials import FeedbackPrompts, feedback_trials
from smc.strategies.ledger import DRAFT
from smc.strategies.results import StrategyResult
from smc.strategies.writing import Template, TokenWriter, Writer

BASELINES = (
    "independent",
    "best_of_n",
    "revisions",
    "revisions_side_by_side",
    "self_refine",
    "refine_told",
)
LEARNING = ("fttt", "fttt_plus", "fttt_own_words", "optune", "optune_swapped")
ARMS = (*BASELINES, *LEARNING)
_CHAINS = 8
_READ_OFF = FeedbackPrompts(
    mistakes=Template(f"{{question}}{{attempt}}{MARK}", fields=("question", "attempt"))
)
"""Asks for mistakes in the format of the critic that is read off the verifier."""


def reflection(problem: ArithmeticProblem, attempt: str) -> str:
    r"""Return the list of mistakes that the step verifier can give: the first line that is wrong.

    As in the paper the list is short and does not give the right answer.

    Example:
        >>> from domains.arithmetic.problems import parse
        >>> problem = parse("a=7+5;b=a*3;b?\n")
        >>> reflection(problem, "a=7+5=12\nb=12*3=35")
        '1. The line b=12*3=35 is wrong.'
        >>> reflection(problem, "a=7+5=12\n")
        '1. The last line is missing.'
    """
    said = feedback_on(problem, attempt)
    if said == UNFINISHED:
        return "1. The last line is missing."
    return f"1. The line {said.removeprefix(WRONG)} is wrong."


@dataclass
class Counted:
    """A learner that notes what every lesson has read, and may be given another attempt's lesson.

    Attributes:
        learner: Learns.
        swapped: Problem and attempt that all lessons are about; None: those that they are of.
        lessons: Tokens read by each.
    """

    learner: Learner
    swapped: tuple[str, str] | None = None
    lessons: list[int] = field(default_factory=list)

    @property
    def passes(self) -> int:
        """Those of the learner."""
        return self.learner.passes

    def learn(self, prompt: Prompt, attempt: str, feedback: Sequence[str]) -> int:
        """See `Learner.learn`."""
        about = (prompt, attempt) if self.swapped is None else self.swapped
        self.lessons.append(self.learner.learn(*about, feedback))
        return self.lessons[-1]

    def paused(self) -> AbstractContextManager[None]:
        """See `Learner.paused`."""
        return self.learner.paused()

    def reset(self) -> None:
        """See `Learner.reset`."""
        self.learner.reset()


def run_arm(
    arm: str, model: TransformersModel, item: FailedItem, *, trials: int, seed: int, rate: float
) -> list[Attempt]:
    """Return the attempts of an arm at a problem, up to the first right one at least.

    Args:
        arm: Of `ARMS`. `fttt_plus` learns from a list of mistakes that is read off the step
            verifier, `fttt_own_words` from what the policy writes when it is asked for one, as in
            the paper; `optune_swapped` from a wrong attempt at another problem. `self_refine` is
            told what is wrong by its own model, `refine_told` by the step verifier.
        model: The policy.
        item: The problem.
        trials: The most.
        seed: Of the draws; all arms share their generators.
        rate: Of FTTT's learning.
    """
    writer = TokenWriter(model, max_tokens=MAX_TOKENS)
    if arm == "independent":
        return independent(writer, item, trials=trials, seed=seed)
    if arm == "best_of_n":
        return best_of_n(writer, item, trials=trials, seed=seed)
    if arm.startswith("revisions"):
        chains = 1 if arm == "revisions" else _CHAINS
        return revised(item, trials=trials, chains=chains, seed=seed)
    if arm in ("self_refine", "refine_told"):
        critic = SayingCritic(feedback_on) if arm == "refine_told" else None
        return refined(writer, item, critic, trials=trials, seed=seed)
    return _learning(arm, model, writer, item, trials, seed, rate)


def _learning(
    arm: str,
    model: TransformersModel,
    writer: Writer,
    item: FailedItem,
    trials: int,
    seed: int,
    rate: float,
) -> list[Attempt]:
    """The arms whose weights change between attempts."""
    learner = Counted(
        FeedbackTuning(model, rate=rate)
        if arm.startswith("fttt")
        else PredictedUpdates(model, load_updates(OPTUNE)),
        swapped=item.other if arm == "optune_swapped" else None,
    )
    read_off = arm == "fttt_plus"
    result = feedback_trials(
        Adapted(writer, learner),
        item.prompt,
        Verifier(item),
        num_solutions=trials,
        mistakes=arm in ("fttt_plus", "fttt_own_words"),
        critic=SayingCritic(reflection) if read_off else None,
        prompts=_READ_OFF if read_off else None,
        options=Options(seed=seed),
    )
    return attempts_of(result, learner.lessons)


def attempts_of(result: StrategyResult, lessons: Sequence[int]) -> list[Attempt]:
    """Return the attempts of a run of `feedback_trials`, each with what was learnt before it."""
    attempts: list[Attempt] = []
    drafts, left, written = iter(result.trajectories), iter(lessons), 0
    taught = False
    for call in result.calls:
        written += call.written.num_tokens
        if call.role != DRAFT:
            written += read_of(call.prompt, "")
            continue
        draft = next(drafts)
        written += next(left) if taught else 0
        attempts.append(Attempt(written, draft.value > 0.5))
        taught, written = draft.finished, 0
    return attempts
