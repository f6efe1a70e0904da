"""What a drawn token leads to: a longer prefix, or the end of the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from smc.engine.batch import Row
from smc.engine.evaluator import death, grown
from smc.engine.population import Ending, Population
from smc.engine.prefix import Prefix
from smc.utf8 import decode_more


@dataclass(slots=True)
class Child:
    """Particles that drew the same token from the same row.

    Attributes:
        prefix: What their potentials read: the extended prefix, or at the end the final text.
        counted: Of a text that was cut before its stop string: what the proposal has weighed the
            cheap potentials at in its place, and whether as a finished text.
        log_prob: log p of the token under the model that it was drawn from, where that is known.
    """

    population: Population
    particles: list[int]
    parent: Prefix
    prefix: Prefix
    ending: Ending | None
    counted: tuple[Prefix, bool] | None = None
    log_prob: float | None = None

    @property
    def token(self) -> int:
        """The token that was drawn."""
        return self.prefix.token if self.ending is None else self.ending.token


def child(row: Row, token: int) -> Child:
    """Return what a token makes of a row's prefix; its particles are still to be named."""
    population, parent, terms = row.population, row.prefix, row.population.terms
    if token in terms.vocabulary.eos_set:
        return _ended(population, parent, token)
    longer = grown(population.askers, parent, token, terms.vocabulary.tokens[token])
    sync = terms.settings.resample_at
    if sync is not None:
        new = longer.text[len(parent.text) :]
        longer.sync_state, longer.waits = sync.advance(parent.sync_state, new)
    cut = _cut(terms.stop, longer.text, len(parent.text))
    if cut is None:
        return Child(population, [], parent, longer, None)
    return _cut_child(population, parent, longer, token, cut, complete=False)


def _ended(population: Population, parent: Prefix, token: int) -> Child:
    """An EOS token; if it begins with a stop string, an earlier one may begin in the text."""
    terms = population.terms
    new = terms.vocabulary.tokens[token]
    if terms.stop and new and not parent.pending:
        whole = parent.text + decode_more(b"", new)[0]
        cut = _cut(terms.stop, whole, len(parent.text))
        if cut is not None and cut < len(parent.text):
            return _cut_child(population, parent, parent, token, cut, complete=True)
    return Child(population, [], parent, parent, Ending(token))


def _cut(stop: Sequence[str], text: str, old_length: int) -> int | None:
    """Where the first stop string begins that the newest token completed."""
    found = (text.find(s, max(0, old_length - len(s) + 1)) for s in stop)
    return min((at for at in found if at >= 0), default=None)


def _cut_child(
    population: Population, parent: Prefix, counted: Prefix, token: int, cut: int, *, complete: bool
) -> Child:
    """A text that is cut before its stop string; see `Child.counted`."""
    text = counted.text[:cut]
    raw = _cut_bytes(counted.raw, text)
    readings = []
    for asker, last in zip(population.askers, counted.readings, strict=True):
        reading = asker.advance(asker.start(), raw, raw, text)
        readings.append(replace(reading, log_value=last.log_value))
    ended = Prefix(parent, token, parent.length + 1, raw, text, b"", tuple(readings))
    return Child(population, [], parent, ended, Ending(token, text), (counted, complete))


def weigh_cut(child: Child) -> None:
    """Have the cheap potentials weigh a cut text in the place of what the proposal has weighed."""
    if child.counted is None:
        return
    population, (counted, complete) = child.population, child.counted
    for k, asker in enumerate(population.askers):
        if asker.is_token:
            cost = population.costs[k]
            (final,) = asker.ask([(child.prefix, k, cost)], complete=True)
            if final == -np.inf:
                population.kill(child.particles, death(asker, child.prefix))
            elif population.terms.settings.proposal.corrects:
                (before,) = asker.ask([(counted, k, cost)], complete=complete)
                population.log_weights[child.particles] += final - before


def _cut_bytes(raw: bytes, text: str) -> bytes:
    """The bytes that decode to the beginning of a text; invalid ones stand there as U+FFFD."""
    if raw.startswith(whole := text.encode()):
        return whole
    sizes = range(len(raw), len(text) - 1, -1)
    return next(raw[:n] for n in sizes if raw[:n].decode("utf-8", "replace") == text)
