"""Chunked prefill: a prompt read some tokens at a time, before rows are started with it.

What is read goes into the network's prefix tree, where `prefill` finds it. So whoever serves many
prompts can read a long one between the steps of those that run. Known from serving engines:
Agrawal et al. (2023), "SARATHI: efficient LLM inference by piggybacking decodes with chunked
prefills".
"""

from __future__ import annotations

import torch

from smc.backends.hf import prefill
from smc.backends.hf.forward import Forward
from smc.backends.hf.prefix_tree import Path, tree_of


class ReadAhead:
    """A prompt on its way into the prefix tree.

    Args:
        forward: Of the network.
        prompt: Token ids; the last is left to the rows.

    Attributes:
        left: Tokens that are still to be read; 0 as well where the network's rows cannot share
            prefixes, or the tree cannot hold so many.
    """

    @torch.inference_mode()
    def __init__(self, forward: Forward, prompt: prefill.Tokens) -> None:
        self._forward = forward
        self._tree = tree_of(forward.network, prefill.LEAST_SHARED)
        self._tokens = prompt[:-1]
        self._path: Path = ()
        self._has_read = False
        self.left = 0
        if len(prompt) > self._tree.least_tokens and forward.can_pad and forward.can_fork:
            with self._tree.lock:
                if prefill.can_share(forward, self._tree):
                    self._path = prefill.known_path(forward, self._tree, self._tokens)
                    self._count()

    @torch.inference_mode()
    def read(self, most: int) -> None:
        """Read on.

        Args:
            most: Tokens, or as many as are worth sharing where these are more.
        """
        if not self.left:
            return
        with self._tree.lock:
            self._look_again()
            begun = len(self._tokens) - self.left
            if not self.left:
                return
            tokens = self._tokens[begun : begun + max(most, self._tree.least_tokens)]
            (node,) = prefill.read_nodes(self._forward, [(self._path, tokens)])
            if (
                self._has_read and self._path
            ):  # one node for all of it: each costs a product in every step
                self._path = self._tree.lengthen(self._path, node)
            else:
                self._tree.add(self._path, node)
                self._path = (*self._path, node)
            self._has_read = True
            self._count()
            if node.num_bytes / len(tokens) * len(self._tokens) > self._tree.most_bytes:
                self.left = 0

    def _look_again(self) -> None:
        """Take over what was read meanwhile for prompts that begin alike."""
        path = self._tree.match(self._tokens)
        if _length(path) >= _length(self._path):
            self._path = path
            self._count()

    def _count(self) -> None:
        left = len(self._tokens) - _length(self._path)
        self.left = left if left >= self._tree.least_tokens else 0


def _length(path: Path) -> int:
    return sum(len(node.tokens) for node in path)
