"""A constraint after a mark: free thinking, and then an answer that can be read."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from functools import partial
from typing import Any

import smc
from benchmarks.sharper.paired import Experiment
from potentials import Regex
from potentials.marks import after_mark
from smc.model import LanguageModel
from smc.potential import AnyPotential

_MARK = "Answer:"
_ANSWER = r" [0-9]{1,4}"
_TOKENS = 60


@dataclass(frozen=True)
class _Problem:
    """A question and its answer."""

    prompt: str
    answer: int


def experiment(model: LanguageModel, items: int, particles: int) -> Experiment:
    """Return the arms `free`, `whole text` and `after the mark`."""
    arms: dict[str, list[AnyPotential]] = {
        "free": [],
        "only the answer": [Regex(f" {_MARK}{_ANSWER}")],
        "after the mark": [after_mark(Regex(_ANSWER), _MARK)],
    }

    def draw(potentials: list[AnyPotential], item: Any, seed: int) -> smc.Posterior:
        return smc.sample(
            model,
            item.prompt,
            potentials,
            num_particles=particles,
            max_tokens=_TOKENS,
            at_max_tokens="cut",
            stop=("\n\n",),
            seed=seed,
        )

    return Experiment(
        question="Does a constraint after a mark leave the thinking alone and the answer readable?",
        setting=(
            "word problems of two steps behind two examples (seed 11), which think in a sentence "
            f"and end in '{_MARK} NUMBER'; at most {_TOKENS} tokens, cut"
        ),
        items=_problems(items),
        arms={name: partial(draw, own) for name, own in arms.items()},
        scores={
            "readable": lambda item, text: float(_read(text) is not None),
            "right": lambda item, text: float(_read(text) == item.answer),
        },
    )


def _read(text: str) -> int | None:
    found = re.fullmatch(f".*?{_MARK}({_ANSWER})", text, re.DOTALL)
    return None if found is None else int(found[1])


def _problems(count: int) -> list[_Problem]:
    rng = random.Random(11)
    names = ["Ann", "Tom", "Mia", "Sam", "Eva", "Ben"]
    things = ["apples", "pens", "books", "coins", "eggs", "cards"]

    def question() -> tuple[str, str, int]:
        a, b, c = rng.randrange(5, 30), rng.randrange(2, 20), rng.randrange(2, 7)
        name, thing = rng.choice(names), rng.choice(things)
        asked = f"{name} has {a} {thing}, buys {b} more and gives away {c}. How many are left?"
        thought = f"{a} and {b} are {a + b}, and {a + b} less {c} is {a + b - c}."
        return asked, thought, a + b - c

    shown = "".join(
        f"Question: {asked}\nThought: {thought} {_MARK} {answer}\n\n"
        for asked, thought, answer in (question() for _ in range(2))
    )
    asked = [question() for _ in range(count)]
    return [_Problem(f"{shown}Question: {q}\nThought:", answer) for q, _, answer in asked]
