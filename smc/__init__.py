"""Constrained generation by sequential Monte Carlo.

>>> import smc
>>> model = smc.load("path/or/name")                              # doctest: +SKIP
>>> posterior = smc.sample(model, "Once upon", [MyPotential()])   # doctest: +SKIP
>>> posterior.best                                                # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from smc.errors import (
    GrammarError,
    ModelError,
    PotentialError,
    PromptError,
    SettingsError,
    SMCError,
    VocabularyError,
)
from smc.lazy import lazy_names
from smc.model import Decoding, LanguageModel, Vocabulary
from smc.posterior import Posterior, Status, Step, TextSequence
from smc.potential import (
    Boundary,
    IncrementalPotential,
    Potential,
    TokenPotential,
    TokenScores,
    WhereBoundary,
    product,
)
from smc.proposals import DraftProposal, LocalProposal, RejectionProposal
from smc.sampling import sample, sample_batch
from smc.settings import METHODS, Settings

if TYPE_CHECKING:
    import torch

    from smc.backends.table import TableModel as TableModel
    from smc.backends.transformers import TransformersModel as TransformersModel
    from smc.backends.vllm import VLLMModel as VLLMModel
    from smc.backends.vllm_remote import RemoteVLLM as RemoteVLLM
    from smc.checking import check_potential as check_potential

_LAZY = {
    "TableModel": "smc.backends.table",
    "RemoteVLLM": "smc.backends.vllm_remote",
    "TransformersModel": "smc.backends.transformers",
    "VLLMModel": "smc.backends.vllm",
    "check_potential": "smc.checking",
}

__all__ = [
    "METHODS",
    "Boundary",
    "Decoding",
    "DraftProposal",
    "GrammarError",
    "IncrementalPotential",
    "LanguageModel",
    "LocalProposal",
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
    "TransformersModel",
    "VLLMModel",
    "Vocabulary",
    "VocabularyError",
    "WhereBoundary",
    "check_potential",
    "load",
    "product",
    "sample",
    "sample_batch",
]


def load(
    name: str,
    *,
    device: str | None = None,
    dtype: str | torch.dtype = "auto",
    temperature: float = 1.0,
    top_p: float = 1.0,
    top_k: int = 0,
    eos_ids: Sequence[int] | None = None,
    trust_remote_code: bool = False,
    revision: str | None = None,
) -> TransformersModel:
    """Load a Hugging Face causal language model by name or folder: `TransformersModel.load`."""
    from smc.backends.transformers import TransformersModel

    return TransformersModel.load(
        name,
        device=device,
        dtype=dtype,
        temperature=temperature,
        top_p=top_p,
        top_k=top_k,
        eos_ids=eos_ids,
        trust_remote_code=trust_remote_code,
        revision=revision,
    )


__getattr__ = lazy_names(__name__, _LAZY)
