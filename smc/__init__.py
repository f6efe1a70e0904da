r"""Constrained generation by sequential Monte Carlo.

>>> import smc
>>> model = smc.load("embedded:molecules")  # or a folder, or a name on the Hugging Face Hub
>>> class NoRings(smc.Potential):
...     def prefix(self, text):
...         return 0.0 if "1" not in text else float("-inf")
>>> posterior = smc.sample(model, "Molecule:", [NoRings()], num_particles=20, stop=("\n",))
>>> posterior.status, "1" in posterior.best
(<Status.COMPLETE: 'complete'>, False)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smc.backends.embedded import embedded
from smc.backends.loading import load
from smc.depth import with_depth
from smc.errors import (
    ExtinctError,
    GrammarError,
    MissingExtraError,
    ModelError,
    PotentialError,
    PromptError,
    SettingsError,
    SMCError,
    VocabularyError,
)
from smc.lazy import lazy_names
from smc.model import Chat, Decoding, LanguageModel, Vocabulary
from smc.neighbours import warn_if_foreign
from smc.posterior import DeathCount, Posterior, Status, Step, TextSequence
from smc.potential import (
    Boundary,
    IncrementalPotential,
    Potential,
    TokenPotential,
    TokenScores,
    TokenSequencePotential,
    WhereBoundary,
    product,
)
from smc.proposals import DraftProposal, LocalProposal, RejectionProposal
from smc.settings import METHODS, Settings

if TYPE_CHECKING:
    from smc.asynchronous import asample as asample
    from smc.backends.table import TableModel as TableModel
    from smc.backends.transformers import TransformersModel as TransformersModel
    from smc.backends.vllm import VLLMModel as VLLMModel
    from smc.backends.vllm_remote import RemoteVLLM as RemoteVLLM
    from smc.checking import check_potential as check_potential
    from smc.integrations.generation import Generated as Generated
    from smc.integrations.generation import generate as generate
    from smc.integrations.rewards import load_reward as load_reward
    from smc.integrations.solving import solve as solve
    from smc.likelihood import log_prob as log_prob
    from smc.sampling import sample as sample
    from smc.sampling import sample_batch as sample_batch
    from smc.version import __version__ as __version__

_LAZY = {
    "Generated": "smc.integrations.generation",
    "TableModel": "smc.backends.table",
    "RemoteVLLM": "smc.backends.vllm_remote",
    "TransformersModel": "smc.backends.transformers",
    "VLLMModel": "smc.backends.vllm",
    "__version__": "smc.version",
    "asample": "smc.asynchronous",
    "check_potential": "smc.checking",
    "generate": "smc.integrations.generation",
    "load_reward": "smc.integrations.rewards",
    "log_prob": "smc.likelihood",
    "sample": "smc.sampling",
    "sample_batch": "smc.sampling",
    "solve": "smc.integrations.solving",
}

__all__ = [
    "METHODS",
    "Boundary",
    "Chat",
    "DeathCount",
    "Decoding",
    "DraftProposal",
    "ExtinctError",
    "Generated",
    "GrammarError",
    "IncrementalPotential",
    "LanguageModel",
    "LocalProposal",
    "MissingExtraError",
    "ModelError",
    "Posterior",
    "Potential",
    "PotentialError",
    "PromptError",
    "RejectionProposal",
    "RemoteVLLM",
    "SMCError",
    "Settings",
    "SettingsError",
    "Status",
    "Step",
    "TableModel",
    "TextSequence",
    "TokenPotential",
    "TokenScores",
    "TokenSequencePotential",
    "TransformersModel",
    "VLLMModel",
    "Vocabulary",
    "VocabularyError",
    "WhereBoundary",
    "__version__",
    "asample",
    "check_potential",
    "embedded",
    "generate",
    "load",
    "load_reward",
    "log_prob",
    "product",
    "sample",
    "sample_batch",
    "solve",
    "with_depth",
]

__getattr__ = lazy_names(__name__, _LAZY)

warn_if_foreign("potentials")
