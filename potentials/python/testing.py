"""The test potential: the share of the user's tests that a program passes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from potentials import returned
from potentials.python.compiling import compiles
from potentials.python.execution import STATEMENTS
from potentials.python.names import given_names, needed_names
from potentials.python.runner import ProgramPieces, Runner, pieces_of
from potentials.python.statements import python_statements
from smc.errors import SettingsError
from smc.potential import Boundary, Potential

if TYPE_CHECKING:
    from potentials.sandbox import Limits, Sandbox

Score = Callable[[int, int], float]


class PythonTests(Potential):
    r"""Weighs a program by the share of the user's tests that it passes.

    With n tests of which k pass, `complete` is log((k + epsilon) / (n + epsilon)): 0 if all pass,
    log(epsilon / (n + epsilon)) if none does. `hard` makes it −inf unless all pass; `score` is a
    function of k and n in its place.

    `prefix` runs a test as soon as the finished statements define the names it needs; the others
    count as passed until then, as does one that fails for want of a name. A failure on the way is
    never −inf, since the program may yet define a name anew: where the weight would be, the formula
    above holds. If the program itself fails, so does every test, for good.

    In one interpreter a program could do to a test what it likes (an object that equals everything
    is enough), so they have two: a test runs in a process of its own, after `setup`. Functions and
    classes of the program are there by proxy: calling one calls it in the program's process, and
    arguments, results and exceptions cross as plain data: numbers, texts, containers (those given
    as arguments are changed in place as the program changed its own), dates, arrays of numpy,
    tables of pandas, instances of classes of `setup`, and functions and iterators given as
    arguments. What else a program returns is there by reference: its attributes, methods, `len`,
    iteration and `str` ask the program and give its word, `==` between two of them as well; none
    equals a value of the test's own. Compare values, therefore, and let no method of a result
    judge: `assert_frame_equal(f(x), y)`, not `f(x).equals(y)`.

    Names that a test uses are its own, those of `setup`, those built in, and only then the
    program's; modules are never the program's, so a test imports what it uses. `setup` runs in both
    processes: what stands there can be read by the program. A test replaces neither variables nor
    standard input of the program, subclasses none of its classes and awaits none of its coroutines.

    Args:
        tests: Sources, usually with `assert`; each runs alone, beside a copy of the program's
            process. It fails with an exception, and by running into a limit.
        hard: Whether all tests must pass.
        epsilon: What no passed test is worth, in tests: above 0.
        score: From the number of tests passed and of all, a log weight.
        setup: Source run before the text, in the same namespace, and before each test.
        before: The beginning of the program, if the text goes on from one.
        sandbox: Where programs run; default: one of its own, closed with the potential.
        limits: Of a run; default: those of the sandbox.
        boundary: When `prefix` is asked; default `python_statements(before)`; None: after every
            token.

    Raises:
        SettingsError: An option is out of its range, or a test is no Python.
        PotentialError: (when asked) `setup` fails, or `score` returns no log weight.
        SandboxError: (when asked) The sandbox is broken.

    Example:
        >>> tests = PythonTests(["assert inc(1) == 2", "assert inc(0) == 1"], epsilon=1.0)
        >>> tests.prefix("def inc(n):\n    return 2 * n")
        0.0
        >>> round(tests.complete("def inc(n):\n    return 2 * n"), 3)  # log(2 / 3)
        -0.405
    """

    concurrent = True  # programs run in processes of the sandbox

    def __init__(
        self,
        tests: Sequence[str],
        *,
        hard: bool = False,
        epsilon: float = 0.1,
        score: Score | None = None,
        setup: str = "",
        before: str = "",
        sandbox: Sandbox | None = None,
        limits: Limits | None = None,
        boundary: Boundary[Any] | None = STATEMENTS,
    ) -> None:
        _check(tests, hard, epsilon, score)
        self.tests, self.hard, self.epsilon, self.score = tuple(tests), hard, epsilon, score
        self.setup, self.before = setup, before
        self.boundary = python_statements(before) if boundary is STATEMENTS else boundary
        self._own = (setup,) if setup else ()
        given = given_names(setup)
        self._needs = [needed_names(test) - given for test in self.tests]
        self._runner = Runner("PythonTests", sandbox, limits)

    def prefix(self, text: str) -> float:
        """Return the log weight of the tests that can be run, the others taken as passed."""
        return self.batch_prefix([text])[0]

    def complete(self, text: str) -> float:
        """Return the log weight of the share of tests that pass."""
        return self.batch_complete([text])[0]

    def batch_prefix(self, texts: Sequence[str]) -> list[float]:
        """`prefix` of several texts, run in parallel."""
        programs = [pieces_of(self.before + text, whole=False) for text in texts]
        return self._weigh(programs, final=False)

    def batch_complete(self, texts: Sequence[str]) -> list[float]:
        """`complete` of several texts, run in parallel."""
        programs = [pieces_of(self.before + text, whole=True) for text in texts]
        return self._weigh(programs, final=True)

    def _weigh(self, programs: list[tuple[str, ...]], *, final: bool) -> list[float]:
        runs = self._runner.run([ProgramPieces(self._own, pieces) for pieces in programs])
        asked = [
            (p, t)
            for p, (pieces, run) in enumerate(zip(programs, runs, strict=True))
            if run.ok
            for t in self._ready(pieces, final=final)
        ]
        verdicts = self._runner.run(
            [ProgramPieces(self._own, programs[p], self.tests[t]) for p, t in asked]
        )
        failed = [0 if run.ok else len(self.tests) for run in runs]
        for (p, _), verdict in zip(asked, verdicts, strict=True):
            waits = not final and verdict.error == "NameError"
            failed[p] += not (verdict.ok or waits)
        return [
            self._log_weight(len(self.tests) - count, final=final or not run.ok)
            for count, run in zip(failed, runs, strict=True)
        ]

    def _ready(self, pieces: tuple[str, ...], *, final: bool) -> list[int]:
        if final:
            return list(range(len(self.tests)))
        given = frozenset[str]().union(*map(given_names, pieces))
        return [t for t, needs in enumerate(self._needs) if needs <= given]

    def _log_weight(self, passed: int, *, final: bool) -> float:
        total = len(self.tests)
        soft = math.log((passed + self.epsilon) / (total + self.epsilon))
        log_weight = soft
        if self.hard:
            log_weight = 0.0 if passed == total else -math.inf
        elif self.score is not None:
            log_weight = returned.log_weight(
                self.score(passed, total), "PythonTests: score", f"{passed} of {total} tests passed"
            )
        return soft if log_weight == -math.inf and not final else log_weight


def _check(tests: Sequence[str], hard: bool, epsilon: float, score: Score | None) -> None:
    if isinstance(tests, str) or not tests:
        raise SettingsError(
            f"PythonTests: tests is {tests!r}; expected a sequence of at least one source."
        )
    for test in tests:
        if not compiles(test):
            raise SettingsError(f"PythonTests: the test {test[:200]!r} is no Python.")
    if not 0 < epsilon < math.inf:
        raise SettingsError(f"PythonTests: epsilon is {epsilon}; expected a number above 0.")
    if hard and score is not None:
        raise SettingsError("PythonTests: got hard and score; expected one of them at most.")
