"""Arms: ways to try a problem again, and what every attempt of a run has cost."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import smc
from benchmarks.feedback.items import FailedItem, right
from domains.arithmetic.revising import REVISER, revise
from domains.arithmetic.train_optune import OPTUNE
from smc.backends.adapting import FeedbackTuning, PredictedUpdates
from smc.backends.adapting.predicted import load_updates
from smc.backends.transformers import TransformersModel
from smc.model import Prompt
from smc.steps import Solution
from smc.strategies import Options, revisions
from smc.strategies.adaptable import Adapted, Learner
from smc.strategies.feedback_trials import feedback_trials
from smc.strategies.ledger import DRAFT, Ledger
from smc.strategies.results import StrategyResult
from smc.strategies.writing import TokenWriter

ARMS = ("independent", "fttt", "fttt_plus", "optune", "optune_swapped")
REVISIONS = "revisions"
"""A further arm, which has a model of its own: the revision model."""
_REVISION_CHAINS = 8


@dataclass(frozen=True)
class Attempt:
    """One counted attempt.

    Attributes:
        tokens: Written for it, and read or written to learn since the last one.
        right: The verifier's verdict.
    """

    tokens: int
    right: bool


@dataclass
class Verifier:
    """Right or wrong, and nothing else.

    Attributes:
        item: The problem.
        passes: Attempts judged so far.
    """

    item: FailedItem
    passes: int = 0
    tokens: int = 0

    def scores(self, prompt: Prompt, solutions: Sequence[Solution]) -> list[tuple[float, ...]]:
        """Return 1 for each step of a right solution, else 0."""
        self.passes += len(solutions)
        return [(float(right(self.item, "".join(s))),) * len(s) for s in solutions]


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
    """Return the attempts of an arm at a problem, up to the first right one.

    Args:
        arm: Of `ARMS`, or `REVISIONS`. `optune_swapped` learns from a wrong attempt at another
            problem.
        model: The policy.
        item: The problem.
        trials: The most.
        seed: Of the draws; all arms share their generators.
        rate: Of FTTT's learning.
    """
    writer = TokenWriter(model, max_tokens=128)
    verifier, options = Verifier(item), Options(seed=seed)
    if arm == "independent":
        texts = Ledger(seed).write(writer, DRAFT, [item.prompt] * trials)
        attempts = [Attempt(t.num_tokens, t.finished and right(item, t.text)) for t in texts]
        return upto_right(attempts)
    if arm == REVISIONS:
        chains = min(_REVISION_CHAINS, trials)
        result = revisions(
            TokenWriter(smc.load(str(REVISER)), max_tokens=128),
            item.prompt,
            verifier,
            num_solutions=trials - trials % chains,
            chains=chains,
            revise=revise,
            options=options,
        )
        pairs = zip(result.trajectories, result.calls, strict=True)
        return upto_right([Attempt(c.written.num_tokens, t.value > 0.5) for t, c in pairs])
    learner = Counted(
        FeedbackTuning(model, rate=rate)
        if arm.startswith("fttt")
        else PredictedUpdates(model, load_updates(OPTUNE)),
        swapped=item.other if arm == "optune_swapped" else None,
    )
    result = feedback_trials(
        Adapted(writer, learner),
        item.prompt,
        verifier,
        num_solutions=trials,
        mistakes=arm == "fttt_plus",
        options=options,
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
            continue
        draft = next(drafts)
        written += next(left) if taught else 0
        attempts.append(Attempt(written, draft.value > 0.5))
        taught, written = draft.finished, 0
    return attempts


def upto_right(attempts: Sequence[Attempt]) -> list[Attempt]:
    """Return the attempts up to the first right one, or all."""
    at = next((k for k, a in enumerate(attempts) if a.right), len(attempts) - 1)
    return list(attempts[: at + 1])
