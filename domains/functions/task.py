"""The programming task: a function is written, and judged by tests that it does not see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

from domains.base import Item, checked_weights
from domains.functions.data import Format, load
from domains.functions.own import own_problems
from domains.functions.problem import FunctionProblem
from potentials.python import PythonSyntax, PythonTests
from smc.model import Prompt
from smc.potential import AnyPotential

Style = Literal["completion", "chat"]
STYLES: tuple[Style, ...] = get_args(Style)
DataSet = Literal["own"] | Format

_NEXT = ("\nclass ", "\nif ", "\nprint(", "\nassert ", "\n#", "\n```")
STOP = {"own": ("\ndef ", *_NEXT), "humaneval": ("\ndef ", *_NEXT), "mbpp": (*_NEXT, '\n"""')}
"""What begins something else after the function, by data set; MBPP's may have helpers before it."""


@dataclass(frozen=True)
class FunctionItem(Item):
    """A problem.

    Attributes:
        problem: All of it; of its hidden tests only the scorer knows.
    """

    problem: FunctionProblem = field(repr=False)


@dataclass(frozen=True)
class FunctionsTask:
    """Functions to be written: sixty of five levels, or those of a file.

    A completion goes on from the function's head and docstring; a chat message asks for the whole
    function in a fenced block.

    Args:
        dataset: `own`: the sixty; else the format of the file.
        style: Of the prompt.

    Raises:
        ValueError: There is no such style.
    """

    dataset: DataSet = "own"
    style: Style = "completion"

    primary = "passes"
    max_tokens = 512
    resample_at = None
    proposal = None

    def __post_init__(self) -> None:
        if self.style not in STYLES:
            raise ValueError(
                f"functions: style {self.style!r}; expected one of {', '.join(STYLES)}."
            )

    @property
    def name(self) -> str:
        """`functions`, with the data set unless it is the package's own."""
        return "functions" if self.dataset == "own" else f"functions-{self.dataset}"

    @property
    def stop(self) -> tuple[str, ...]:
        """What ends a completion; of a chat message nothing but its end."""
        return STOP[self.dataset] if self.style == "completion" else ()

    def items(self, limit: int | None = None, data: Path | None = None) -> list[FunctionItem]:
        """Return the problems; the levels of the package's own take turns.

        Args:
            limit: The first so many; None: all.
            data: Root of the data sets, or the file itself; not used for the package's own.

        Raises:
            FileNotFoundError: The data set is not there.
            ValueError: The file is not of its format, or the limit is negative.
        """
        if limit is not None and limit < 0:
            raise ValueError(f"functions: limit is {limit}; expected None, 0 or more.")
        problems = own_problems() if self.dataset == "own" else load(self.dataset, data)
        return [FunctionItem(p.id, self._prompt(p), p) for p in problems[:limit]]

    def cheap(self, item: FunctionItem) -> list[AnyPotential]:
        """Return Python's syntax for a completion; nothing for prose."""
        return [_syntax(item.problem.prompt)] if self.style == "completion" else []

    def expensive(self, item: FunctionItem) -> list[AnyPotential]:
        """Return the share of examples that pass, where there are any.

        A completion is asked after each statement that ends at the margin; a function ends there
        only where something follows it, so most are asked once, at their end.
        """
        return [_tests(item.problem, self.style)] if item.problem.examples else []

    def score(self, item: FunctionItem, text: str) -> dict[str, float]:
        """Return `passes`, by level too, and `examples`.

        `passes`: the program goes through all hidden tests. `examples`: it does what all examples
        show; left out where there are none.
        """
        from domains.functions.judging import judge

        problem = item.problem
        tests = [problem.hidden, problem.asserts] if problem.examples else [problem.hidden]
        passes, *examples = (float(r.ok) for r in judge([(problem, text, t) for t in tests]))
        scores = {"passes": passes}
        if problem.level is not None:
            scores[f"passes_level_{problem.level}"] = passes
        return scores | ({"examples": examples[0]} if examples else {})

    def population_scores(
        self, item: FunctionItem, texts: Sequence[str], weights: Sequence[float]
    ) -> dict[str, float]:
        """Return nothing: answers are judged one by one."""
        checked_weights(texts, weights)
        return {}

    def _prompt(self, problem: FunctionProblem) -> Prompt:
        if self.style == "completion":
            return problem.prompt
        head = "" if self.dataset == "mbpp" else f"\n\n```python\n{problem.prompt}```"
        content = f"{problem.question}{head}\n\nAnswer with the whole function in a fenced block."
        return [{"role": "user", "content": content}]


TASK = FunctionsTask()


@lru_cache(maxsize=2048)
def _syntax(prompt: str) -> PythonSyntax:
    return PythonSyntax(before=prompt)


@lru_cache(maxsize=2048)
def _tests(problem: FunctionProblem, style: Style) -> AnyPotential:
    from domains.functions.judging import sandbox
    from domains.functions.potential import ExamplesPassed

    if style == "chat":
        return ExamplesPassed(problem)
    return PythonTests(
        problem.asserts, setup=problem.setup, before=problem.prompt, sandbox=sandbox()
    )
