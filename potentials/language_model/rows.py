"""Rows of a language model that follow token paths, all of a step in one batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from smc.model import HOLD, BlockDecoding, Decoding, FloatArray, LanguageModel, Prompt, Vocabulary

Path = tuple[int, ...]
"""Token ids behind a prompt."""


class PathRows:
    """A model's rows behind each of K prompts and each of some token paths.

    A path's rows grow from those of the last call that it continues, as an engine's do: by a token,
    a fork, or not at all. Where there are none, a path is read behind its prompt, which the backend
    has kept.

    Args:
        model: Any language model.
        prompts: `[K]`.
        vocabulary: With the ids that end a text.
        max_tokens: How many tokens may follow a prompt.
    """

    def __init__(
        self,
        model: LanguageModel,
        prompts: Sequence[Prompt],
        vocabulary: Vocabulary,
        max_tokens: int,
    ) -> None:
        self._model = model
        self._prompts = tuple(prompts)
        self._vocabulary = vocabulary
        self._max_tokens = max_tokens
        self._decoding: Decoding | None = None
        self._place: dict[tuple[int, Path], int] = {}

    def log_probs(self, paths: Sequence[Path]) -> FloatArray:
        """`[R, K, V]` log p(next token | prompt k, path r).

        Args:
            paths: `[R]` distinct ones.
        """
        count = len(self._prompts)
        wanted = [(k, path) for path in paths for k in range(count)]
        known = [self._known(k, path) for k, path in wanted]
        if None in known:
            self._start([k for (k, _), size in zip(wanted, known, strict=True) if size is None])
            known = [self._known(k, path) for k, path in wanted]
        sizes = [size or 0 for size in known]
        self._grow(wanted, sizes)
        assert self._decoding is not None
        return self._decoding.log_probs().reshape(len(paths), count, -1)

    def _known(self, k: int, path: Path) -> int | None:
        """How many tokens the longest beginning of a path has that there is a row for."""
        sizes = range(len(path), -1, -1)
        return next((size for size in sizes if (k, path[:size]) in self._place), None)

    def _start(self, missing: Sequence[int]) -> None:
        """Put rows of prompts behind the others; where they cannot join, all begin anew."""
        prompts = list(dict.fromkeys(missing))
        fresh = self._read(prompts)
        if self._decoding is not None and self._decoding.join(fresh):
            first = max(self._place.values()) + 1
        else:
            if self._decoding is not None:
                prompts = list(range(len(self._prompts)))
                fresh = self._read(prompts)
            self._decoding, self._place, first = fresh, {}, 0
        self._place.update({(k, ()): first + i for i, k in enumerate(prompts)})

    def _read(self, prompts: Sequence[int]) -> Decoding:
        texts = [self._prompts[k] for k in prompts]
        return self._model.start(texts, self._vocabulary, self._max_tokens)

    def _grow(self, wanted: Sequence[tuple[int, Path]], sizes: Sequence[int]) -> None:
        """Make the rows those of the wanted paths, of which so many tokens are known."""
        decoding = self._decoding
        assert decoding is not None
        sized = [(k, path, size) for (k, path), size in zip(wanted, sizes, strict=True)]
        parents = np.asarray([self._place[k, p[:n]] for k, p, n in sized], dtype=np.int64)
        width = max(1, *(len(path) - size for _, path, size in sized))
        tokens = np.full((len(wanted), width), HOLD, dtype=np.int64)
        for row, (_, path, size) in zip(tokens, sized, strict=True):
            row[width - len(path) + size :] = path[size:]
        if width > 1 and isinstance(decoding, BlockDecoding):
            decoding.extend(parents, tokens)
        else:
            for column in tokens.T:
                decoding.advance(parents, column)
                parents = np.arange(len(wanted))
        self._place = {key: row for row, key in enumerate(wanted)}
