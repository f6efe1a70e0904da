"""Feedback at test time (FTTT): an adapter that learns from the tokens of the feedback alone."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn import functional

from smc.backends.adapting.lora import LowRankAdapter
from smc.backends.adapting.projections import QUERY_AND_VALUE, projections
from smc.backends.adapting.turns import BEHIND_TEXT, turn_ids
from smc.model import Prompt


class FeedbackTuning:
    """Learns by gradient steps on feedback; a `Learner` of `smc.strategies.adaptable`.

    A step minimises the cross-entropy of the feedback, given question and answer. Their keys and
    values are computed beforehand and without gradient, so the gradient runs through the tokens of
    the feedback only. Each problem has a fresh low-rank adapter and a fresh AdamW without decay.

    Args:
        model: A `smc.TransformersModel` (or what has its network, `encode`, `tokenize`, `context`
            and `prefixes`).
        rate: Of AdamW, constant; 1e-5 in the paper, for models of some billion parameters.
        rank: Of the adapter.
        alpha: Its scale is alpha / rank.
        dropout: Of the adapter, in steps of learning; not in attempts (the authors' code leaves it
            on there).
        names: Layers that are adapted.
        behind: How the feedback follows where the prompt is no chat.
        seed: Of the adapters.

    Source: Li et al. (2025), "Learning to reason from feedback at test-time", arXiv:2502.15771.
    """

    def __init__(
        self,
        model: Any,
        *,
        rate: float = 1e-5,
        rank: int = 4,
        alpha: float = 16.0,
        dropout: float = 0.05,
        names: Sequence[str] = QUERY_AND_VALUE,
        behind: str = BEHIND_TEXT,
        seed: int = 0,
    ) -> None:
        self._model = model
        self._rate = rate
        self._behind = behind
        layers = projections(model.model, names)
        self._adapter = LowRankAdapter(layers, rank=rank, alpha=alpha, dropout=dropout, seed=seed)
        self._optimizer: torch.optim.Optimizer | None = None
        self._passes = 0

    @property
    def passes(self) -> int:
        """One for each question with its answer, and one for each feedback."""
        return self._passes

    def learn(self, prompt: Prompt, attempt: str, feedback: Sequence[str]) -> int:
        """Take one step; return the tokens that were read."""
        if self._optimizer is None:
            self._adapter.start()
            self._optimizer = torch.optim.AdamW(
                self._adapter.parameters, lr=self._rate, weight_decay=0.0
            )
        turns = [turn_ids(self._model, prompt, attempt, text, self._behind) for text in feedback]
        loss = self.loss(turns)
        gradients = torch.autograd.grad(loss, self._adapter.parameters)
        for parameter, gradient in zip(self._adapter.parameters, gradients, strict=True):
            parameter.grad = gradient
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self._model.prefixes.clear()
        self._passes += 1 + len(turns)
        return len(turns[0][0]) + sum(len(after) for _, after in turns)

    def loss(self, turns: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]) -> torch.Tensor:
        """Return the sum of the mean losses of each feedback, in nats per token.

        Args:
            turns: Ids of question and answer, the same for all, and ids of the feedback. Its first
                token is foretold by the answer's last, and so does not count.
        """
        network = self._model.model
        device = network.device
        with torch.no_grad():
            before = torch.tensor([turns[0][0]], device=device)
            cache = network(input_ids=before, use_cache=True).past_key_values
        losses = []
        self._adapter.training = True
        try:
            for _, after in turns:
                ids = torch.tensor([after], device=device)
                read = network(input_ids=ids, past_key_values=copy.deepcopy(cache), use_cache=True)
                losses.append(functional.cross_entropy(read.logits[0, :-1].float(), ids[0, 1:]))
        finally:
            self._adapter.training = False
        return torch.stack(losses).sum()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Have the network as it was, for the time of a block."""
        self._model.prefixes.clear()
        try:
            with self._adapter.paused():
                yield
        finally:
            self._model.prefixes.clear()

    def reset(self) -> None:
        """Forget everything."""
        self._adapter.remove()
        self._optimizer = None
        self._model.prefixes.clear()
