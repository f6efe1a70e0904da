"""What requests for text have in common: OpenAI's fields, vLLM's names for constraints, our own."""

from __future__ import annotations

import re
import secrets
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from smc.integrations.server.neutral_fields import without_neutral_fields
from smc.integrations.server.structured_outputs import (
    StructuredOutputs,
    choice_pattern,
    constraints_of,
    constraints_of_format,
    schema_text,
)
from smc.resampling import RESAMPLERS
from smc.settings import METHODS

MAX_CONSTRAINT = 50_000
"""Characters of a grammar, pattern or schema."""
_MOST_STOPS = 16
_STOP_CHARS = 1_000
_LEAST_TEMPERATURE = 1e-6
_SEED_BITS = 53
"""Of a fresh seed: numbers that every reader of JSON keeps whole."""

_MOST_BIASES = 1024

Bias = Annotated[float, Field(ge=-100, le=100)]
Strings = Annotated[list[str], Field(fail_fast=True)]
"""One error at most, however many are wrong."""


class StreamOptions(BaseModel):
    """Of a request that streams."""

    model_config = ConfigDict(extra="forbid")

    include_usage: bool = False


class GenerationRequest(BaseModel):
    """Fields of both routes.

    `particles`, `ess_threshold`, `method`, `resampling`, `at_max_tokens`, `potentials`, `answer`
    and `stream_leading` are ours. Fields that would change the distribution in a way that weights
    cannot follow are refused. A null is as good as a field left out. Without a seed there is a
    fresh one, which the answer tells; with a temperature of 0, where nothing but ties is drawn, it
    is 0.
    """

    model_config = ConfigDict(extra="forbid")

    model: str
    max_tokens: int = Field(default=64, ge=1)
    temperature: float = Field(default=1.0, ge=0, le=100)
    top_p: float = Field(default=1.0, gt=0, le=1)
    top_k: int = Field(default=0, ge=0)
    n: int = Field(default=1, ge=1, le=128)
    seed: int = Field(default_factory=lambda: secrets.randbits(_SEED_BITS), ge=0)
    stop: str | Strings | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    stream_leading: bool = False
    user: str | None = None

    response_format: dict[str, Any] | None = None
    structured_outputs: StructuredOutputs | None = None
    guided_grammar: str | None = None
    guided_regex: str | None = None
    guided_json: str | dict[str, Any] | None = None
    guided_choice: Strings | None = None

    particles: int = Field(default=10, ge=1)
    ess_threshold: float = Field(default=0.5, ge=0, le=1)
    method: str = "smc"
    resampling: str = "systematic"
    at_max_tokens: Literal["cut", "end"] = "cut"
    potentials: Annotated[list[str], Field(fail_fast=True, max_length=64)] = []
    answer: Literal["best", "draw"] = "best"

    presence_penalty: float = Field(default=0.0, ge=-2, le=2)
    frequency_penalty: float = Field(default=0.0, ge=-2, le=2)
    logit_bias: dict[int, Bias] = Field(default={}, max_length=_MOST_BIASES)

    @model_validator(mode="before")
    @classmethod
    def _that_say_something(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return without_neutral_fields(given)

    @field_validator("temperature")
    @classmethod
    def _possible_temperature(cls, value: float) -> float:
        if 0 < value < _LEAST_TEMPERATURE:
            raise ValueError(f"expected 0 (greedy), or at least {_LEAST_TEMPERATURE}")
        return value

    @field_validator("top_k", mode="before")
    @classmethod
    def _off(cls, value: Any) -> Any:
        return 0 if value == -1 else value  # as vLLM also writes it

    @field_validator("method")
    @classmethod
    def _known_method(cls, value: str) -> str:
        return _one_of(value, METHODS)

    @field_validator("resampling")
    @classmethod
    def _known_resampling(cls, value: str) -> str:
        return _one_of(value, RESAMPLERS)

    @field_validator("stop")
    @classmethod
    def _no_empty_stop(cls, value: str | list[str] | None) -> list[str]:
        stops = [value] if isinstance(value, str) else list(value or ())
        if not all(stops):
            raise ValueError("an empty string would end every text before it begins")
        if len(stops) > _MOST_STOPS:
            raise ValueError(f"at most {_MOST_STOPS} strings")
        if any(len(text) > _STOP_CHARS for text in stops):
            raise ValueError(f"a string of more than {_STOP_CHARS} characters")
        if any(re.search("[\ud800-\udfff]", text) for text in stops):
            raise ValueError("a string with a lone surrogate can end no text")
        return stops

    @model_validator(mode="after")
    def _possible(self) -> GenerationRequest:
        if self.stream and self.n > 1:
            raise ValueError("stream goes with n=1: there is one settled text")
        if self.stream and self.answer == "draw":
            raise ValueError("stream goes with answer=best: what is settled is told")
        if self.stream_options is not None and not self.stream:
            raise ValueError("stream_options goes with stream=true")
        if self.stream_leading and not self.stream:
            raise ValueError("stream_leading goes with stream=true")
        if self.temperature == 0 and "seed" not in self.model_fields_set:
            self.seed = 0
        self.constraint()
        return self

    def constraint(self) -> tuple[str, str] | None:
        """Return the one constraint: its kind and text, for `constraints`.

        Raises:
            ValueError: There are several, or one is malformed.
        """
        given = [
            *constraints_of_format(self.response_format),
            *constraints_of(self.structured_outputs),
        ]
        given += [("grammar", g) for g in (self.guided_grammar,) if g is not None]
        given += [("regex", r) for r in (self.guided_regex,) if r is not None]
        given += [("json_schema", schema_text(j)) for j in (self.guided_json,) if j is not None]
        given += [("regex", choice_pattern(c)) for c in (self.guided_choice,) if c is not None]
        if len(given) > 1:
            kinds = ", ".join(kind for kind, _ in given)
            raise ValueError(f"one constraint at most, got {len(given)} ({kinds})")
        return checked(*given[0]) if given else None


def checked(kind: str, text: str) -> tuple[str, str]:
    """Return a constraint.

    Raises:
        ValueError: It is empty, or too long.
    """
    if not text:
        raise ValueError(f"the {kind} is empty")
    if len(text) > MAX_CONSTRAINT:
        raise ValueError(f"the {kind} is longer than {MAX_CONSTRAINT} characters")
    return kind, text


def _one_of(value: str, known: Any) -> str:
    if value not in known:
        raise ValueError(f"expected one of {', '.join(known)}")
    return value
