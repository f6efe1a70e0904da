"""Outcomes of revisions: what each problem gave, as a record without texts.

The tables are computed from these, so a record is all that a published table needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.revising.choosing import answered, sampled
from benchmarks.revising.drawing import Drawn
from domains.arithmetic.steps import answer
from smc.steps import StepScorer

Record = Mapping[str, Any]
"""Plain JSON; see `outcome`."""

SAMPLES = "samples of the policy"


def budgets(solutions: int) -> list[int]:
    """Return the numbers of solutions at which ratios are compared: the powers of four from 4 on.

    Example:
        >>> budgets(64)
        [4, 16, 64]
    """
    return [2**k for k in range(2, solutions.bit_length(), 2)]


def ratios(solutions: int) -> dict[str, int]:
    """Return the number of chains of each ratio of chains to attempts, by its name.

    Example:
        >>> ratios(4)
        {'1 × 4': 1, '2 × 2': 2, '4 × 1': 4}
    """
    return {f"{2**k} × {solutions >> k}": 2**k for k in range(solutions.bit_length())}


def outcome(drawn: Drawn, solutions: int, scorer: StepScorer) -> dict[str, Any]:
    """Return the record of a problem.

    Args:
        drawn: Of the problem.
        solutions: N, what was drawn for.
        scorer: The verifier.

    Returns:
        `sample`: whether the policy's first sample is right; `chain`: whether each attempt of the
        longest chain is; `chosen`: by how answers are chosen, N and ratio, whether the answer is
        right; `tokens`: by N and ratio, what was written. A token is a character, and an end.
    """
    right = drawn.parsed.answer
    chosen: dict[str, dict[str, dict[str, int]]] = {}
    for name, judge in (("votes", None), ("the verifier", scorer)):
        chosen[name] = {
            str(n): {
                SAMPLES: int(sampled(drawn, n, judge)),
                **{r: int(answered(drawn, k, n, judge)) for r, k in ratios(n).items()},
            }
            for n in budgets(solutions)
        }
    return {
        "problem": drawn.problem.strip(),
        "level": drawn.level,
        "solutions": solutions,
        "sample": int(answer(drawn.parallel[0]) == right),
        "chain": [int(answer(t) == right) for t in drawn.chains[0][:solutions]],
        "chosen": chosen,
        "tokens": {
            str(n): {
                SAMPLES: _tokens([drawn.parallel[:n]]),
                **{
                    r: _tokens([chain[: n // k] for chain in drawn.chains[:k]])
                    for r, k in ratios(n).items()
                },
            }
            for n in budgets(solutions)
        },
    }


def _tokens(chains: Sequence[Sequence[str]]) -> int:
    return sum(len(text) + 1 for chain in chains for text in chain)
