"""Functions to be written by a published model, which criticises and edits its own answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.lockstep import Lockstep, LockstepWriter
from benchmarks.programs.trial import hidden_tests
from benchmarks.refining.remembering import RememberingScorer, RememberingWriter
from benchmarks.refining.trial import Arm, World
from domains.functions.judging import runner
from domains.functions.problem import FunctionProblem
from domains.functions.task import FunctionItem, FunctionsTask
from smc import load
from smc.backends.load_options import Backend
from smc.model import Prompt
from smc.steps import Solution, StepScorer
from smc.strategies import Options, StrategyResult, feedback_edit, tpo
from smc.strategies.programs import ProgramRunner
from smc.strategies.writing import TokenWriter, Writer

MAX_TOKENS = 256
TEMPERATURE = 0.7
EDITS = "feedback and edit, by itself"
TPO = "TPO, by itself"
SIZES: Mapping[str, Sequence[int]] = {EDITS: (6,), TPO: (6,)}
"""Solutions of a run; critiques and suggestions come on top of them."""


def world(
    desk: Lockstep, count: int, model: str, backend: Backend, engine_args: Mapping[str, Any] | None
) -> World:
    """Return the world of the first so many functions.

    Args:
        desk: Where runs meet.
        count: Of problems.
        model: Folder or name.
        backend: Of it.
        engine_args: Of vLLM.
    """
    loaded = load(model, backend=backend, engine_args=engine_args)
    written = RememberingWriter(TokenWriter(loaded, max_tokens=MAX_TOKENS))
    writer, programs = LockstepWriter(desk, written), runner()
    judges: dict[str, StepScorer] = {}

    def judge(item: FunctionItem) -> StepScorer:
        made = RememberingScorer(PublicTests(item.problem, programs))
        return judges.setdefault(item.id, made)

    hidden: dict[tuple[str, str], bool] = {}

    def right(item: FunctionItem, texts: Sequence[str]) -> list[bool]:
        new = [t for t in dict.fromkeys(texts) if (item.id, t) not in hidden]
        passed = hidden_tests(item.problem, new) if new else []
        hidden.update(zip(((item.id, text) for text in new), passed, strict=True))
        return [hidden[item.id, text] for text in texts]

    return World(
        items=FunctionsTask(style="chat").items(count),
        level=lambda item: item.problem.level or 0,
        arms=arms(writer),
        sizes=SIZES,
        judges={"public tests": judge},
        samples=writer,
        right=right,
        temperature=TEMPERATURE,
    )


def arms(writer: Writer) -> dict[str, Arm]:
    """Return the ways of writing again; half of the solutions are drafts, the others follow."""

    def edits(prompt: Prompt, scorer: StepScorer, size: int, options: Options) -> StrategyResult:
        return feedback_edit(
            writer, prompt, scorer, num_solutions=size // 2, feedbacks=1, effective=1, edits=1,
            options=options,
        )  # fmt: skip

    def rounds(prompt: Prompt, scorer: StepScorer, size: int, options: Options) -> StrategyResult:
        return tpo(writer, prompt, scorer, num_solutions=size // 2, rounds=1, options=options)

    return {EDITS: edits, TPO: rounds}


class PublicTests:
    """The share of public tests that a program passes, as a judge of whole texts.

    Args:
        problem: The function.
        runner: Of programs.
    """

    def __init__(self, problem: FunctionProblem, runner: ProgramRunner) -> None:
        self._problem, self._runner = problem, runner
        self.passes = 0
        self.tokens = 0

    def scores(self, prompt: Prompt, solutions: Sequence[Solution]) -> list[tuple[float, ...]]:
        """Return the share for each step of a solution; see `StepScorer`."""
        self.passes += len(solutions)
        tests = self._problem.examples
        programs = [self._problem.program("".join(s)) for s in solutions]
        runs = iter(self._runner.run([(p, t.input) for p in programs for t in tests]))
        shares = [sum(t.passed(next(runs)) for t in tests) / len(tests) for _ in programs]
        return [(share,) * len(s) for share, s in zip(shares, solutions, strict=True)]
