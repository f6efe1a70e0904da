"""S*: samples repaired against public tests, and selection by inputs that tell programs apart."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from smc.errors import SettingsError
from smc.model import Prompt
from smc.steps import StepModel
from smc.strategies.arguments import at_least_one
from smc.strategies.ledger import DRAFT, Ledger
from smc.strategies.options import Options
from smc.strategies.program_selection import SelectionPrompts, choose_program
from smc.strategies.programs import ProgramOutput, ProgramRunner, PublicTest, code_of
from smc.strategies.results import StrategyResult
from smc.strategies.trajectories import Trajectory
from smc.strategies.writing import Template, Writer, as_writer, question_of

REPAIR = Template(
    "{question}\n\nEarlier programs, and how they failed:\n\n{attempts}\n\nWrite the whole program "
    "anew, so that it passes all tests.",
    fields=("question", "attempts"),
)
"""How a program is asked to be repaired."""


@dataclass(frozen=True)
class _Sample:
    """A program on its way.

    Attributes:
        trajectory: The newest text; its value is the share of public tests that it passes.
        attempts: The programs so far with their failures, as the model is shown them.
    """

    trajectory: Trajectory
    attempts: tuple[str, ...] = ()

    @property
    def passes(self) -> bool:
        return self.trajectory.value == 1.0


def s_star(
    model: StepModel | Writer,
    prompt: Prompt,
    runner: ProgramRunner,
    tests: Sequence[PublicTest],
    *,
    num_solutions: int = 16,
    repairs: int = 2,
    judge: StepModel | Writer | None = None,
    code: Callable[[str], str] = code_of,
    repair: Template = REPAIR,
    prompts: SelectionPrompts | None = None,
    options: Options | None = None,
) -> StrategyResult:
    """Draw N programs, repair each against the public tests, and choose by telling inputs.

    A sample that fails a public test is written anew, with all its programs so far and their
    failures in sight, at most R times; one that passes is left alone. Among those that pass,
    programs are clustered by their outputs on inputs that the judge writes, and clusters are
    matched against each other: the judge sees two programs with the outputs in which they differ,
    in both orders. See `smc.strategies.program_selection`. Where none passes, the one that passes
    most is taken, the first of several.

    Args:
        model: Writes programs: a writer, or a step model whose texts are drawn to their ends.
        prompt: The problem, with its public tests.
        runner: Runs programs; hostile ones, too.
        tests: The public tests.
        num_solutions: N.
        repairs: R, at most, for each sample; 2 in the paper.
        judge: Writes inputs, and decides between programs; None: the model itself.
        code: From a text to its program.
        repair: How a repair is asked for.
        prompts: How inputs and decisions are asked for.
        options: See `Options`; `answer` is by default the program.

    Returns:
        The program, all samples with the share of public tests that they pass as value, the points
        of the selection as votes, and what all of it cost.

    Raises:
        SettingsError: No public tests, or a number outside its range.

    Source: Li et al. (2025), "S*: test time scaling for code generation", arXiv:2502.14382.
    """
    at_least_one(num_solutions=num_solutions)
    if isinstance(repairs, bool) or repairs < 0:
        raise SettingsError(f"repairs: expected a whole number from 0 on, got {repairs!r}.")
    if not tests:
        raise SettingsError("tests: got none; expected at least one public test.")
    chosen, writer = options or Options(), as_writer(model)
    ledger = Ledger(chosen.seed, watch=chosen.watch)
    drafts = ledger.write(writer, DRAFT, [prompt] * num_solutions, temperature=chosen.temperature)
    ledger.require(drafts)
    written = ledger.trajectories(prompt, drafts)
    samples = _tested([_Sample(t) for t in written], runner, tests, code)
    ledger.record([s.trajectory for s in samples], ())
    for _ in range(repairs):
        open_ = [i for i, s in enumerate(samples) if not s.passes and s.attempts]
        if not open_:
            break
        texts = ledger.write(
            writer,
            "repair",
            [_repair_prompt(prompt, samples[i], repair) for i in open_],
            temperature=chosen.temperature,
        )
        again = {
            i: dataclasses.replace(samples[i], trajectory=trajectory)
            for i, trajectory in zip(open_, ledger.trajectories(prompt, texts), strict=True)
            if trajectory.text  # a repair that failed leaves the program as it was
        }
        tested = dict(zip(again, _tested(list(again.values()), runner, tests, code), strict=True))
        samples = [tested.get(i, s) for i, s in enumerate(samples)]
        ledger.record([s.trajectory for s in samples], ())
    programs = [code(s.trajectory.text) for s in samples]
    passing = [i for i, s in enumerate(samples) if s.passes]
    points: Counter[str] = Counter()
    if passing:
        decider = writer if judge is None else as_writer(judge)
        points = choose_program(
            ledger,
            decider,
            runner,
            prompt,
            [programs[i] for i in passing],
            prompts or SelectionPrompts(),
        )
    trajectories = [s.trajectory for s in samples]
    result = ledger.result(trajectories, chosen.answer or code, "best")
    if not passing:
        return result
    best = max(passing, key=lambda i: points[programs[i]])
    answer = (chosen.answer or code)(trajectories[best].text)
    votes = {program: float(points[program]) for program, _ in points.most_common()}
    return dataclasses.replace(result, answer=answer, chosen=best, votes=votes)


def _tested(
    samples: Sequence[_Sample],
    runner: ProgramRunner,
    tests: Sequence[PublicTest],
    code: Callable[[str], str],
) -> list[_Sample]:
    """The samples with the share of tests that they pass, and what they fail in."""
    with_text = [s for s in samples if s.trajectory.text]
    programs = [code(s.trajectory.text) for s in with_text]
    runs = iter(runner.run([(p, t.input) for p, t in itertools.product(programs, tests)]))
    program = iter(programs)
    return [
        _judged(s, next(program), [(t, next(runs)) for t in tests], len(tests))
        if s.trajectory.text
        else dataclasses.replace(s, trajectory=dataclasses.replace(s.trajectory, value=0.0))
        for s in samples
    ]


def _judged(
    sample: _Sample, program: str, runs: Sequence[tuple[PublicTest, ProgramOutput]], count: int
) -> _Sample:
    failures = [
        f"{test.input} gave {run.output.strip()!r}, expected {test.output.strip()!r}"
        if run.ok
        else f"{test.input} ended with: {run.error}"
        for test, run in runs
        if not test.passed(run)
    ]
    share = (count - len(failures)) / count
    shown = f"```python\n{program.strip()}\n```\n" + "\n".join(failures)
    return _Sample(
        dataclasses.replace(sample.trajectory, scores=(share,), value=share),
        (*sample.attempts, shown),
    )


def _repair_prompt(prompt: Prompt, sample: _Sample, template: Template) -> Prompt:
    attempts = "\n\n".join(sample.attempts)
    return template.like(prompt, {"question": question_of(prompt), "attempts": attempts})
