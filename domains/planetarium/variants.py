"""Variants of the planning task: what is known of a goal beside its words.

python -m benchmarks run planetarium:without_plan …
"""

from __future__ import annotations

from domains.base import Variants
from domains.planetarium.task import PlanetariumTask

VARIANTS: Variants = {
    # The embedded model knows the prompt without examples alone.
    "few_shot": PlanetariumTask(shots=3),
    "few_shot_without_plan": PlanetariumTask(potential="consistent+reachable", shots=3),
    "without_plan": PlanetariumTask(potential="consistent+reachable"),
    "whole_state": PlanetariumTask(potential="consistent+reachable+whole"),
}
"""`few_shot`: a prompt shows three problems with their goals, for published models. `without_plan`:
what can be told by one who does not have the answer. `whole_state`: the same for one who knows that
every goal is a whole state; here every one is, which is more than a user of other problems may
know."""
