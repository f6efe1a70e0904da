"""The weights that a run begins with: those of a model that knows how to look up and to compare.

The judge of `domains.arithmetic` foretells every line of a chain of assignments and holds it
against what is written, which takes most of a training to learn; its numbers come along.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from domains.arithmetic.training.measure import load_policy
from smc.backends.embedded import place_of

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

_OWN = 0.7
"""Share of chance in the vector of a word that the other model writes in several tokens."""


def inherit(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, name: str, seed: int
) -> None:
    """Take over the weights of another model of the same sizes.

    Its tokens keep their vectors; a word that it has not begins as the mean of its characters, and
    chance beside it, so that words of like letters differ.

    Args:
        model: That begins.
        tokenizer: Its tokenizer.
        name: Of the other model.
        seed: Of the chance.
    """
    other, others = load_policy(Path(place_of(name)))
    state = {k: w.float() for k, w in other.state_dict().items()}
    vectors, known = state.pop("model.embed_tokens.weight"), others.get_vocab()
    state.pop("lm_head.weight", None)  # the same, tied
    missing, unexpected = model.load_state_dict(state, strict=False)
    if unexpected or {*missing} - {"model.embed_tokens.weight", "lm_head.weight"}:
        raise ValueError(f"{name} has other layers: {[*missing, *unexpected][:4]}.")
    draws = torch.Generator().manual_seed(seed)
    scale = _OWN * vectors.std()
    with torch.no_grad():
        for token, at in sorted(tokenizer.get_vocab().items(), key=lambda pair: pair[1]):
            own = torch.randn(vectors.shape[1], generator=draws) * scale
            pieces = [token] if token in known else [c for c in token if c in known]
            mean = vectors[[known[p] for p in pieces]].mean(0) if pieces else torch.zeros_like(own)
            model.get_input_embeddings().weight[at] = mean if token in known else mean + own
