"""Tempering of a harsh potential: molecules with a share of atoms that are no carbon."""

from __future__ import annotations

from functools import partial
from typing import Any

import smc
from benchmarks.sharper.paired import Experiment
from domains.gdb17.task import Gdb17Task
from potentials.tempered import Ramp, Tempered
from smc.model import LanguageModel
from smc.potential import AnyPotential, Potential, WhereBoundary

_WEIGHT = 40.0
_SHARE = 0.3
_OTHERS = frozenset("NOSFnos")


def _share(text: str) -> float:
    others = sum(c in _OTHERS for c in text)
    return others / max(1, others + sum(c in "Cc" for c in text))


class OtherAtoms(Potential):
    """exp(−weight · |share of other atoms − wanted|): after a few atoms a harsh word."""

    def prefix(self, text: str) -> float:
        """Return the log weight; of a text without atoms, none."""
        return -_WEIGHT * abs(_share(text) - _SHARE) if text.strip() else 0.0

    def complete(self, text: str) -> float:
        """Return the log weight of the whole."""
        return -_WEIGHT * abs(_share(text) - _SHARE)


class AtTheEnd(OtherAtoms):
    """The same, asked of finished texts alone."""

    boundary = WhereBoundary(lambda before, now: False)


def experiment(model: LanguageModel, items: int, particles: int) -> Experiment:
    """Return the arms `every token`, `tempered` over 20 and 40 bytes, and `at the end`."""
    task = Gdb17Task()
    arms: dict[str, AnyPotential] = {
        "every token": OtherAtoms(),
        "tempered over 20": Tempered(OtherAtoms(), Ramp(20)),
        "tempered over 40": Tempered(OtherAtoms(), Ramp(40)),
        "at the end": AtTheEnd(),
    }

    def draw(potential: AnyPotential, item: Any, seed: int) -> smc.Posterior:
        return smc.sample(
            model,
            item.prompt,
            [*task.cheap(), *task.expensive(), potential],
            num_particles=particles,
            max_tokens=task.max_tokens,
            stop=task.stop,
            seed=seed,
        )

    return Experiment(
        question="Does a harsh potential that enters by and by lose fewer particles?",
        setting=(
            f"molecules behind twenty others (the built-in examples), weight exp(−{_WEIGHT:g} · "
            f"|share of N, O, S, F − {_SHARE}|) of every prefix, at most {task.max_tokens} tokens"
        ),
        items=task.items(items),
        arms={name: partial(draw, potential) for name, potential in arms.items()},
        scores={"distance of the share": lambda item, text: abs(_share(text) - _SHARE)},
    )
