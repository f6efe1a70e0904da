"""The sampler of a draft proposal: a small model draws, the large one weighs each block."""

from __future__ import annotations

from collections.abc import Sequence

from smc.engine.candidates import Candidate
from smc.engine.draft import Drafted
from smc.engine.population import Population
from smc.engine.prefix import Prefix
from smc.engine.propose import LocalSampler
from smc.engine.sampler import ProposalSampler, sampler_of
from smc.errors import SettingsError
from smc.model import BlockDecoding, Decoding, LanguageModel, Prompt, Vocabulary
from smc.proposals import DraftProposal
from smc.vocabulary import shared_vocabulary


class DraftSampler(LocalSampler):
    """Draws from the draft; the large model completes the weights at the end of each block."""

    def __init__(self, proposal: DraftProposal) -> None:
        self._proposal = proposal
        self._drafted: Drafted | None = None

    def start(
        self,
        model: LanguageModel,
        prompts: Sequence[Prompt],
        vocabulary: Vocabulary,
        max_tokens: int,
        roots: Sequence[Prefix],
    ) -> Decoding:
        """Start both models on the same prompts; see `ProposalSampler.start`.

        Raises:
            VocabularyError: The two have different vocabularies.
            SettingsError: The large model's backend takes one token at a time.
        """
        proposal = self._proposal
        small = proposal.draft.vocabulary
        own = shared_vocabulary(vocabulary, small, "DraftProposal", "the draft")
        large = model.start(prompts, vocabulary, max_tokens)
        if not isinstance(large, BlockDecoding):
            raise SettingsError(
                "proposal: a DraftProposal has the model weigh several tokens in one pass, which "
                f"{type(large).__name__} cannot; expected a backend with `extend`: the one over "
                "transformers (smc.load), or the table. The draft may be on any backend."
            )
        draft = proposal.draft.start(prompts, own, max_tokens)
        self._drafted = Drafted(draft, large, roots, proposal, len(own))
        return self._drafted

    def settle(
        self, candidates: Sequence[Candidate], populations: Sequence[Population]
    ) -> tuple[Sequence[Candidate], Sequence[Population]]:
        """See `Drafted.settle`."""
        assert self._drafted is not None, "a sampler settles what it has started"
        return self._drafted.settle(candidates, populations)


@sampler_of.register
def _(proposal: DraftProposal) -> ProposalSampler:
    return DraftSampler(proposal)
