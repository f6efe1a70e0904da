"""The sampler: what the engine asks of a proposal, whatever it is.

A proposal (`smc.proposals`) is what a user writes; its sampler is what the engine does with it.
A new one is a file of its own: a class with the two attributes of `smc.proposals.Proposal` and the
methods of `ProposalSampler` (derive from `propose.LocalSampler` for those that stay as they are),
or a class that is registered with `sampler_of` for arguments that stand elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import singledispatch
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from smc.errors import SettingsError
from smc.model import Decoding, DrawRequest, Draws, LanguageModel, Prompt, Vocabulary
from smc.potential import AnyPotential
from smc.proposals import Proposal

if TYPE_CHECKING:
    from smc.engine.batch import Batch
    from smc.engine.candidates import Candidate
    from smc.engine.population import Population
    from smc.engine.prefix import Prefix

Key = tuple[int, int]
"""A row of the batch and a token."""


@runtime_checkable
class ProposalSampler(Protocol):
    """Draws the next tokens of the rows whose populations have it."""

    def check(self, potentials: Sequence[AnyPotential]) -> None:
        """Raise a `SettingsError` where the proposal does not fit the potentials of a run."""
        ...

    def asks(self, potential: AnyPotential) -> bool:
        """Whether a potential takes part in the draw, so that it can leave no token."""
        ...

    def start(
        self,
        model: LanguageModel,
        prompts: Sequence[Prompt],
        vocabulary: Vocabulary,
        max_tokens: int,
        roots: Sequence[Prefix],
    ) -> Decoding:
        """Return the decoding whose rows are drawn from; see `LanguageModel.start`.

        Args:
            model: The run's.
            prompts: One a row.
            vocabulary: The model's, with the run's EOS ids.
            max_tokens: How many tokens may follow.
            roots: The empty text behind each prompt.
        """
        ...

    def draw(self, batch: Batch, request: DrawRequest) -> tuple[Draws, dict[Key, Candidate]]:
        """Draw a token for each entry of a request, all of rows with this sampler.

        Returns:
            As of `Decoding.draw`, −1 where there is no token: E[w · 1{token = v}] = p(v) φ(v) for
            every v, with w the weight. And the candidates that have been extended on the way.
        """
        ...

    def settle(
        self, candidates: Sequence[Candidate], populations: Sequence[Population]
    ) -> tuple[Sequence[Candidate], Collection[Population]]:
        """Complete the weights of a step's candidates.

        Args:
            candidates: Extended and evaluated.
            populations: Those of the step that have this sampler.

        Returns:
            Further candidates, of particles that drew in an earlier step and are weighed only
            now; and the populations whose weights are complete, so that they may be resampled.
        """
        ...


@singledispatch
def sampler_of(proposal: Proposal) -> ProposalSampler:
    """Return the sampler of a proposal: the one that is registered for its class, or itself.

    Raises:
        SettingsError: There is none.
    """
    if isinstance(proposal, ProposalSampler):
        return proposal
    raise SettingsError(
        f"proposal: {proposal!r} is no proposal that the engine can draw from; expected a "
        "LocalProposal, a RejectionProposal or a DraftProposal, or an object with the methods of "
        "smc.engine.sampler.ProposalSampler."
    )
