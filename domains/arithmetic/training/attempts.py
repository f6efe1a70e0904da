"""Wrong attempts of the policy at training problems, and how near each is to the right solution."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from domains.arithmetic.problems import parse
from domains.arithmetic.revising import CONTEXT
from domains.arithmetic.steps import solve
from domains.arithmetic.training.measure import draw, is_right, load_policy
from domains.arithmetic.training.policy import training_problem

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

LEVELS_IN_TURN = (3, 4, 5, 4, 5, 2)
TEMPERATURE = 1.3
AT_ONCE = 32


@dataclass(frozen=True)
class Attempts:
    """A problem with its right solution, and what the policy wrote instead.

    Attributes:
        problem: Its text.
        solution: The right one.
        wrong: Distinct texts with another answer, the nearest to the solution first.
    """

    problem: str
    solution: str
    wrong: tuple[str, ...]

    def chain(self, rng: random.Random) -> tuple[str, ...]:
        """Draw earlier attempts: up to `CONTEXT` wrong ones, the nearest of them last.

        How many is uniform on 0 to `CONTEXT`, or to as many as there are. Of those that are drawn
        the one nearest to the solution stands last, the others in any order.
        """
        count = rng.randint(0, min(CONTEXT, len(self.wrong)))
        chosen = sorted(rng.sample(range(len(self.wrong)), count))
        if not chosen:
            return ()
        others = chosen[1:]
        rng.shuffle(others)
        return tuple(self.wrong[k] for k in (*others, chosen[0]))


def draw_attempts(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    count: int,
    each: int,
    *,
    seed: int,
) -> Iterator[Attempts]:
    """Yield problems of the training part with the policy's wrong attempts at them.

    Args:
        model: The policy.
        tokenizer: Its tokenizer.
        count: Problems.
        each: Attempts drawn for each, at `TEMPERATURE`.
        seed: Of problems and draws.
    """
    rng = random.Random(f"attempts {seed}")
    for first in range(0, count, AT_ONCE):
        level = LEVELS_IN_TURN[first // AT_ONCE % len(LEVELS_IN_TURN)]
        chosen = [training_problem(level, rng) for _ in range(min(AT_ONCE, count - first))]
        prompts = [p.text for p in chosen for _ in range(each)]
        texts = draw(model, tokenizer, prompts, seed=seed + first, temperature=TEMPERATURE)
        for k, problem in enumerate(chosen):
            right = "".join(solve(problem))
            own = texts[k * each : (k + 1) * each]
            wrong = sorted({t for t in own if t.strip() and not is_right(problem, t)})
            order = np.argsort(edit_distances(right, wrong), kind="stable")
            yield Attempts(problem.text, right, tuple(wrong[i] for i in order))


def kept_attempts(
    folder: Path, policy: Path, count: int, each: int, *, seed: int
) -> list[Attempts]:
    """Return the attempts that lie in a folder, and draw those that are missing.

    Args:
        folder: With `attempts.jsonl`; made if absent.
        policy: Folder of the model that draws.
        count: Problems.
        each: Attempts drawn for each.
        seed: Of problems and draws.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "attempts.jsonl"
    file.touch()
    left = count - len(read_attempts(file))
    if left > 0:
        seed += (count - left) // AT_ONCE * 1_000_003
        write_attempts(draw_attempts(*load_policy(policy), left, each, seed=seed), file)
    return read_attempts(file)


def edit_distances(text: str, others: Sequence[str]) -> np.ndarray:
    """Return `[K]` Levenshtein distances from a text to each of K others, in characters."""
    if not others:
        return np.zeros(0, dtype=np.int64)
    width = max(map(len, others))
    codes = np.zeros((len(others), width), dtype=np.int64)
    for k, other in enumerate(others):
        codes[k, : len(other)] = [ord(c) for c in other]
    steps = np.arange(width + 1)
    row = np.tile(steps, (len(others), 1))
    for character in text:
        cheapest = row + 1  # the character is left out
        exchanged = row[:, :-1] + (codes != ord(character))
        cheapest[:, 1:] = np.minimum(cheapest[:, 1:], exchanged)
        # Insertions: the least of all earlier columns and the way from there.
        row = np.minimum.accumulate(cheapest - steps, axis=1) + steps
    return row[np.arange(len(others)), [len(other) for other in others]]


def write_attempts(attempts: Iterator[Attempts], file: Path) -> None:
    """Append problems to a file, one JSON line each; what stands there is not drawn again."""
    with file.open("a", encoding="utf-8") as out:
        for each in attempts:
            out.write(json.dumps([each.problem, each.wrong]) + "\n")
            out.flush()


def read_attempts(file: Path) -> list[Attempts]:
    """Read what `write_attempts` wrote; solutions are worked out anew."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [
        Attempts(problem, "".join(solve(parse(problem))), tuple(wrong)) for problem, wrong in rows
    ]
