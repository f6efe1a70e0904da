"""Compute-optimal scaling: the strategy and its size for a difficulty and a budget.

Fitted on calibration problems (`smc.strategies.fitting`), kept as a JSON file, used on others.

Source: Snell et al. (2024), section 3: per bin of difficulty and budget the strategy of best
accuracy, by two-fold cross-validation; Liu et al. (2025): the choice depends on the reward model as
well, and difficulty is cut at absolute thresholds.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smc.checked_json import Field, parse, refuse
from smc.depth import depth_cost
from smc.errors import SettingsError
from smc.model import Prompt
from smc.steps import StepModel, StepScorer
from smc.strategies.catalogue import STRATEGIES
from smc.strategies.difficulty import bin_of
from smc.strategies.options import Options
from smc.strategies.results import StrategyResult

_FORMAT = 1


@dataclass(frozen=True)
class Plan:
    """A strategy and its arguments.

    Attributes:
        strategy: Name in `smc.strategies.STRATEGIES`.
        num_solutions: N.
        settings: Further arguments, as (name, value) pairs; `depth` is that of `Options`.
    """

    strategy: str
    num_solutions: int
    settings: tuple[tuple[str, Any], ...] = ()

    def run(
        self, model: StepModel, prompt: Prompt, scorer: StepScorer, options: Options
    ) -> StrategyResult:
        """Run it on a prompt."""
        if self.strategy not in STRATEGIES:
            raise SettingsError(
                f"plan: no strategy {self.strategy!r}; expected one of {', '.join(STRATEGIES)}."
            )
        settings = dict(self.settings)
        depth = settings.pop("depth", options.depth)
        return STRATEGIES[self.strategy](
            model,
            prompt,
            scorer,
            num_solutions=self.num_solutions,
            options=dataclasses.replace(options, depth=depth),
            **settings,
        )

    def token_cost(self, model: StepModel) -> float:
        """Return what one of its tokens costs, in tokens of the model at its own depth."""
        depth = dict(self.settings).get("depth")
        return 1.0 if depth is None else depth_cost(model, depth)


@dataclass(frozen=True)
class Choice:
    """The plan of one bin and budget.

    Attributes:
        plan: What to run.
        accuracy: Its mean on the bin's calibration problems; best of many, so too good.
        cross_validated: Mean on problems that had no part in the choice; NaN with fewer than two.
        tokens: Mean, generated; at another depth than the model's own, times what one costs.
        items: Calibration problems of the bin.
    """

    plan: Plan
    accuracy: float
    cross_validated: float
    tokens: float
    items: int


@dataclass(frozen=True)
class ComputeOptimal:
    """A fitted choice.

    Attributes:
        model: Name of the model that it is for.
        reward_model: Name of the judge.
        thresholds: Of the difficulty, see `smc.strategies.difficulty.bin_of`.
        budgets: Generated tokens a problem, ascending.
        choices: By bin and budget; a bin without problems, and a budget that no plan stays
            within, have none.
    """

    model: str
    reward_model: str
    thresholds: tuple[float, ...]
    budgets: tuple[float, ...]
    choices: Mapping[tuple[int, float], Choice] = field(default_factory=dict)

    def choose(self, difficulty: float, budget: float) -> Choice:
        """Return the choice for the largest fitted budget that is not above the one given.

        Raises:
            SettingsError: There is none.
        """
        bin_ = bin_of(difficulty, self.thresholds)
        within = [b for b in self.budgets if b <= budget and (bin_, b) in self.choices]
        if not within:
            known = sorted(b for i, b in self.choices if i == bin_)
            raise SettingsError(
                f"compute-optimal choice for {self.model} with {self.reward_model}: nothing is "
                f"fitted for difficulty {difficulty:.3g} (bin {bin_}) within {budget:g} tokens; "
                f"expected a budget from {known[0]:g} on. Raise it, or fit with smaller plans."
                if known
                else f"compute-optimal choice for {self.model} with {self.reward_model}: no "
                f"calibration problem had difficulty {difficulty:.3g} (bin {bin_}); expected one. "
                "Fit with more problems, or with fewer bins."
            )
        return self.choices[bin_, max(within)]

    def run(
        self,
        model: StepModel,
        prompt: Prompt,
        scorer: StepScorer,
        *,
        difficulty: float,
        budget: float,
        options: Options | None = None,
    ) -> StrategyResult:
        """Run what is chosen for a problem of this difficulty."""
        plan = self.choose(difficulty, budget).plan
        return plan.run(model, prompt, scorer, options or Options())

    def save(self, path: str | Path) -> None:
        """Write it as JSON."""
        record = {
            "format": _FORMAT,
            "model": self.model,
            "reward_model": self.reward_model,
            "thresholds": self.thresholds,
            "budgets": self.budgets,
            "choices": [
                {"bin": bin_, "budget": budget, **_as_json(choice)}
                for (bin_, budget), choice in sorted(self.choices.items())
            ],
        }
        Path(path).write_text(json.dumps(record, indent=1, allow_nan=False) + "\n", "utf-8")

    @classmethod
    def load(cls, path: str | Path) -> ComputeOptimal:
        """Read what `save` wrote.

        Raises:
            SettingsError: The file is not there, or is something else.
        """
        try:
            record = parse(Path(path).read_text("utf-8"))
            version = record.member("format").integer()
            if version != _FORMAT:
                refuse("format", str(_FORMAT), str(version))
            return cls(
                model=record.member("model").text(),
                reward_model=record.member("reward_model").text(),
                thresholds=tuple(t.number() for t in record.member("thresholds").items()),
                budgets=tuple(b.number(least=0) for b in record.member("budgets").items()),
                choices={
                    (c.member("bin").integer(), c.member("budget").number(least=0)): _choice(c)
                    for c in record.member("choices").items()
                },
            )
        except (OSError, ValueError) as error:
            raise SettingsError(
                f"{path}: {type(error).__name__}: {error}; expected a file that "
                "ComputeOptimal.save wrote. Fit it anew with smc.strategies.fitting.fit."
            ) from error


def _as_json(choice: Choice) -> dict[str, Any]:
    record = dataclasses.asdict(choice)
    record["plan"]["settings"] = dict(choice.plan.settings)
    if choice.cross_validated != choice.cross_validated:
        record["cross_validated"] = None
    return record


def _choice(record: Field) -> Choice:
    plan = record.member("plan")
    settings = plan.member("settings").members()
    unseen = record.member("cross_validated").optional(Field.number)
    return Choice(
        Plan(
            plan.member("strategy").text(),
            plan.member("num_solutions").integer(),
            tuple((name, value.plain()) for name, value in settings.items()),
        ),
        record.member("accuracy").number(),
        math.nan if unseen is None else unseen,
        record.member("tokens").number(least=0),
        record.member("items").integer(),
    )
