"""JSON of a posterior: how it is written, and how each of its leaves is checked on reading."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from smc.checked_json import Field, JSONContentError, parse, plain, refuse, shown
from smc.errors import SettingsError
from smc.history import DEATH_SAID, DeathCount, Step, TextSequence
from smc.model import Prompt

if TYPE_CHECKING:
    from smc.posterior import Posterior

_MOST_IDS = 2**31


def posterior_json(posterior: Posterior) -> str:
    """Return a posterior as JSON text; −inf is written as null.

    Raises:
        SettingsError: What it says of the run (`prompt`, `settings`) is no plain JSON.
    """
    record = {
        "sequences": [dataclasses.asdict(s) for s in posterior.sequences],
        "log_weights": _null_for_dead(posterior.log_weights),
        "history": [
            vars(step)
            | {
                "log_weights": _null_for_dead(step.log_weights),
                "log_evidence_increment": _null_for_dead([step.log_evidence_increment])[0],
                "costs": dict(step.costs),
            }
            for step in posterior.history
        ],
        "num_tokens": posterior.num_tokens,
        "reason": posterior.reason,
        "deaths": [dataclasses.asdict(d) for d in posterior.deaths],
        "tries": posterior.tries,
    }
    try:
        for name in ("prompt", "model", "seed", "settings"):
            record[name] = plain(getattr(posterior, name), name)
    except JSONContentError as error:
        raise SettingsError(
            f"posterior: cannot be written: {error}. Give it as text, or leave it out."
        ) from error
    return json.dumps(record, ensure_ascii=False, allow_nan=False)


def posterior_fields(text: str | bytes) -> dict[str, Any]:
    """Return the arguments of the posterior that a JSON text stands for.

    Raises:
        SettingsError: It is something else; the message names the place.
    """
    try:
        record = parse(text)
        sequences = tuple(map(_sequence, record.member("sequences").items()))
        size = len(sequences)
        if not size:
            refuse("sequences", "at least one particle", "none")
        log_weights = [w.log_weight() for w in record.member("log_weights").items(size)]
        return {
            "sequences": sequences,
            "log_weights": np.array(log_weights, dtype=np.float64),
            "history": tuple(_step(s, size) for s in record.member("history").items()),
            "num_tokens": record.member("num_tokens").integer(),
            "reason": record.member("reason").optional(Field.text),
            # Older files do not say how the run was made, or who died.
            "deaths": tuple(map(_death, record.member("deaths", []).items())),
            "tries": tuple(map(_ladder, record.member("tries", []).items())),
            "prompt": record.member("prompt", None).optional(_prompt),
            "model": record.member("model", None).optional(Field.text),
            "seed": record.member("seed", None).optional(lambda seed: seed.integer(2**128)),
            "settings": record.member("settings", None).optional(_settings),
        }
    except JSONContentError as error:
        raise SettingsError(
            f"posterior: cannot be read: {error}. Give JSON as `to_json` writes it."
        ) from error


def _sequence(record: Field) -> TextSequence:
    return TextSequence(
        text=record.member("text").text(),
        tokens=tuple(i.integer(_MOST_IDS) for i in record.member("tokens").items()),
        finished=record.member("finished").boolean(),
        truncated=record.member("truncated", False).boolean(),
    )


def _step(record: Field, size: int) -> Step:
    """One step of N particles."""
    ancestors = record.member("ancestors")
    costs = record.member("costs").members()
    return Step(
        pieces=tuple(p.text() for p in record.member("pieces").items(size)),
        log_weights=tuple(w.log_weight() for w in record.member("log_weights").items(size)),
        ess=record.member("ess").number(least=0),
        ancestors=ancestors.optional(lambda a: tuple(i.integer(size) for i in a.items(size))),
        log_evidence_increment=record.member("log_evidence_increment").log_weight(),
        costs={Field(name, "costs").text(): _cost(cost) for name, cost in costs.items()},
    )


def _death(record: Field) -> DeathCount:
    said = record.member("said")
    if said.text() not in DEATH_SAID:
        refuse(said.place, f"one of {', '.join(DEATH_SAID)}", shown(said.value))
    return DeathCount(
        step=record.member("step").integer(),
        cause=record.member("cause").text(),
        said=said.text(),
        count=record.member("count").integer(),
        texts=tuple(t.text() for t in record.member("texts").items()),
    )


def _ladder(record: Field) -> tuple[int, ...]:
    return tuple(n.integer() for n in record.items())


def _cost(record: Field) -> tuple[int, float]:
    calls, seconds = record.items(2)
    return calls.integer(), seconds.number(least=0)


def _prompt(record: Field) -> Prompt:
    """Text, token ids, or messages."""
    if isinstance(record.value, str):
        return record.text()
    items = record.items()
    if all(isinstance(i.value, int) for i in items):
        return [i.integer(_MOST_IDS) for i in items]
    return [_settings(i) for i in items]


def _settings(record: Field) -> dict[str, Any]:
    record.members()  # it is an object
    return record.plain()


def _null_for_dead(log_weights: Any) -> list[float | None]:
    return [None if w == -math.inf else float(w) for w in log_weights]
