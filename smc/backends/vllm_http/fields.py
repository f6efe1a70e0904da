"""The request fields that ask a server for weighted draws; both ends read them here."""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

DEAD = -9999.0
"""The increment of a dead end. vLLM's server reports no smaller logprob."""

PROBE = -1234.5
"""What a probe's token reports: proof that the processor is there and its values come through."""

_PREFIX = "smc_"
_MOST_SOURCE = 50_000
_MOST_SEED = 1 << 53


@dataclass(frozen=True)
class Fields:
    """What a request asks for.

    Attributes:
        seed: In [0, 2⁵³): with the place of a token in its text it decides the draw.
        prompt: Tokens of the prompt; what follows them in the request is text.
        text: Those following tokens.
        max_tokens: Of a text; in the last slot only an end can be drawn, unless it may be cut.
        eos: Ids that end a text.
        temperature: > 0; like top_p and top_k part of the model.
        top_p: In (0, 1].
        top_k: 0 keeps all tokens.
        grammar: Lark source, or empty; at most one of this and the next two is not.
        regex: Pattern for the whole text, or empty.
        json: JSON schema, or empty.
        cut: 1: a text without an end in its last slot is taken as it is, if the constraint allows
            it to end there.
        probe: Report `PROBE` in place of weights.
        request: Set by the server: a number that no other request has, however alike.
    """

    seed: int
    prompt: int
    text: tuple[int, ...]
    max_tokens: int
    eos: tuple[int, ...]
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    grammar: str = ""
    regex: str = ""
    json: str = ""
    cut: int = 0
    probe: int = 0
    request: int = 0

    def __post_init__(self) -> None:
        for name in ("seed", "prompt", "max_tokens", "top_k", "cut", "probe", "request"):
            _expect(name, _is_whole(getattr(self, name)), "a whole number from 0 on", self)
        _expect("seed", self.seed < _MOST_SEED, "a number below 2⁵³", self)
        _expect("prompt", self.prompt >= 1, "at least one token", self)
        _expect("max_tokens", self.max_tokens > len(self.text), "more than the text has", self)
        for name in ("text", "eos"):
            whole = all(_is_whole(i) for i in getattr(self, name))
            _expect(name, whole, "token ids", self)
        _expect("eos", bool(self.eos), "at least one token id", self)
        _expect("temperature", _is_above_zero(self.temperature), "a number above 0", self)
        _expect("top_p", _is_above_zero(self.top_p) and self.top_p <= 1, "in (0, 1]", self)
        for name in ("grammar", "regex", "json"):
            source = getattr(self, name)
            short = isinstance(source, str) and len(source) <= _MOST_SOURCE
            _expect(name, short, f"text of at most {_MOST_SOURCE:,} characters", self)
        named = [name for name in ("grammar", "regex", "json") if getattr(self, name)]
        if len(named) > 1:
            raise ValueError(f"{_PREFIX}{named[1]}: expected one constraint, got {named}.")

    @property
    def constraint(self) -> tuple[str, str]:
        """Kind and source of what constrains the text; empty where nothing does."""
        for name in ("grammar", "regex", "json"):
            if getattr(self, name):
                return name, getattr(self, name)
        return "", ""

    def to_request(self) -> dict[str, Any]:
        """Return the value of `vllm_xargs`: what is not its default, under our prefix."""
        defaults = {f: self.__dataclass_fields__[f].default for f in self.__dataclass_fields__}
        given = {name: value for name, value in asdict(self).items() if value != defaults[name]}
        lists = {name: list(v) if isinstance(v, tuple) else v for name, v in given.items()}
        return {f"{_PREFIX}{name}": value for name, value in lists.items()}

    @staticmethod
    def marked(given: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a request asks for, told apart from all other requests."""
        return {**given, f"{_PREFIX}request": secrets.randbits(62)}

    @classmethod
    def of_request(cls, given: Mapping[str, Any] | None) -> Fields | None:
        """Return what a request asks for; None where it has none of our fields.

        Raises:
            ValueError: A field is unknown, missing or out of its range.
        """
        ours = {k[len(_PREFIX) :]: v for k, v in (given or {}).items() if k.startswith(_PREFIX)}
        if not ours:
            return None
        unknown = sorted(set(ours) - set(cls.__dataclass_fields__))
        missing = sorted({"seed", "prompt", "max_tokens", "eos"} - set(ours))
        if unknown or missing:
            raise ValueError(
                f"vllm_xargs: unknown {unknown}, missing {missing} of the fields {_PREFIX}*; "
                f"expected some of {sorted(cls.__dataclass_fields__)}."
            )
        for name in ("text", "eos"):
            ours[name] = _tuple(name, ours.get(name, ()))
        return cls(**ours)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_above_zero(value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and value > 0
    )


def _tuple(name: str, value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{_PREFIX}{name}: got {value!r}; expected a list of token ids.")
    return tuple(value)


def _expect(name: str, holds: bool, expected: str, fields: Fields) -> None:
    if not holds:
        got = str(getattr(fields, name))[:80]
        raise ValueError(f"{_PREFIX}{name}: got {got}; expected {expected}.")
