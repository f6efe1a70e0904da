"""What a drawn token leads to: a longer prefix, or the end of the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from smc.population import Ending, Population
from smc.prefix import Prefix, decode_more
from smc.rows import Row
from smc.scoring import death, grown


@dataclass(frozen=True)
class Child:
    """Particles that drew the same token from the same row.

    `prefix` is what their potentials read: the extended prefix, or at the end the final text.
    """

    population: Population
    particles: list[int]
    parent: Prefix
    prefix: Prefix
    ending: Ending | None


def child(row: Row, token: int, particles: list[int]) -> Child:
    """Return what a token makes of a row's prefix, for the particles that drew it."""
    population, parent, terms = row.population, row.prefix, row.population.terms
    if token in terms.vocabulary.eos_set:
        return _ended(population, parent, token, particles)
    longer = grown(population.askers, parent, token, terms.vocabulary.tokens[token])
    sync = terms.settings.resample_at
    if sync is not None:
        new = longer.text[len(parent.text) :]
        longer.sync_state, longer.waits = sync.advance(parent.sync_state, new)
    cut = _cut(terms.stop, longer.text, len(parent.text))
    if cut is None:
        return Child(population, particles, parent, longer, None)
    return _cut_child(population, parent, longer, token, cut, particles, complete=False)


def _ended(population: Population, parent: Prefix, token: int, particles: list[int]) -> Child:
    """An EOS token; if it begins with a stop string, an earlier one may begin in the text."""
    terms = population.terms
    new = terms.vocabulary.tokens[token]
    if terms.stop and new and not parent.pending:
        whole = parent.text + decode_more(b"", new)[0]
        cut = _cut(terms.stop, whole, len(parent.text))
        if cut is not None and cut < len(parent.text):
            return _cut_child(population, parent, parent, token, cut, particles, complete=True)
    return Child(population, particles, parent, parent, Ending(token))


def _cut(stop: Sequence[str], text: str, old_length: int) -> int | None:
    """Where the first stop string begins that the newest token completed."""
    found = (text.find(s, max(0, old_length - len(s) + 1)) for s in stop)
    return min((at for at in found if at >= 0), default=None)


def _cut_child(
    population: Population,
    parent: Prefix,
    counted: Prefix,
    token: int,
    cut: int,
    particles: list[int],
    *,
    complete: bool,
) -> Child:
    """A text that is cut before its stop string.

    The proposal has weighed the cheap potentials at `counted`, as a finished text if
    `complete`; here they weigh the cut text in its place.
    """
    text = counted.text[:cut]
    raw = _cut_bytes(counted.raw, text)
    readings = []
    for asker, last in zip(population.askers, counted.readings, strict=True):
        reading = asker.advance(asker.start(), raw, raw, text)
        readings.append(replace(reading, log_value=last.log_value))
    ended = Prefix(parent, token, parent.length + 1, raw, text, b"", tuple(readings))
    for k, asker in enumerate(population.askers):
        if asker.is_token:
            cost = population.costs[k]
            (final,) = asker.ask([(ended, k, cost)], complete=True)
            if final == -np.inf:
                population.kill(particles, death(asker, ended))
            elif population.terms.settings.proposal.corrects:
                (before,) = asker.ask([(counted, k, cost)], complete=complete)
                population.log_weights[particles] += final - before
    return Child(population, particles, parent, ended, Ending(token, text))


def _cut_bytes(raw: bytes, text: str) -> bytes:
    """The bytes that decode to the beginning of a text; invalid ones stand there as U+FFFD."""
    if raw.startswith(whole := text.encode()):
        return whole
    sizes = range(len(raw), len(text) - 1, -1)
    return next(raw[:n] for n in sizes if raw[:n].decode("utf-8", "replace") == text)
