"""Small worlds for token masks: vocabularies, and an oracle that knows every sentence."""

from collections.abc import Callable, Iterable, Sequence
from itertools import product

import numpy as np

from potentials.grammar.mask_potential import MaskPotential
from smc.model import Vocabulary, unpack_mask


def vocabulary_of(tokens: Iterable[bytes | None], *, ends: int = 1) -> Vocabulary:
    """The tokens, then `ends` EOS ids that are not text."""
    known = tuple(tokens)
    return Vocabulary(known + (None,) * ends, tuple(range(len(known), len(known) + ends)))


def straddling(alphabet: str, most: int) -> Vocabulary:
    """Every string over an alphabet of one to `most` characters, and every byte of them."""
    texts = ["".join(p).encode() for n in range(1, most + 1) for p in product(alphabet, repeat=n)]
    pieces = [bytes([b]) for b in sorted(set("".join(alphabet).encode()))]
    return vocabulary_of([None, b"", *dict.fromkeys(pieces + texts)])


def sentences(accepts: Callable[[str], bool], alphabet: str, longest: int) -> set[bytes]:
    """Every text over an alphabet, up to a length, that is accepted."""
    return {
        text.encode()
        for n in range(longest + 1)
        for text in map("".join, product(alphabet, repeat=n))
        if accepts(text)
    }


def mask_of(potential: MaskPotential, text: bytes, vocabulary: Vocabulary) -> np.ndarray:
    """`[V]` booleans: what may follow a text."""
    state = potential.advance(potential.start(), text)
    scores = potential.token_scores([state])
    assert scores.mask is not None
    return unpack_mask(scores.mask, len(vocabulary))[0]


def disagreements(
    potential: MaskPotential, vocabulary: Vocabulary, known: set[bytes], depth: int
) -> list[tuple[bytes, object, bool]]:
    """Walk all texts of at most `depth` bytes; compare every bit of every mask with the oracle.

    `known` must hold, for every text of up to `depth` bytes plus the longest token that begins a
    sentence, a sentence that it begins.
    """
    begins = {s[:i] for s in known for i in range(len(s) + 1)}
    bound = potential.bind(vocabulary)
    eos = set(vocabulary.eos_ids)
    wrong: list[tuple[bytes, object, bool]] = []
    seen, queue = {b""}, [bound.start()]
    while queue:
        scores = bound.token_scores(queue)
        assert scores.mask is not None
        masks = unpack_mask(scores.mask, len(vocabulary))
        following = []
        for state, mask in zip(queue, masks, strict=True):
            for i, token in enumerate(vocabulary.tokens):
                if i in eos:
                    expected = state.text in known
                else:
                    expected = bool(token) and state.text + (token or b"") in begins
                if bool(mask[i]) != expected:
                    wrong.append((state.text, "end" if i in eos else token, bool(mask[i])))
                longer = state.text + (token or b"")
                if mask[i] and i not in eos and len(longer) <= depth and longer not in seen:
                    seen.add(longer)
                    following.append(bound.advance(state, token or b""))
        queue = following
    return wrong


def byte_walk(potential: MaskPotential, text: bytes, tokens: Sequence[bytes | None]) -> np.ndarray:
    """`[V]` booleans: which tokens can follow a text, found one byte at a time."""
    size = max((len(t) for t in tokens if t), default=0)
    alive = {b""}
    begun: dict[int, set[bytes]] = {}
    for n in range(1, size + 1):
        begun[n] = {t[:n] for t in tokens if t and len(t) >= n and t[: n - 1] in alive}
        tried = sorted(begun[n])
        states = [potential.advance(potential.advance(potential.start(), text), b) for b in tried]
        values = potential.batch_prefix(states)
        alive |= {b for b, value in zip(tried, values, strict=True) if value == 0.0}
    return np.array([bool(t) and t in alive for t in tokens])


def complete(potential: MaskPotential, text: str) -> bool:
    """Whether a text is a sentence."""
    return potential.complete(potential.advance(potential.start(), text.encode())) == 0.0
