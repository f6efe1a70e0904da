"""Fields of requests that ask for a strategy of inference-time scaling."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field, field_validator, model_validator

from smc.errors import SettingsError
from smc.integrations.answers import answer_of
from smc.strategies.own_options import check_options
from smc.strategies.solve import strategy_name

_OWN = ("budget", "reward", "vote_by", "mark", "strategy_options")


class StrategyFields(BaseModel):
    """Ours, for `extra_body={"strategy": "beam", "budget": 8, "reward": "likelihood"}`.

    Without `strategy` there is none, and the other fields may not be given.

    Attributes:
        strategy: A name of `smc.strategies.STRATEGIES`.
        budget: Solutions' worth of search.
        reward: `prompted` or `likelihood`: the served model judges; or a reward model of the
            server's, by its name. None: votes.
        vote_by: What answers are compared by: `math`, `last_number`, `text`, `re:PATTERN`.
        mark: What a step ends with.
        strategy_options: Further arguments of the strategy.
    """

    strategy: str | None = None
    budget: int = Field(default=16, ge=1)
    reward: str | None = None
    vote_by: str = "math"
    mark: str = Field(default="\n\n", min_length=1, max_length=100)
    strategy_options: dict[str, str | int | float | bool | None] = {}

    @field_validator("vote_by")
    @classmethod
    def _known_answer(cls, value: str) -> str:
        try:
            answer_of(value)
        except SettingsError as error:
            raise ValueError(str(error)) from error
        return value

    @model_validator(mode="after")
    def _possible_strategy(self) -> StrategyFields:
        if self.strategy is None:
            given = [name for name in _OWN if name in self.model_fields_set]
            if given:
                raise ValueError(f"{given[0]} goes with strategy, which is not given")
            return self
        try:
            name = strategy_name(self.strategy, self.reward is not None)
            check_options(name, self.strategy_options)
        except SettingsError as error:
            raise ValueError(str(error)) from error
        body: Any = self  # of either route
        refused = {
            "stream": body.stream,
            "n": body.n > 1,
            "potentials": bool(body.potentials),
            "a grammar, pattern or schema": body.constraint() is not None,
            "several prompts": len(body.prompts) > 1,
            "logprobs": body.logprobs is not None and body.logprobs is not False,
            "tools": bool(getattr(body, "tools", None)),
            "echo": bool(getattr(body, "echo", False)),
        }
        for what, there in refused.items():
            if there:
                raise ValueError(f"strategy does not go with {what}; leave one of them out")
        return self
