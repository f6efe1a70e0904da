"""A Llama model with a prefix cache: nothing of a prompt is computed twice.

Many strategies search the same tree of tokens, with many budgets and judges. Keys, values and
logits of every prefix are kept until the next prompt, so that a prefix is put through the network
once, whoever comes by. What is drawn is what the model itself draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from transformers import DynamicCache

from smc.backends.draws import draw_rows
from smc.backends.transformers import TransformersModel
from smc.errors import ModelError
from smc.model import HOLD, Decoding, DrawRequest, Draws, FloatArray, IntArray, Prompt, Vocabulary

Ids = tuple[int, ...]


class _Tree:
    """Logits, keys and values of the prefixes of one prompt; a node is one token."""

    def __init__(self, network: Any, prompt: Sequence[int], suppressed: IntArray) -> None:
        self._network = network
        self._suppressed = torch.from_numpy(suppressed)
        self._children: dict[tuple[int, int], int] = {}
        self._paths: list[IntArray] = []
        self._pool: torch.Tensor | None = None
        self._logits: torch.Tensor | None = None
        self._size = 0
        self._first(prompt)

    def child(self, node: int, token: int) -> int | None:
        """The node of a token behind another node; None if it has not been computed."""
        return self._children.get((node, token))

    def logits(self, nodes: Sequence[int]) -> torch.Tensor:
        """`[R, V]` float32."""
        assert self._logits is not None
        return self._logits[list(nodes)]

    def compute(self, wanted: Sequence[tuple[int, int]]) -> None:
        """Run tokens behind nodes: as one sequence, in which each sees what it comes from alone.

        So what they have in common is read once, and nothing is copied for each of them.
        """
        assert self._pool is not None
        paths = [self._paths[node] for node, _ in wanted]
        past, columns = np.unique(np.concatenate(paths), return_inverse=True)
        sees = np.zeros((len(paths), len(past) + len(paths)), dtype=bool)
        sees[np.repeat(np.arange(len(paths)), list(map(len, paths))), columns] = True
        sees[np.arange(len(paths)), len(past) + np.arange(len(paths))] = True
        kept = self._pool[torch.from_numpy(past)].permute(1, 2, 3, 0, 4)[:, :, None]
        cache = DynamicCache()
        for layer, (keys, values) in enumerate(kept):
            cache.update(keys, values, layer)
        out = self._network(
            input_ids=torch.tensor([[token for _, token in wanted]]),
            past_key_values=cache,
            attention_mask=torch.from_numpy(sees)[None, None],
            position_ids=torch.tensor([[len(p) for p in paths]]),
            use_cache=True,
        )
        for place, (node, token) in enumerate(wanted):
            self._children[node, token] = self._size + place
            self._paths.append(np.append(paths[place], self._size + place))
        self._append(_stacked(cache, len(past)), out.logits[0].float())

    def _first(self, prompt: Sequence[int]) -> None:
        """Run the prompt; its last token is the root, and its tokens are nodes."""
        cache = DynamicCache()
        ids = torch.tensor([list(prompt)])
        out = self._network(input_ids=ids, past_key_values=cache, use_cache=True)
        self._paths = [np.arange(k + 1) for k in range(len(prompt))]
        self._append(_stacked(cache, 0), out.logits[0].float())
        self.root = len(prompt) - 1

    def _append(self, pool: torch.Tensor, logits: torch.Tensor) -> None:
        logits[:, self._suppressed] = -torch.inf
        end = self._size + len(pool)
        if self._pool is None or self._logits is None or end > len(self._pool):
            room = max(2 * end, 1024)
            old = self._pool, self._logits
            self._pool = pool.new_empty((room, *pool.shape[1:]))
            self._logits = logits.new_empty((room, logits.shape[1]))
            if old[0] is not None and old[1] is not None:
                self._pool[: self._size], self._logits[: self._size] = (
                    t[: self._size] for t in old
                )
        self._pool[self._size : end], self._logits[self._size : end] = pool, logits
        self._size = end


def _stacked(cache: DynamicCache, start: int) -> torch.Tensor:
    """`[L, layers, 2, heads, width]` keys and values from a position on."""
    layers = [
        torch.stack([own.keys[0, :, start:], own.values[0, :, start:]]) for own in cache.layers
    ]  # type: ignore[union-attr]
    return torch.stack(layers).permute(3, 0, 1, 2, 4)


class RememberedModel:
    """A `TransformersModel` without warping, of which the last prompt's tree is kept.

    Args:
        model: Of plain full attention.
        network: Its Hugging Face model.
        encode: From a prompt to token ids.
    """

    def __init__(self, model: TransformersModel, network: Any, encode: Any) -> None:
        self._model = model
        self._network = network
        self._encode = encode
        self._tree: tuple[Ids, _Tree] | None = None

    @classmethod
    def load(cls, path: str) -> RememberedModel:
        """Load a model from a folder, in float32.

        Raises:
            ModelError: There is none, or it reads a tree of texts otherwise than one text.
        """
        model = TransformersModel.load(path, device="cpu", dtype=torch.float32)
        network = model.model.eval()
        remembered = cls(model, network, model.tokenizer)
        remembered._check(path)
        return remembered

    @property
    def vocabulary(self) -> Vocabulary:
        """The token ids and their bytes."""
        return self._model.vocabulary

    def start(self, prompts: Sequence[Prompt], vocabulary: Vocabulary, max_tokens: int) -> _Rows:
        """Begin with rows of one prompt; see `LanguageModel.start`."""
        from smc.backends.hf.prompts import encode

        encoded = {encode(self._encode, p, len(vocabulary)) for p in prompts}
        assert len(encoded) == 1, "one prompt at a time"
        (ids,) = encoded
        if self._tree is None or self._tree[0] != ids:
            with torch.inference_mode():
                self._tree = ids, _Tree(self._network, ids, vocabulary.suppressed)
        return _Rows(self._tree[1], len(prompts))

    def _check(self, path: str) -> None:
        """Compare two texts, read as a tree, with what the network gives for one of them."""
        ids = [i for i, raw in enumerate(self.vocabulary.tokens) if raw][:4]
        try:
            with torch.inference_mode():
                tree = _Tree(self._network, ids[:2], self.vocabulary.suppressed)
                tree.compute([(tree.root, i) for i in ids])
                node = tree.child(tree.root, ids[-1])
                got = tree.logits([node or 0])[0].log_softmax(-1)
                whole = self._network(input_ids=torch.tensor([[*ids[:2], ids[-1]]])).logits[0, -1]
            whole = whole.float().clone()
            whole[torch.from_numpy(self.vocabulary.suppressed)] = -torch.inf
            same = torch.allclose(got.exp(), whole.softmax(-1), atol=1e-3)
            said = "its probabilities differ"
        except Exception as error:  # whatever a network raises that has no such cache or mask
            same, said = False, f"{type(error).__name__}: {error}"
        if not same:
            raise ModelError(
                f"--model: {path} cannot read a tree of texts at once ({said}); expected a model "
                "of plain full attention, such as Llama."
            )


class _Rows:
    """Rows of a tree: a node each."""

    def __init__(self, tree: _Tree, count: int) -> None:
        self._tree = tree
        self._nodes = [tree.root] * count

    def advance(self, parents: IntArray, tokens: IntArray) -> None:
        """See `Decoding.advance`."""
        moves = [
            (self._nodes[p], t) for p, t in zip(parents.tolist(), tokens.tolist(), strict=True)
        ]
        known = {m: self._tree.child(*m) for m in moves if m[1] != HOLD}
        missing = [m for m, node in known.items() if node is None]
        if missing:
            with torch.inference_mode():
                self._tree.compute(missing)
        nodes = [node if t == HOLD else self._tree.child(node, t) for node, t in moves]
        self._nodes = [n for n in nodes if n is not None]

    def draw(self, plan: DrawRequest) -> Draws:
        """See `Decoding.draw`."""
        with torch.inference_mode():
            return draw_rows(self._tree.logits(self._nodes), plan)

    def join(self, other: Decoding) -> bool:
        """See `Decoding.join`: a tree is of one prompt."""
        return False

    def log_probs(self) -> FloatArray:
        """See `Decoding.log_probs`."""
        return self._tree.logits(self._nodes).double().log_softmax(-1).numpy().astype(np.float64)
