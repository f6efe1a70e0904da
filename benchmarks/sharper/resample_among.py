"""Resampling among all, or among particles that are judged alike: molecules by their QED."""

from __future__ import annotations

from functools import partial
from typing import Any

import smc
from benchmarks.sharper.paired import Experiment
from domains.gdb17 import scores
from domains.gdb17.task import Gdb17Task
from potentials.molecule import qed
from smc.model import LanguageModel

_WEIGHT = 10.0


def experiment(model: LanguageModel, items: int, particles: int) -> Experiment:
    """Return the arms `all` and `alike`."""
    task = Gdb17Task()

    def draw(among: str, item: Any, seed: int) -> smc.Posterior:
        return smc.sample(
            model,
            item.prompt,
            [*task.cheap(), *task.expensive(), qed(weight=_WEIGHT)],
            num_particles=particles,
            max_tokens=task.max_tokens,
            stop=task.stop,
            seed=seed,
            resample_among=among,  # type: ignore[arg-type]
        )

    return Experiment(
        question="Does it pay that a finished text competes with finished texts alone?",
        setting=(
            f"molecules behind twenty others (the built-in examples), weight exp({_WEIGHT:g} QED) "
            f"of the finished one and nothing said of prefixes, at most {task.max_tokens} tokens, "
            "ESS threshold 0.5"
        ),
        items=task.items(items),
        arms={"all": partial(draw, "all"), "alike": partial(draw, "alike")},
        scores={"QED": lambda item, text: scores.qed(text)},
    )
