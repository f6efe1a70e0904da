"""The next token of every particle that does not wait, and the weights that its draw gives."""

from __future__ import annotations

from collections.abc import Sequence

from smc.growing import Child, Growth, weigh_cut
from smc.model import Decoding
from smc.potential import TokenPotential
from smc.proposal.arguments import RejectionProposal
from smc.proposal.rejection import draw_accepted
from smc.rows import Row, plan_draws
from smc.settings import Settings


def draw_children(rows: Sequence[Row], decoding: Decoding, growth: Growth) -> list[Child]:
    """Draw a token for each particle, and multiply the weights by p·φ_cheap/q.

    A particle that nothing can follow is killed, and is in no child.

    Args:
        rows: Of the decoding, with their particles.
        decoding: What the tokens are drawn from.
        growth: What a token makes of a prefix.

    Returns:
        One child for each distinct pair of row and token.
    """
    settings = growth.settings
    plan, drawers = plan_draws(rows, settings, growth.vocabulary)
    checked: dict[tuple[int, int], Child] = {}
    if isinstance(settings.proposal, RejectionProposal) and settings.expensive != "never":
        draws, checked = draw_accepted(rows, decoding, plan, growth, settings.proposal)
    else:
        draws = decoding.draw(plan)
    together: dict[tuple[int, int], list[int]] = {}
    for m, place in enumerate(zip(plan.rows.tolist(), draws.tokens.tolist(), strict=True)):
        together.setdefault(place, []).append(m)
    children = []
    for (index, token), members in together.items():
        row, particles = rows[index], [drawers[m] for m in members]
        if token < 0:
            row.population.kill(particles, _dead_end(row, settings))
            continue
        if settings.proposal.corrects:
            row.population.log_weights[particles] += draws.log_weights[members]
        row.population.num_tokens += len(particles)
        child = checked.get((index, token)) or growth.child(row, token)
        child.particles = particles
        if draws.log_probs is not None:
            child.log_prob = float(draws.log_probs[members[0]])
        weigh_cut(child, corrects=settings.proposal.corrects)
        children.append(child)
    return children


def _dead_end(row: Row, settings: Settings) -> str:
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
