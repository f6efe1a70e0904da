"""The examples as a potential for answers in prose: their program's share of passed examples."""

from __future__ import annotations

from collections.abc import Sequence

from domains.functions.judging import sandbox
from domains.functions.problem import FunctionProblem
from potentials.python import PythonTests
from smc.potential import Potential


class ExamplesPassed(Potential):
    """Weighs an answer by the examples that its program passes, once the answer is complete.

    The weight is that of `PythonTests`; where the program stands in the answer is for
    `FunctionProblem.program` to say.

    Args:
        problem: With at least one example.
    """

    concurrent = True  # programs run in processes of the sandbox

    def __init__(self, problem: FunctionProblem) -> None:
        self.problem = problem
        self._tests = PythonTests(problem.asserts, setup=problem.setup, sandbox=sandbox())

    def complete(self, text: str) -> float:
        """Return the log weight of the share of examples that pass."""
        return self.batch_complete([text])[0]

    def batch_complete(self, texts: Sequence[str]) -> list[float]:
        """`complete` of several texts, run in parallel."""
        return self._tests.batch_complete([self.problem.program(text) for text in texts])
