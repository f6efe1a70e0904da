"""Blocks of tokens that a small model drafts and the large one weighs in one pass.

Within a block the engine runs on the draft's rows as it would on a model's: masks enter the draws,
checks kill, texts end. What is missing is the large model's word. For a particle whose tokens since
the last block are x₁..ⱼ (j < k where its text has ended), drawn under q with the draft's p′:

    w = ∏ᵢ p(xᵢ) φ(xᵢ) / q(xᵢ)  =  ∏ᵢ [p′(xᵢ) φ(xᵢ) / q(xᵢ)]  ·  ∏ᵢ p(xᵢ) / p′(xᵢ)

The first product is the weight that the draws gave as they were made; the second is multiplied in
here, when a population's block is full or none of its particles goes on. Only then may it be
resampled: until then its particles keep their numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smc.engine.candidates import Child
from smc.engine.population import Population
from smc.engine.prefix import Prefix
from smc.errors import SettingsError, VocabularyError
from smc.model import (
    HOLD,
    BlockDecoding,
    Decoding,
    DrawRequest,
    Draws,
    FloatArray,
    IntArray,
    LanguageModel,
    Prompt,
    Vocabulary,
    mask_width,
)
from smc.proposals import DraftProposal


@dataclass(frozen=True)
class _Path:
    """What particles have drawn since a prefix that the large model has a row for."""

    anchor: Prefix
    tokens: tuple[int, ...] = ()
    log_draft: float = 0.0

    def then(self, token: int, log_prob: float) -> _Path:
        return _Path(self.anchor, (*self.tokens, token), self.log_draft + log_prob)


class Drafted:
    """A decoding of the draft, and one of the large model that follows a block behind.

    To the engine it is the draft's (`smc.model.Decoding`).

    Args:
        draft: Row r continues `roots[r]`.
        large: So does its row r.
        roots: The populations' empty texts.
        proposal: How long a block is.
        size: Of the draft's vocabulary.
    """

    def __init__(
        self,
        draft: Decoding,
        large: BlockDecoding,
        roots: Sequence[Prefix],
        proposal: DraftProposal,
        size: int,
    ) -> None:
        self._draft = draft
        self._large = large
        self._block = proposal.block
        self._size = size
        self._paths: dict[int, dict[int, _Path]] = {}
        self._rows: dict[Prefix, int] = {root: r for r, root in enumerate(roots)}
        self._roots = frozenset(roots)

    def join(self, other: Decoding) -> bool:
        """See `Decoding.join`: no, since two decodings would have to take the rows."""
        return False

    def advance(self, parents: IntArray, tokens: IntArray) -> None:
        """See `Decoding.advance`."""
        self._draft.advance(parents, tokens)

    def draw(self, plan: DrawRequest) -> Draws:
        """See `Decoding.draw`."""
        draws = self._draft.draw(_fitted(plan, self._size))
        if draws.log_probs is None:
            raise SettingsError(
                "proposal: a DraftProposal asks how probable each token is, which the draft's "
                f"{type(self._draft).__name__} does not tell; expected a model in this process."
            )
        return draws

    def log_probs(self) -> FloatArray:
        """See `Decoding.log_probs`; the draft's."""
        return self._draft.log_probs()

    def has(self, population: Population) -> bool:
        """Whether a population's rows are here."""
        return population.root in self._roots

    def weigh(
        self, children: Sequence[Child], populations: Mapping[int, Population]
    ) -> Mapping[int, Population]:
        """Take a step's children, and weigh the populations whose block ends with it.

        Args:
            children: What was drawn.
            populations: Of this step, by identity.

        Returns:
            Those that are weighed by the large model up to now, and may be resampled.
        """
        for child in children:
            paths = self._paths.setdefault(id(child.population), {})
            before = paths.get(child.particles[0]) or _Path(child.parent)
            assert child.log_prob is not None
            path = before.then(child.token, child.log_prob)
            paths.update(dict.fromkeys(child.particles, path))
        ready = {key: p for key, p in populations.items() if self._is_over(key, p)}
        if ready:
            self._follow(ready, populations)
        return ready

    def _is_over(self, key: int, population: Population) -> bool:
        """Whether a population's block is full, or nobody would go on with it."""
        moving = any(not population.prefixes[i].waits for i in population.live())
        paths = self._paths.get(key, {}).values()
        return not moving or max((len(p.tokens) for p in paths), default=0) >= self._block

    def _follow(
        self, ready: Mapping[int, Population], populations: Mapping[int, Population]
    ) -> None:
        """Put what the ready ones have drawn through the large model; the others' rows stay."""
        wanted: dict[_Path, int] = {}
        weighed: list[tuple[Population, int, _Path]] = []
        for key, population in populations.items():
            paths = self._paths.get(key, {})
            for i in np.flatnonzero(population.log_weights > -np.inf).tolist():
                path = paths.get(i)
                if path is not None and key in ready:
                    weighed.append((population, i, path))
                elif path is not None:
                    path = _Path(path.anchor)
                elif population.endings[i] is None:
                    path = _Path(population.prefixes[i])
                else:
                    continue
                wanted.setdefault(path, len(wanted))
        log_large = self._extend(list(wanted))
        for population, i, path in weighed:
            log_ratio = log_large[wanted[path]] - path.log_draft
            if log_ratio == -np.inf:
                text = population.prefixes[i].text
                population.kill([i], f"the model gave probability zero to {text!r}")
            else:
                population.log_weights[i] += log_ratio
        self._rows = {path.anchor: row for path, row in wanted.items() if not path.tokens}
        for population, i, path in weighed:
            if population.endings[i] is None:
                self._rows[population.prefixes[i]] = wanted[path]
        for key in ready:
            self._paths.pop(key, None)

    def _extend(self, paths: Sequence[_Path]) -> FloatArray:
        """`[R]` log p of each path's tokens; the large model's rows become those at its ends."""
        width = max((len(path.tokens) for path in paths), default=0)
        tokens = np.full((len(paths), width), HOLD, dtype=np.int64)
        for row, path in zip(tokens, paths, strict=True):
            row[width - len(path.tokens) :] = path.tokens
        parents = np.array([self._rows[path.anchor] for path in paths], dtype=np.int64)
        return self._large.extend(parents, tokens).sum(axis=1)


def start_drafted(
    model: LanguageModel,
    prompts: Sequence[Prompt],
    vocabulary: Vocabulary,
    max_tokens: int,
    roots: Sequence[Prefix],
    proposal: DraftProposal,
) -> Drafted:
    """Start both models on the same prompts.

    Args:
        model: The large one.
        prompts: One a row.
        vocabulary: The large model's, with the run's EOS ids.
        max_tokens: How many tokens may follow.
        roots: The empty text behind each prompt.
        proposal: Has the draft.

    Raises:
        VocabularyError: The two have different vocabularies.
        SettingsError: The large model's backend takes one token at a time.
    """
    own = _fitted_vocabulary(vocabulary, proposal.draft.vocabulary)
    large = model.start(prompts, vocabulary, max_tokens)
    if not isinstance(large, BlockDecoding):
        raise SettingsError(
            "proposal: a DraftProposal has the model weigh several tokens in one pass, which "
            f"{type(large).__name__} cannot; expected a backend with `extend`: the one over "
            "transformers (smc.load), or the table. The draft may be on any backend."
        )
    draft = proposal.draft.start(prompts, own, max_tokens)
    return Drafted(draft, large, roots, proposal, len(own))


def _fitted_vocabulary(large: Vocabulary, draft: Vocabulary) -> Vocabulary:
    """The large model's vocabulary, as wide as the draft's: trailing ids may be padding."""
    ends = {*large.eos_ids, *draft.eos_ids}
    padded = [
        v.tokens + (None,) * (max(len(large), len(draft)) - len(v.tokens)) for v in (large, draft)
    ]
    for i, (one, other) in enumerate(zip(*padded, strict=True)):
        if i not in ends and one != other:
            raise VocabularyError(
                f"DraftProposal: token {i} is {one!r} to the model and {other!r} to the draft; "
                "expected one vocabulary. Take a draft of the same family, with the same tokenizer."
            )
    beyond = [i for i in large.eos_ids if i >= len(draft)]
    if beyond:
        raise VocabularyError(
            f"DraftProposal: the model's EOS ids {beyond} are outside the draft's "
            f"{len(draft)} ids; expected ids that both have."
        )
    return Vocabulary(padded[0][: len(draft)], large.eos_ids)


def _fitted(plan: DrawRequest, size: int) -> DrawRequest:
    """A plan for a vocabulary of another width: what is beyond either is no text."""
    mask, scores = plan.mask, plan.log_scores
    return replace(
        plan,
        mask=None if mask is None else _resized(mask, mask_width(size)),
        log_scores=None if scores is None else _resized(scores, size),
    )


def _resized(values: NDArray[Any], width: int) -> NDArray[Any]:
    """`[R, width]`: cut, or padded with zeros."""
    missing = max(0, width - values.shape[1])
    return np.pad(values[:, :width], ((0, 0), (0, missing)))
