"""The language model protocol: a vocabulary, and rows that grow by one token.

A backend never sees a particle, a weight or the meaning of a potential; the engine never sees a
logit. Between them pass row indices, token ids, masks and uniforms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self, overload, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from smc.vocabulary import (
    FloatArray,
    IntArray,
    Vocabulary,
    mask_width,
    pack_mask,
    unpack_mask,
)

__all__ = [
    "HOLD",
    "AdjustableModel",
    "BlockDecoding",
    "Chat",
    "Decoding",
    "DrawRequest",
    "Draws",
    "FloatArray",
    "IntArray",
    "LanguageModel",
    "Prompt",
    "Tokenizes",
    "Vocabulary",
    "mask_width",
    "pack_mask",
    "unpack_mask",
]

Prompt = str | Sequence[Mapping[str, Any]] | Sequence[int]
"""Plain text, chat messages (`{"role": …, "content": …}`, see `Chat`), or token ids."""


@dataclass(frozen=True)
class Chat(Sequence[Mapping[str, Any]]):
    """Chat messages, and how the model's template writes them: a prompt wherever one is taken.

    A message's content is text, or a list of parts `{"type": "text", "text": …}`, which are put
    together as they stand. Plain lists of messages are chats with nothing else said.

    Attributes:
        messages: `{"role": …, "content": …}`, oldest first.
        continue_final_message: The last message is the assistant's and not at its end: the texts
            go on from it, in the same turn.
        template_kwargs: What the template takes besides: `{"enable_thinking": False}`.
        tools: Functions that the model may call, as OpenAI describes them, for the template.

    Example:
        >>> begun = {"role": "assistant", "content": "The answer is"}
        >>> chat = Chat([{"role": "user", "content": "1 + 1?"}, begun], continue_final_message=True)
        >>> len(chat)
        2
    """

    messages: Sequence[Mapping[str, Any]]
    continue_final_message: bool = False
    template_kwargs: Mapping[str, Any] = field(default_factory=dict)
    tools: Sequence[Mapping[str, Any]] | None = None

    @overload
    def __getitem__(self, index: int) -> Mapping[str, Any]: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Mapping[str, Any]]: ...

    def __getitem__(self, index: Any) -> Any:
        return self.messages[index]

    def __len__(self) -> int:
        return len(self.messages)


HOLD = -1
"""As a token of `Decoding.advance`: the row stays as it is (a paused particle)."""


@dataclass(frozen=True)
class DrawRequest:
    """What to draw from the rows of a batch, and how.

    Attributes:
        rows: `[M]` the row of each draw; rows may be drawn from any number of times, or never.
        uniforms: `[M]` in [0, 1): each draw is the inverse CDF of its row at its uniform.
        mask: `[R, W]` packed token masks of all rows, or None where every token is allowed.
        log_scores: `[R, V]` finite or −inf log weights of all tokens, or None.
        temperature: Of the proposal, on the model's log probabilities; 1 draws from the model.
            One for all rows, or `[R]`.
    """

    rows: IntArray
    uniforms: FloatArray
    mask: NDArray[np.uint32] | None = None
    log_scores: NDArray[np.float32] | None = None
    temperature: float | FloatArray = 1.0

    def part(self, rows: IntArray) -> tuple[IntArray, DrawRequest]:
        """Return the draws that concern some rows, and a request for them over those rows alone.

        Args:
            rows: `[B]` rows of this request, in the order of those of the new one.

        Returns:
            `[m]` indices of draws of this request, and the request for these.
        """
        place = np.full(max(int(rows.max(initial=-1)), int(self.rows.max(initial=-1))) + 1, -1)
        place[rows] = np.arange(len(rows))
        places = place[self.rows]
        which = np.flatnonzero(places >= 0)
        hot = self.temperature
        part = DrawRequest(
            rows=places[which],
            uniforms=self.uniforms[which],
            mask=None if self.mask is None else self.mask[rows],
            log_scores=None if self.log_scores is None else self.log_scores[rows],
            temperature=hot[rows] if isinstance(hot, np.ndarray) else hot,
        )
        return which, part


@dataclass(frozen=True)
class Draws:
    """What comes back from the device: nothing of the vocabulary's size.

    Attributes:
        tokens: `[M]` token ids; −1 where the row's request leaves no mass.
        log_weights: `[M]` log of p·φ/q at the token drawn, that is the incremental weight. At
            temperature 1 it is the log normaliser of the row; −inf where there is no mass.
        log_probs: `[M]` log p of the token drawn, under the model; −inf where there is no mass.
            None from a backend that cannot tell.
    """

    tokens: IntArray
    log_weights: FloatArray
    log_probs: FloatArray | None = None


class Decoding(Protocol):
    """A batch of rows (token prefixes) and their cache; the logits never leave it.

    One that has an attribute `runs_ahead`, and it is True, lets rows be dropped and moved at any
    time, also of a forward pass that nobody has drawn from: an `advance` of nothing but `HOLD`
    takes no pass. Then expensive potentials work beside a pass for rows that may turn out dead.
    """

    def advance(self, parents: IntArray, tokens: IntArray) -> None:
        """Replace the batch: new row r is old row `parents[r]` followed by `tokens[r]`.

        One call is extension, fork (a parent named twice), drop (a parent not named) and reorder.
        A token of `HOLD` keeps the row as it is. The forward pass may still run on return.

        Args:
            parents: `[R']` indices into the current rows.
            tokens: `[R']` token ids or `HOLD`.
        """
        ...

    def draw(self, request: DrawRequest, /) -> Draws:
        """Draw tokens from the current rows as the request says."""
        ...

    def join(self, other: Decoding) -> bool:
        """Take over the rows of another decoding, which has not advanced yet, behind its own.

        What this one's rows have computed stays. The other may be of a model with another
        temperature, top_p or top_k: each row keeps its own.

        Args:
            other: Of no use afterwards, if it was taken over.

        Returns:
            Whether it was; if not (another network, or a cache that cannot grow by rows), nothing
            has changed, and the two go on side by side.
        """
        ...

    def log_probs(self) -> FloatArray:
        """`[R, V]` log p(next token | row): for tests and callers who want the whole row."""
        ...


@runtime_checkable
class BlockDecoding(Decoding, Protocol):
    """A decoding that can take several tokens a row at once, and say what they weigh."""

    def extend(self, parents: IntArray, tokens: IntArray) -> FloatArray:
        """Replace the batch: new row r is old row `parents[r]` followed by its tokens.

        As `advance`, with a block of tokens in the place of one: where the network allows it, in
        one forward pass.

        Args:
            parents: `[R']` indices into the current rows.
            tokens: `[R', k]` token ids; `HOLD`s, which are skipped, come first in a row.

        Returns:
            `[R', k]` log p of each token given all that is before it; 0 for a `HOLD`.
        """
        ...


class LanguageModel(Protocol):
    """p(x | prompt), one token after another."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The token ids and their bytes."""
        ...

    def start(self, prompts: Sequence[Prompt], vocabulary: Vocabulary, max_tokens: int) -> Decoding:
        """Prefill the prompts; row r of the decoding is `prompts[r]`.

        Args:
            prompts: One per row; equal prompts are prefilled once.
            vocabulary: The model's own, or that with further EOS ids (`ending_with`).
            max_tokens: How many tokens may follow, to check against the context length.

        Raises:
            PromptError: A prompt is empty or does not fit the context with `max_tokens`.
        """
        ...


@runtime_checkable
class AdjustableModel(LanguageModel, Protocol):
    """A language model that can be had at another temperature, with other tokens cut off."""

    def with_sampling(
        self,
        temperature: float | None = None,
        top_p: float | None = None,
        top_k: int | None = None,
    ) -> Self:
        """Return the same network as another distribution; weights and caches are shared.

        What is drawn from, and what texts weigh, is p after its logits were divided by the
        temperature, then cut to the top_k most probable tokens, then to the smallest set with
        mass top_p, each normalised again, token by token. It is part of the target: no weight
        takes it back.

        Args:
            temperature: > 0; None: as it is.
            top_p: In (0, 1]; 1 keeps all tokens; None: as it is.
            top_k: 0 keeps all tokens; None: as it is.

        Raises:
            SettingsError: A value is out of its range.
        """
        ...


@runtime_checkable
class Tokenizes(Protocol):
    """A language model that can say how its tokenizer writes a text."""

    def tokenize(self, text: str) -> tuple[int, ...]:
        """Return the ids of a text that goes on from a prompt, without an end.

        Raises:
            PromptError: They would not spell the text.
        """
        ...
