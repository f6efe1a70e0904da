"""Self-backtracking over many problems in one batch, for making training data.

The search of `smc.strategies.backtracking`, which takes one problem at a time; here the
continuations of all problems are drawn together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import isqrt
from typing import TYPE_CHECKING

from domains.arithmetic.training.measure import draw
from domains.countdown.steps import BACKTRACK, GOAL
from smc.strategies.backtracking import without_last_line

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

Draw = Callable[[Sequence[str], int], list[str]]
"""From prompts and a seed to one continuation of each."""
TEMPERATURE = 0.7
ROWS = 256


@dataclass
class _Problem:
    """One problem on its way."""

    prompt: str
    states: list[str] = field(default_factory=lambda: [""])
    visited: set[str] = field(default_factory=set)
    found: list[str] = field(default_factory=list)

    def take(self, texts: Sequence[str], most: int) -> None:
        """Take what was drawn from the states: candidates, and the states of the next round."""
        self.states = []
        for text in texts:
            if text.endswith(GOAL):
                self.found.append(text)
            elif text.endswith(BACKTRACK) and len(self.states) < most:
                state = "".join(without_last_line((text,), BACKTRACK))
                if state not in self.visited:
                    self.visited.add(state)
                    self.states.append(state)


def candidates(
    prompts: Sequence[str], draw_all: Draw, *, width: int = 16, rounds: int = 2, seed: int = 0
) -> list[list[str]]:
    """Return for each prompt the texts with the goal that its search found, in order.

    Args:
        prompts: Any.
        draw_all: Draws.
        width: k.
        rounds: b.
        seed: Of the draws.
    """
    searches = [_Problem(prompt) for prompt in prompts]
    for r in range(rounds):
        starts = [(s, state) for s in searches for state in s.states for _ in range(width)]
        if not starts:
            break
        drawn = draw_all([s.prompt + state for s, state in starts], seed * rounds + r)
        texts: dict[int, list[str]] = {id(s): [] for s in searches}
        for (search, state), text in zip(starts, drawn, strict=True):
            texts[id(search)].append(state + text)
        for search in searches:
            search.take(texts[id(search)], isqrt(width))
    return [s.found for s in searches]


def best(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    prompts: Sequence[str],
    found: Sequence[Sequence[str]],
) -> list[str | None]:
    """Return for each prompt the candidate of largest mean log probability; None of no candidates.

    Args:
        model: Whose probabilities.
        tokenizer: Its tokenizer.
        prompts: Of the candidates.
        found: For each prompt its candidates.
    """
    pairs = [(p, t) for p, texts in zip(prompts, found, strict=True) for t in dict.fromkeys(texts)]
    scores: dict[tuple[str, str], float] = {}
    for at in range(0, len(pairs), ROWS):
        some = pairs[at : at + ROWS]
        scores |= zip(some, _mean_log_probs(model, tokenizer, some), strict=True)
    return [
        max(dict.fromkeys(texts), key=lambda t, p=p: scores[p, t], default=None)
        for p, texts in zip(prompts, found, strict=True)
    ]


def drawing(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> Draw:
    """Return what draws from a model, those of like length together."""

    def draw_all(prompts: Sequence[str], seed: int) -> list[str]:
        order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
        texts = draw(
            model,
            tokenizer,
            [prompts[i] for i in order],
            seed=seed,
            temperature=TEMPERATURE,
            rows=ROWS,
        )
        placed = [""] * len(prompts)
        for i, text in zip(order, texts, strict=True):
            placed[i] = text
        return placed

    return draw_all


def _mean_log_probs(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    pairs: Sequence[tuple[str, str]],
) -> list[float]:
    """The mean log probability of the tokens of each text behind its prompt, its end included."""
    import torch

    end = tokenizer.eos_token_id
    prompts = [tokenizer.encode(p) for p, _ in pairs]
    rows = [[*p, *tokenizer.encode(t), end] for p, (_, t) in zip(prompts, pairs, strict=True)]
    width = max(map(len, rows))
    ids = torch.tensor([row + [end] * (width - len(row)) for row in rows])
    with torch.inference_mode():
        log_probs = model(input_ids=ids, use_cache=False).logits[:, :-1].float().log_softmax(-1)
    told = log_probs.gather(-1, ids[:, 1:, None])[..., 0]
    return [
        float(told[r, len(p) - 1 : len(row) - 1].mean())
        for r, (p, row) in enumerate(zip(prompts, rows, strict=True))
    ]
