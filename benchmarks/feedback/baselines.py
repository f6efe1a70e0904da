"""Baselines without learning: best-of-N by a judge, revisions, and self-refinement."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import smc
from benchmarks.feedback.attempts import MAX_TOKENS, Attempt, Verifier, read_of
from benchmarks.feedback.items import FailedItem, right
from benchmarks.revising.choosing import ByLine
from domains.arithmetic.feedback import EDITOR, PROMPTS
from domains.arithmetic.revising import REVISER, revise
from domains.arithmetic.verifier import verifier
from smc.backends.transformers import TransformersModel
from smc.strategies import Options, revisions
from smc.strategies.ledger import DRAFT, Ledger
from smc.strategies.writing import TokenWriter, Writer, WrittenText


def independent(writer: Writer, item: FailedItem, *, trials: int, seed: int) -> list[Attempt]:
    """Return samples, those behind the first right one too: they tell what as many samples cost."""
    return [
        Attempt(text.num_tokens, text.finished and right(item, text.text))
        for text in _samples(writer, item, trials, seed)
    ]


def best_of_n(writer: Writer, item: FailedItem, *, trials: int, seed: int) -> list[Attempt]:
    """Return the sample that the embedded step verifier values most, as one attempt.

    The samples are those of `independent`. Nobody says which of them is right, so there is but one
    answer. What the judge reads is not counted.
    """
    texts = _samples(writer, item, trials, seed)
    scores = ByLine(verifier()).scores(item.prompt, [(t.text,) for t in texts])
    values = [s[-1] if t.finished else -1.0 for t, s in zip(texts, scores, strict=True)]
    best = texts[values.index(max(values))]
    ok = best.finished and right(item, best.text)
    return [Attempt(sum(t.num_tokens for t in texts), ok)]


def revised(item: FailedItem, *, trials: int, chains: int, seed: int) -> list[Attempt]:
    """Return the attempts of the embedded revision model, each with the last four in sight.

    Those behind the first right one too, which nobody needs: see `Run.needed` of the report.

    Args:
        item: The problem.
        trials: The most.
        chains: Side by side; their attempts are counted in turn.
        seed: Of the draws.
    """
    chains = min(chains, trials)
    result = revisions(
        TokenWriter(model_at(str(REVISER)), max_tokens=MAX_TOKENS),
        item.prompt,
        Verifier(item),
        num_solutions=trials - trials % chains,
        chains=chains,
        revise=revise,
        options=Options(seed=seed),
    )
    pairs = zip(result.trajectories, result.calls, strict=True)
    return [
        Attempt(
            call.written.num_tokens + read_of(call.prompt, item.prompt),
            t.finished and t.value > 0.5,
        )
        for t, call in pairs
    ]


def refined(
    writer: Writer, item: FailedItem, critic: Writer | None = None, *, trials: int, seed: int
) -> list[Attempt]:
    """Return a draft of the policy and edits of it, each by what is said of the one before.

    After Madaan et al. (2023), "Self-Refine", arXiv:2303.17651: one model criticises and edits.

    Args:
        writer: The policy; its draft is the first of `independent`.
        item: The problem.
        critic: Says what is wrong with an attempt; None: the embedded critic and editor itself.
        trials: The most attempts.
        seed: Of the draws.
    """
    ledger = Ledger(seed)
    editor = TokenWriter(model_at(str(EDITOR)), max_tokens=MAX_TOKENS)
    (text,) = ledger.write(writer, DRAFT, [item.prompt])
    attempts = [_attempt(item, text, 0)]
    # What came to no end is a wrong attempt, and nothing can be said of it.
    shown = text.text if text.finished else ""
    while len(attempts) < trials and not attempts[-1].right:
        values = {"question": item.prompt, "draft": shown}
        asked = PROMPTS.feedback.text(values)
        (said,) = ledger.write(critic or editor, "feedback", [asked])
        edit = PROMPTS.edit.text(values | {"feedback": said.text.strip()})
        (text,) = ledger.write(editor, "edit", [edit])
        spent = len(asked) + said.num_tokens + read_of(edit, item.prompt)
        attempts.append(_attempt(item, text, spent))
        shown = text.text if text.finished else shown
    return attempts


@lru_cache(maxsize=4)
def model_at(place: str) -> TransformersModel:
    """Return an embedded model, loaded once."""
    return smc.load(place)


def _samples(writer: Writer, item: FailedItem, trials: int, seed: int) -> Sequence[WrittenText]:
    return Ledger(seed).write(writer, DRAFT, [item.prompt] * trials)


def _attempt(item: FailedItem, text: WrittenText, spent: int) -> Attempt:
    return Attempt(text.num_tokens + spent, text.finished and right(item, text.text))
