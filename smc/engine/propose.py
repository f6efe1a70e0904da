"""The next token of every particle that does not wait, and the weights that its draw gives."""

from __future__ import annotations

from collections.abc import Sequence

from smc.engine.batch import Row, plan_draws
from smc.engine.candidates import Child, child, weigh_cut
from smc.engine.rejection import Drawing, Key, draw_accepted
from smc.model import DrawRequest, Draws
from smc.potential import TokenPotential
from smc.proposals import LocalProposal, RejectionProposal


def draw_children(rows: Sequence[Row], decoding: Drawing) -> list[Child]:
    """Draw a token for each particle, and multiply the weights by p·φ_cheap/q.

    A particle that nothing can follow is killed, and is in no child; nor are those of a problem
    that fails.

    Args:
        rows: Of the decoding, with their particles.
        decoding: What the tokens are drawn from.

    Returns:
        One child for each distinct pair of row and token.
    """
    children = []
    for wanted in _by_proposal(rows):
        plan, drawers = plan_draws(rows, wanted)
        draws, known = _drawn(rows, decoding, plan)
        together: dict[Key, list[int]] = {}
        for m, place in enumerate(zip(plan.rows.tolist(), draws.tokens.tolist(), strict=True)):
            together.setdefault(place, []).append(m)
        for key, members in together.items():
            particles = [drawers[m] for m in members]
            new = _new_child(rows[key[0]], key[1], particles, draws, members, known.get(key))
            if new is not None:
                children.append(new)
    return children


def _by_proposal(rows: Sequence[Row]) -> list[list[int]]:
    """Indices of the rows to draw from; those that are drawn from in one way are together."""
    together: dict[int, list[int]] = {}
    for r, row in enumerate(rows):
        if row.particles and not row.prefix.waits:
            proposal = row.population.terms.settings.proposal
            alike = 0 if isinstance(proposal, LocalProposal) else id(proposal)
            together.setdefault(alike, []).append(r)
    return list(together.values())


def _drawn(
    rows: Sequence[Row], decoding: Drawing, plan: DrawRequest
) -> tuple[Draws, dict[Key, Child]]:
    """Draw as the proposal of the plan's rows does; with what is known of tokens by now."""
    if len(plan.rows):
        settings = rows[int(plan.rows[0])].population.terms.settings
        if isinstance(settings.proposal, RejectionProposal) and settings.expensive != "never":
            return draw_accepted(rows, decoding, plan, settings.proposal)
    return decoding.draw(plan), {}


def _new_child(
    row: Row,
    token: int,
    particles: list[int],
    draws: Draws,
    members: list[int],
    known: Child | None,
) -> Child | None:
    """What a token makes of a row, for the particles that drew it; None if it kills them."""
    population = row.population
    if population.error is not None:
        return None
    if token < 0:
        population.kill(particles, _dead_end(row))
        return None
    if population.terms.settings.proposal.corrects:
        population.log_weights[particles] += draws.log_weights[members]
    population.num_tokens += len(particles)
    try:
        new = known or child(row, token)
        new.particles = particles
        if draws.log_probs is not None:
            new.log_prob = float(draws.log_probs[members[0]])
        weigh_cut(new)
    except Exception as error:
        population.fail(error)
        return None
    return new


def _dead_end(row: Row) -> str:
    settings = row.population.terms.settings
    proposal = settings.proposal
    refusing = [
        asker.name
        for asker in row.population.askers
        if isinstance(asker.potential, TokenPotential)
        or (isinstance(proposal, RejectionProposal) and proposal.asks(asker.potential))
    ]
    at = f"after {row.prefix.text!r}"
    if row.prefix.length + 1 == settings.max_tokens:
        return f"max_tokens={settings.max_tokens}: the text cannot end {at}"
    return f"{' · '.join(refusing) or 'the model'} allows no next token {at}"
