"""Chains of revisions and parallel samples, drawn once and read at every ratio of the two.

K chains of N/K attempts for every power of two K that divides N: chain c is needed as far as the
longest ratio that has it goes, and what shorter ones need are its first attempts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import journal
from domains.arithmetic.problems import ArithmeticProblem, parse
from domains.arithmetic.revising import revise
from domains.arithmetic.splits import problems
from domains.arithmetic.training.measure import draw

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

    Network = tuple[LlamaForCausalLM, PreTrainedTokenizerFast]

LEVELS = (2, 3, 4, 5)


@dataclass(frozen=True)
class Drawn:
    """What was drawn of a problem.

    Attributes:
        level: Of it.
        problem: Its text.
        chains: Attempts of the revision model, chain c as long as `lengths` says.
        parallel: Samples of the policy.
    """

    level: int
    problem: str
    chains: tuple[tuple[str, ...], ...]
    parallel: tuple[str, ...]

    @property
    def parsed(self) -> ArithmeticProblem:
        """The problem."""
        return parse(self.problem)


def lengths(solutions: int) -> list[int]:
    """Return how far each chain has to go, so that every power of two up to N is a ratio.

    Example:
        >>> lengths(8)
        [8, 4, 2, 2, 1, 1, 1, 1]
    """
    return [solutions >> c.bit_length() for c in range(solutions)]


def draw_problems(
    reviser: Network, policy: Network, count: int, solutions: int, file: Path, *, at_once: int = 20
) -> list[Drawn]:
    """Return what was drawn of problems of the test part; what is in the file is not drawn again.

    Args:
        reviser: The revision model.
        policy: What draws parallel samples.
        count: Problems, the levels taking turns.
        solutions: N, a power of two.
        file: JSON lines; appended to after each batch.
        at_once: Problems of a batch.
    """
    done = read(file)
    source = problems("test", 0, LEVELS)
    chosen = [next(source) for _ in range(count)]
    for first in range(len(done), count, at_once):
        batch = chosen[first : min(count, first + at_once)]
        texts = [p.text for _, p in batch]
        chains = _chains(reviser, texts, solutions, seed=first)
        samples = draw(*policy, [t for t in texts for _ in range(solutions)], seed=first)
        new = [
            Drawn(level, text, own, tuple(samples[k * solutions : (k + 1) * solutions]))
            for k, ((level, _), text, own) in enumerate(zip(batch, texts, chains, strict=True))
        ]
        journal.append(file, [asdict(each) for each in new])
        done += new
        print(f"{len(done)} of {count} problems drawn", flush=True)
    return done[:count]


def read(file: Path) -> list[Drawn]:
    """Return what a file holds; nothing where there is none."""
    rows: list[dict[str, object]] = journal.read(file)
    return [
        Drawn(
            int(str(row["level"])),
            str(row["problem"]),
            tuple(tuple(chain) for chain in row["chains"]),  # pyright: ignore[reportGeneralTypeIssues]
            tuple(row["parallel"]),  # pyright: ignore[reportArgumentType]
        )
        for row in rows
    ]


def _chains(
    reviser: Network, texts: Sequence[str], solutions: int, *, seed: int
) -> list[tuple[tuple[str, ...], ...]]:
    """Chains for each problem, all grown by one attempt at a time."""
    goals = lengths(solutions)
    grown: list[list[list[str]]] = [[[] for _ in goals] for _ in texts]
    for place in range(solutions):
        open_ones = [
            (text, own[c])
            for text, own in zip(texts, grown, strict=True)
            for c, goal in enumerate(goals)
            if place < goal
        ]
        open_ones.sort(key=lambda pair: len(pair[0]))
        prompts = [
            revise(text, [t for t in chain if t.strip()]) if chain else text
            for text, chain in open_ones
        ]
        new = draw(*reviser, prompts, seed=1_000_003 * seed + place, rows=128)
        for (_, chain), text in zip(open_ones, new, strict=True):
            chain.append(text)
    return [tuple(map(tuple, own)) for own in grown]
