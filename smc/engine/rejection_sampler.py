"""The sampler of a rejection proposal: local draws, until its checks accept the token."""

from __future__ import annotations

from collections.abc import Sequence

from smc.engine.batch import Batch
from smc.engine.candidates import Candidate
from smc.engine.propose import LocalSampler
from smc.engine.rejection import draw_accepted
from smc.engine.sampler import Key, ProposalSampler, sampler_of
from smc.errors import SettingsError
from smc.model import DrawRequest, Draws
from smc.potential import AnyPotential
from smc.proposals import RejectionProposal


class RejectionSampler(LocalSampler):
    """Draws until the proposal's checks accept the token."""

    def __init__(self, proposal: RejectionProposal) -> None:
        self._proposal = proposal

    def check(self, potentials: Sequence[AnyPotential]) -> None:
        """See `ProposalSampler.check`: the checks must be among the potentials."""
        for check in self._proposal.checks or ():
            if not any(check is potential for potential in potentials):
                raise SettingsError(
                    f"RejectionProposal: the check {check.name} is not among the potentials; "
                    "expected the same object there, because the target is made of the potentials "
                    "alone."
                )

    def asks(self, potential: AnyPotential) -> bool:
        """See `ProposalSampler.asks`: token potentials and checks do."""
        return super().asks(potential) or self._proposal.asks(potential)

    def draw(self, batch: Batch, request: DrawRequest) -> tuple[Draws, dict[Key, Candidate]]:
        """See `draw_accepted`; where no expensive potential is asked, a local draw."""
        if len(request.rows):
            settings = batch.rows[int(request.rows[0])].population.config.settings
            if settings.expensive != "never":
                return draw_accepted(batch, request, self._proposal)
        return super().draw(batch, request)


@sampler_of.register
def _(proposal: RejectionProposal) -> ProposalSampler:
    return RejectionSampler(proposal)
