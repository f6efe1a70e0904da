"""Batched forward pass over texts of which the beginnings are known."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from smc.errors import ModelError

if TYPE_CHECKING:
    from potentials.reward_model.prefixes import Layers

Head = Callable[[torch.Tensor], torch.Tensor]
"""From `[M, H]` hidden states to `[M]` scores in [0, 1]."""


@dataclass(frozen=True)
class TextRow:
    """A text to read.

    Attributes:
        pieces: Keys and values of its beginning (see `Node.pieces`).
        known: How many tokens those are.
        new: The token ids after them, at least one.
        marks: Positions in `new` where the scores of steps stand.
        first: The first position in `new` at which the model's output is wanted.
    """

    pieces: list[tuple[Layers, int]]
    known: int
    new: tuple[int, ...]
    marks: tuple[int, ...]
    first: int


@dataclass(frozen=True)
class Output:
    """What came of a batch.

    Attributes:
        scores: For each row, those at its marks.
        layers: For each row, keys and values of its new tokens; None where nothing can be reused.
    """

    scores: list[tuple[float, ...]]
    layers: list[Layers] | None


class Reader(ABC):
    """A `transformers` decoder that reads texts, and what makes scores of its output.

    Args:
        decoder: In evaluation mode.

    Attributes:
        context: The most tokens of a text; None: not known.
        reuses: Whether keys and values of a text can be used again for what follows it.
    """

    def __init__(self, decoder: Any) -> None:
        config = decoder.config.get_text_config(decoder=True)
        self._decoder = decoder
        self._window = getattr(config, "sliding_window", None) or None
        if getattr(config, "use_sliding_window", True) is False:
            self._window = None
        kinds = set(getattr(config, "layer_types", None) or {"full_attention"})
        self.reuses = kinds <= {"full_attention", "sliding_attention"} and not getattr(
            config, "is_encoder_decoder", False
        )
        self.context: int | None = getattr(config, "max_position_embeddings", None)

    def fits(self, known: int, new: int) -> bool:
        """Whether a batch of so many columns can build on known ones.

        A sliding window counts columns, those that a row does not have included, so a batch that
        is wider than the window must be read from the beginning.
        """
        return self.reuses and (self._window is None or known + new <= self._window)

    def read(self, rows: Sequence[TextRow]) -> Output:
        """Read a batch of rows; either all or none of them may have known beginnings.

        Raises:
            ModelError: The model returned something else than a number.
        """
        known, width = max(r.known for r in rows), max(len(r.new) for r in rows)
        device = self._decoder.device
        ids = torch.zeros(len(rows), width, dtype=torch.long)
        mask = torch.zeros(len(rows), known + width, dtype=torch.long)
        for r, row in enumerate(rows):
            ids[r, : len(row.new)] = torch.tensor(row.new)
            mask[r, known - row.known : known + len(row.new)] = 1
        first = torch.tensor([r.known for r in rows])[:, None]
        cache = self._cache(rows, known) if self.fits(known, width) else None
        with torch.inference_mode():
            out = self._decoder(
                input_ids=ids.to(device),
                attention_mask=mask.to(device),
                position_ids=(first + torch.arange(width)).to(device),
                past_key_values=cache,
                use_cache=cache is not None,
            )
            scores = self._scores(out, rows)
        return Output(scores, None if cache is None else _taken_apart(cache, rows, known))

    @abstractmethod
    def _scores(self, out: Any, rows: Sequence[TextRow]) -> list[tuple[float, ...]]:
        """For each row, the scores at its marks."""

    def _cache(self, rows: Sequence[TextRow], known: int) -> Any:
        """Known keys and values side by side, each row's at the right edge."""
        from transformers import DynamicCache

        cache = DynamicCache()
        if not known:
            return cache
        like = next(r for r in rows if r.known).pieces[0][0]
        for layer, pair in enumerate(like):
            both = []
            for part, example in enumerate(pair):
                heads, _, size = example.shape
                whole = example.new_zeros(len(rows), heads, known, size)
                for r, row in enumerate(rows):
                    at = known - row.known
                    for layers, count in row.pieces:
                        whole[r, :, at : at + count] = layers[layer][part][:, :count]
                        at += count
                both.append(whole)
            cache.update(both[0], both[1], layer)
        return cache


class Network(Reader):
    """A decoder and the head that judges its hidden states.

    Args:
        decoder: A `transformers` decoder without a head, in evaluation mode.
        head: See `Head`.
    """

    def __init__(self, decoder: Any, head: Head) -> None:
        super().__init__(decoder)
        self._head = head

    def _scores(self, out: Any, rows: Sequence[TextRow]) -> list[tuple[float, ...]]:
        at = [(r, m) for r, row in enumerate(rows) for m in row.marks]
        hidden = out.last_hidden_state[[r for r, _ in at], [m for _, m in at]]
        values = iter(numbers(self._head(hidden)))
        return [tuple(next(values) for _ in row.marks) for row in rows]


def numbers(tensor: torch.Tensor) -> list[float]:
    """Return `[M]` values as numbers.

    Raises:
        ModelError: One is NaN or infinite.
    """
    tensor = tensor.float().cpu()
    if not torch.isfinite(tensor).all():
        raise ModelError(
            "reward model: a score is not a number; expected scores in [0, 1]. Load the model "
            "in another dtype (bfloat16 or float32 instead of float16)."
        )
    return tensor.tolist()


def _taken_apart(cache: Any, rows: Sequence[TextRow], known: int) -> list[Layers]:
    return [
        [
            (
                layer.keys[r, :, known : known + len(row.new)].clone(),
                layer.values[r, :, known : known + len(row.new)].clone(),
            )
            for layer in cache.layers
        ]
        for r, row in enumerate(rows)
    ]
