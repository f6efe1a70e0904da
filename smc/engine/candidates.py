"""Candidates: the particles of one row that drew one token, until they are committed.

Proposals make them, `extend` says what the token leads to, `evaluate` what the potentials think of
it. All only fill in; `Population.commit` alone gives particles their weights and prefixes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from smc.engine.deaths import Death, Stage
from smc.engine.evaluator import Growth, PotentialEvaluator, Request
from smc.engine.population import Ending, Population
from smc.engine.prefix import Prefix
from smc.engine.requests import Growing
from smc.utf8 import decode_more


@dataclass(slots=True, eq=False)
class Candidate:
    """Particles that drew the same token from the same row.

    Attributes:
        population: Theirs.
        particles: Their indices in it.
        parent: The prefix that they had.
        token: What they drew; −1: nothing.
        log_increments: What their weights are multiplied by, as logs, in this order.
        prefix: What their potentials read: the extended prefix, or at the end the final text.
        ending: How the text ends, if it does.
        death: What gave them weight zero, if something did.
        proposed: Of a text that is truncated: what the proposal has weighed the cheap potentials
            at, as one that may go on.
        log_prob: log p of the token under the model that it was drawn from, where that is known.
    """

    population: Population
    particles: list[int]
    parent: Prefix
    token: int
    log_increments: list[float] = field(default_factory=list)
    prefix: Prefix | None = None
    ending: Ending | None = None
    death: Death | None = None
    proposed: Prefix | None = None
    log_prob: float | None = None

    @property
    def alive(self) -> bool:
        """Whether its particles have weight so far."""
        return (
            self.death is None
            and self.population.error is None
            and -math.inf not in self.log_increments
        )


def extend(candidates: Iterable[Candidate]) -> None:
    """Give each candidate the prefix, or the ending, that its token leads to.

    Those that have one already, or are dead, stay as they are. A problem whose potential or
    boundary raises fails, and its candidates with it.
    """
    growing = []
    for candidate in candidates:
        if candidate.prefix is not None or not candidate.alive:
            continue
        ends = candidate.token in candidate.population.config.vocabulary.eos_set
        if ends and not candidate.parent.held:
            candidate.prefix, candidate.ending = candidate.parent, Ending(candidate.token)
        else:
            growing.append(candidate)
    try:
        _grow(growing)
    except Exception:  # somebody's potential raised: each by itself, to see whose
        for candidate in growing:
            try:
                _grow([candidate])
            except Exception as error:
                candidate.population.fail(error)


def _grow(candidates: Sequence[Candidate]) -> None:
    read = [_read(c) for c in candidates]
    prefixes = extended_prefixes([growing for growing, _ in read])
    for candidate, prefix, (_, ends) in zip(candidates, prefixes, read, strict=True):
        settings, parent = candidate.population.config.settings, candidate.parent
        candidate.prefix = prefix
        if ends:
            candidate.ending = Ending(candidate.token, prefix.final_text)
            continue
        sync = settings.resample_at
        if sync is not None:
            new = prefix.text[len(parent.text) :]
            prefix.sync_state, prefix.waits = sync.advance(parent.sync_state, new)
        if prefix.length >= settings.max_tokens:
            candidate.ending = Ending(candidate.token, truncated=True)
            candidate.proposed = prefix
            if prefix.held:  # nothing makes the stop string whole: its beginning is text
                candidate.prefix = released(prefix, candidate.population.evaluators)


def _read(candidate: Candidate) -> tuple[Growing, bool]:
    """Read a candidate's token for stop strings; return whether the text ends with it, too."""
    config, parent, token = candidate.population.config, candidate.parent, candidate.token
    new = config.vocabulary.tokens[token]
    if config.stops is None:
        assert new, "a backend never draws an id outside the model"
        return Growing(candidate.population.evaluators, parent, token, new), False
    text, held, ends = config.stops.strings.read(parent.held, new or b"")
    if token in config.vocabulary.eos_set:  # of which no byte is text
        text, held, token = text[: len(parent.held)] if ends else parent.held, b"", -1
        ends = True
    return Growing(candidate.population.evaluators, parent, token, text, held), ends


def extended_prefixes(steps: Sequence[Growing]) -> list[Prefix]:
    """Return prefixes with one more token each; each potential reads those of all in one batch.

    Raises:
        PotentialError: A potential or a boundary raised; whatever that raised.
    """
    prefixes: list[Prefix] = []
    growths: dict[PotentialEvaluator, list[Growth]] = {}
    for evaluators, parent, token, new, held in steps:
        text, pending = _decoded(parent, new)
        raw = parent.raw + new
        prefixes.append(
            Prefix(
                trail=(parent.trail, token),
                token=token,
                length=parent.length + 1,
                raw=raw,
                text=parent.text + text,
                pending=pending,
                states=(),
                parent_row=parent.row,
                held=held,
            )
        )
        for evaluator, before in zip(evaluators, parent.states, strict=True):
            growths.setdefault(evaluator, []).append(Growth(before, raw, new, text, token))
    states = {e: iter(e.advance(those)) for e, those in growths.items()}
    for prefix, (evaluators, *_) in zip(prefixes, steps, strict=True):
        prefix.states = tuple(next(states[evaluator]) for evaluator in evaluators)
    return prefixes


def released(prefix: Prefix, evaluators: Sequence[PotentialEvaluator]) -> Prefix:
    """Return a prefix whose potentials read what is held back of it, too."""
    text, pending = _decoded(prefix, prefix.held)
    raw = prefix.raw + prefix.held
    growths = (Growth(state, raw, prefix.held, text) for state in prefix.states)
    states = tuple(e.advance([g])[0] for e, g in zip(evaluators, growths, strict=True))
    return replace(
        prefix, raw=raw, text=prefix.text + text, pending=pending, states=states, held=b""
    )


def _decoded(prefix: Prefix, new: bytes) -> tuple[str, bytes]:
    """The text that further bytes complete, and those of a character that is not complete."""
    if prefix.pending or not new.isascii():
        return decode_more(prefix.pending, new)
    return new.decode(), b""


def evaluate(candidates: Sequence[Candidate]) -> None:
    """Multiply by φ_exp(now) / φ_exp(last) at boundaries, and by Φ_exp / φ_exp(last) at the end.

    One potential after the other, so that the dead are not asked about again; each in one batch
    of all problems that share it.
    """
    for candidate in candidates:
        if candidate.proposed is not None and candidate.alive:
            _weigh_end(candidate, candidate.proposed)
    for complete in (False, True):
        due = [c for c in candidates if (c.ending is not None) is complete and is_judged(c)]
        depth = max((len(c.population.evaluators) for c in due), default=0)
        for k in range(depth):
            alive = [c for c in due if c.alive]
            for candidate, log_value in log_values_of(alive, k, complete=complete):
                multiply(candidate, k, log_value, complete=complete)


def is_judged(candidate: Candidate) -> bool:
    """Whether expensive potentials take part at all where a candidate stands."""
    settings = candidate.population.config.settings
    return candidate.ending is not None or settings.expensive == "boundaries"


def log_values_of(
    candidates: Iterable[Candidate], k: int, *, complete: bool
) -> list[tuple[Candidate, float]]:
    """Return what the k-th potential of each candidate's problem says of it, where it is due.

    That is, where it is no token potential, and the candidate stands at its boundary or at the
    end. A problem whose potential raises fails, and nothing more is said of it.
    """
    batches: dict[PotentialEvaluator, list[Candidate]] = {}
    for candidate in candidates:
        evaluators = candidate.population.evaluators
        if k >= len(evaluators) or evaluators[k].is_token or candidate.prefix is None:
            continue
        if complete or candidate.prefix.states[k].due:
            batches.setdefault(evaluators[k], []).append(candidate)
    asked = (_asked(evaluator, batch, k, complete) for evaluator, batch in batches.items())
    return [pair for pairs in asked for pair in pairs]


def _asked(
    evaluator: PotentialEvaluator, batch: list[Candidate], k: int, complete: bool
) -> list[tuple[Candidate, float]]:
    """Ask one potential about candidates; where it raises, those of each problem by themselves.

    So a problem fails by its own texts alone, whoever shares the potential with it.
    """
    requests = [Request(c.prefix, k, c.population.costs[k]) for c in batch if c.prefix is not None]
    try:
        return list(zip(batch, evaluator.log_values(requests, complete=complete), strict=True))
    except Exception as error:
        populations = dict.fromkeys(c.population for c in batch)
        if len(populations) == 1:
            batch[0].population.fail(error)
            return []
    apart = ([c for c in batch if c.population is p] for p in populations)
    return [pair for own in apart for pair in _asked(evaluator, own, k, complete)]


def multiply(candidate: Candidate, k: int, log_value: float, *, complete: bool) -> None:
    """Multiply a candidate's weights by the ratio of a potential's new value to its last."""
    assert candidate.prefix is not None
    if log_value == -math.inf:
        stage = Stage.COMPLETE if complete else Stage.BOUNDARY
        name = candidate.population.evaluators[k].name
        text = candidate.prefix.text
        candidate.death = Death.by_potential(name, text, stage, k, complete=complete)
        return
    candidate.log_increments.append(log_value - candidate.prefix.states[k].log_value)
    if not complete:
        set_log_values(candidate.prefix, {k: log_value})


def set_log_values(prefix: Prefix, log_values: Mapping[int, float]) -> None:
    """Record new log φ values, by the place of their potential, in a prefix's states."""
    prefix.states = tuple(
        [
            s._replace(log_value=log_values[k]) if k in log_values else s
            for k, s in enumerate(prefix.states)
        ]
    )


def _weigh_end(candidate: Candidate, proposed: Prefix) -> None:
    """Have the cheap potentials weigh a final text in the place of what the proposal weighed."""
    population, prefix = candidate.population, candidate.prefix
    assert prefix is not None
    try:
        for k, evaluator in enumerate(population.evaluators):
            if not evaluator.is_token or evaluator.reads_tokens:
                continue
            cost = population.costs[k]
            (final,) = evaluator.log_values([Request(prefix, k, cost)], complete=True)
            if final == -math.inf:
                name, text = evaluator.name, prefix.text
                candidate.death = Death.by_potential(name, text, Stage.PROPOSAL, k, complete=True)
            elif population.config.settings.proposal.properly_weighted:
                counted = Request(proposed, k, cost)
                (before,) = evaluator.log_values([counted], complete=False)
                candidate.log_increments.append(final - before)
    except Exception as error:
        population.fail(error)
