"""Demonstration `smc demo goals`: problems that are made on the spot, and a plan that steers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

from domains.planetarium.generate import problem_text
from domains.planetarium.judge import true_problem
from domains.planetarium.task import GoalItem, PlanetariumTask
from domains.planetarium.training.problems import examples
from domains.planetarium.worlds import world_of
from potentials.pddl import Constructive, PlanReachesGoal
from smc.potential import AnyPotential

MODEL = Path(__file__).parent / "model"

_SEED = 1234
_BLOCKS = (7, 9)
"""Fewest and most blocks of a problem: of fewer the model makes few mistakes."""


@dataclass(frozen=True)
class GoalDemo:
    """The planning task on problems of classes that the model has not seen; no data set."""

    task: PlanetariumTask

    title = "Planning goals from a small language model"
    summary = (
        "A goal in words is to be written in PDDL. A grammar of the problem's objects masks the "
        "model's tokens, and each atom must hold in the state that a plan for the true goal "
        "leads to."
    )
    note = "Correct: the goal is equivalent to the true one, which the plan knows of."
    model = MODEL
    scores = ("correct", "parses")
    prompts = 120
    particles = 10
    ess_threshold = 0.5
    resample_at = None

    @property
    def stop(self) -> tuple[str, ...]:
        """Strings that end an answer."""
        return self.task.stop

    @property
    def max_tokens(self) -> int:
        """Tokens of an answer at most."""
        return self.task.max_tokens

    def items(self, count: int) -> list[GoalItem]:
        """Return so many problems."""
        return list(islice(_problems(), count))

    def potentials(self, item: GoalItem) -> list[AnyPotential]:
        """Return the grammar, and the plan for the true goal."""
        return [*self.task.cheap(item), _reaches(item.problem)]

    def score(self, item: GoalItem, text: str) -> dict[str, float]:
        """Return the scores of one answer."""
        scores = self.task.score(item, text)
        return {name: scores[name] for name in self.scores}

    def remark(self, item: GoalItem, text: str) -> str:
        """Return how many atoms an answer has."""
        atoms = text.count("(")
        return f"{atoms} atom{'' if atoms == 1 else 's'}"

    def draw(self, item: GoalItem, text: str) -> str | None:
        """Return None: a goal is read, not looked at."""
        return None


def _problems() -> Iterator[GoalItem]:
    """Yield problems of blocksworld of held-out classes, without end and always the same."""
    fewest, most = _BLOCKS
    for example in examples(random.Random(_SEED), (), held_out=True, most_blocks=most):
        problem = example.problem
        if problem.domain == "blocksworld" and len(problem.objects) >= fewest:
            text = problem_text(problem)
            yield GoalItem(
                id=f"goal-{problem.name}",
                prompt=example.prompt,
                problem=text,
                placeholder=False,
                objects=len(problem.objects),
            )


@lru_cache(maxsize=1024)
def _reaches(text: str) -> PlanReachesGoal:
    problem = true_problem(text)
    return PlanReachesGoal(world_of(problem).domain, problem, planner=Constructive())


DEMO = GoalDemo(PlanetariumTask())
