"""Selection among programs by inputs that distinguish them, decided by a judge in both orders.

    per input         programs are clustered by what they output; failures are left out
    per two clusters  their first programs are matched: the judge writes inputs for the two, both
                      are run, and it sees both programs with their outputs, in both orders
                      the same one preferred twice: 1 to 0; twice a tie: ½ to ½; else 0 to 0
    per input         a strictly best cluster gives each of its programs a point
    no points at all  matches on the code alone

Expected outputs that a model guesses are never taken for true: only outputs are compared.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from smc.model import Prompt
from smc.strategies.ledger import Ledger
from smc.strategies.programs import ProgramRunner
from smc.strategies.writing import Template, Writer, question_of

INPUTS = Template(
    "{question}\n\nWrite inputs on which wrong programs for this would be found out: one a line, "
    "in the form of the examples, and nothing else.",
    fields=("question",),
)
DISTINGUISH = Template(
    "{question}\n\nProgram 1:\n{first}\n\nProgram 2:\n{second}\n\nWrite inputs on which these two "
    "programs differ: one a line, in the form of the examples, and nothing else.",
    fields=("question", "first", "second"),
)
DECIDE = Template(
    "{question}\n\nProgram 1:\n{first}\n\nProgram 2:\n{second}\n\nWhere they differ:\n{outputs}\n\n"
    "Which program is right? Answer 1 or 2, or 0 if you cannot tell, and nothing else.",
    fields=("question", "first", "second", "outputs"),
)

_Difference = tuple[str, str, str]
"""An input, and what both programs give on it."""

_MOST_INPUTS = 8
_BULLET = re.compile(r"^\s*(?:[-*•]\s+|\d+[.)]\s+)?(.*?)\s*$")
_VERDICT = re.compile(r"(?<!\d)[012](?!\d)")


@dataclass(frozen=True)
class SelectionPrompts:
    """What the judge is asked in each role; data, to be replaced."""

    inputs: Template = INPUTS
    distinguish: Template = DISTINGUISH
    decide: Template = DECIDE


def inputs_of(text: str) -> list[str]:
    r"""Return the inputs in a text, one a line, each once.

    Example:
        >>> inputs_of("```\n1. f(2)\n- f(3)\n\nf(2)\n```")
        ['f(2)', 'f(3)']
    """
    lines = (_BULLET.sub(r"\1", line) for line in text.splitlines())
    found = dict.fromkeys(line for line in lines if line and not line.startswith("```"))
    return list(found)[:_MOST_INPUTS]


def choose_program(
    ledger: Ledger,
    judge: Writer,
    runner: ProgramRunner,
    prompt: Prompt,
    programs: Sequence[str],
    prompts: SelectionPrompts,
) -> Counter[str]:
    """Return the points of programs that pass all public tests; equal ones count as one."""
    distinct = list(dict.fromkeys(programs))
    points: Counter[str] = Counter(dict.fromkeys(distinct, 0))
    if len(distinct) < 2:
        return points
    matches = _Matches(ledger, judge, runner, prompt, prompts)
    for input_ in matches.written(prompts.inputs, {}):
        clusters = matches.clusters(distinct, input_)
        if len(clusters) < 2:
            continue
        points.update(_winner(clusters, matches, input_))
    if not any(points.values()) and matches.differ:
        points.update(_winner([[program] for program in distinct], matches, None))
    return points


def _winner(
    clusters: Sequence[Sequence[str]], matches: _Matches, input_: str | None
) -> Sequence[str]:
    """The cluster that is strictly best in its matches, where its first program stands for all."""
    scores = [0.0] * len(clusters)
    for a, b in itertools.combinations(range(len(clusters)), 2):
        first, second = matches.play(clusters[a][0], clusters[b][0], input_)
        scores[a] += first
        scores[b] += second
    best = max(scores)
    return clusters[scores.index(best)] if scores.count(best) == 1 else ()


class _Matches:
    """The judge's matches; two programs meet once, whatever input brings them together."""

    def __init__(
        self,
        ledger: Ledger,
        judge: Writer,
        runner: ProgramRunner,
        prompt: Prompt,
        prompts: SelectionPrompts,
    ) -> None:
        self._ledger = ledger
        self._judge = judge
        self._runner = runner
        self._prompt = prompt
        self._prompts = prompts
        self._played: dict[tuple[str, str, bool], tuple[float, float]] = {}
        self.differ = False

    def written(self, template: Template, values: dict[str, str]) -> list[str]:
        """Return inputs that the judge writes."""
        asked = template.like(self._prompt, {"question": question_of(self._prompt)} | values)
        (text,) = self._ledger.write(self._judge, "inputs", [asked])
        return inputs_of(text.text)

    def clusters(self, programs: Sequence[str], input_: str) -> list[list[str]]:
        """Return the programs by what they output; those that fail are left out."""
        by_output: dict[str, list[str]] = {}
        runs = self._runner.run([(program, input_) for program in programs])
        for program, run in zip(programs, runs, strict=True):
            if run.ok:
                by_output.setdefault(run.output.strip(), []).append(program)
        self.differ = self.differ or len(by_output) > 1
        return list(by_output.values())

    def play(self, first: str, second: str, input_: str | None) -> tuple[float, float]:
        """Return what a match gives both; without an input on their code alone."""
        key = first, second, input_ is None
        if key not in self._played:
            differences = [] if input_ is None else self._differences(first, second, input_)
            self._played[key] = self._decided(first, second, differences)
        return self._played[key]

    def _differences(self, first: str, second: str, input_: str) -> list[_Difference]:
        """Where two programs differ, on inputs written for them and on the one at hand."""
        inputs = self.written(self._prompts.distinguish, {"first": first, "second": second})
        inputs = list(dict.fromkeys([*inputs, input_]))
        runs = self._runner.run([(p, i) for i in inputs for p in (first, second)])
        shown = [r.output.strip() if r.ok else f"error: {r.error}" for r in runs]
        pairs = zip(inputs, shown[::2], shown[1::2], strict=True)
        return [(i, one, two) for i, one, two in pairs if one != two]

    def _decided(
        self, first: str, second: str, differences: Sequence[_Difference]
    ) -> tuple[float, float]:
        """Ask in both orders."""
        swapped = [(i, two, one) for i, one, two in differences]
        question = question_of(self._prompt)
        asked = [
            self._prompts.decide.like(
                self._prompt,
                {"question": question, "first": a, "second": b, "outputs": _shown(seen)},
            )
            for a, b, seen in ((first, second, differences), (second, first, swapped))
        ]
        texts = self._ledger.write(self._judge, "decision", asked)
        straight, turned = (_VERDICT.search(t.text) for t in texts)
        if straight is None or turned is None:
            return 0.0, 0.0
        verdicts = straight[0], turned[0]
        results = {("1", "2"): (1.0, 0.0), ("2", "1"): (0.0, 1.0), ("0", "0"): (0.5, 0.5)}
        return results.get(verdicts, (0.0, 0.0))


def _shown(differences: Sequence[_Difference]) -> str:
    if not differences:
        return "(they were not run)"
    return "\n".join(
        f"{i}: program 1 gives {one}; program 2 gives {two}" for i, one, two in differences
    )
