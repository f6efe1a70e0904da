"""Measurements of the study: answers right at each depth, when tokens stop, where routers point."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch

from domains.arithmetic.problems import ArithmeticProblem
from domains.arithmetic.splits import problems
from domains.arithmetic.steps import solve
from domains.arithmetic.train_depth import folder_of
from domains.arithmetic.training.depth import KINDS, LEVELS, Kind
from domains.arithmetic.training.measure import draw, is_right
from smc.backends.depth.exits import THRESHOLDS, Criterion, Exit
from smc.backends.depth.inner_thinking import Router
from smc.backends.hf.loading import load_pretrained
from smc.depth import with_depth

DEPTHS = (1, 2, 4, 8, 16, 32)
SEED = 3
"""Of the test problems; none that a card was measured on."""
_ROWS = 150

Chosen = Sequence[tuple[int, ArithmeticProblem]]


@dataclass(frozen=True)
class Accuracy:
    """A network at a depth.

    Attributes:
        kind: Of network.
        depth: Iterations or steps; None of the plain network.
        layer_passes: Layers that a token goes through.
        right: By level, of each problem.
    """

    kind: Kind
    depth: int | None
    layer_passes: float
    right: Mapping[int, Sequence[bool]]


def problems_of_test(count: int) -> Chosen:
    """Return `count` test problems of each level, the easy ones first."""
    drawn = islice(problems("test", SEED, LEVELS), count * len(LEVELS))
    return sorted(drawn, key=lambda pair: pair[0])


def load(kind: Kind) -> tuple[Any, Any]:
    """Return a committed network and its tokenizer."""
    network, tokenizer = load_pretrained(f"embedded:arithmetic-{kind}", device="cpu")
    return network.eval(), tokenizer


def trained_on(kind: Kind) -> int:
    """Return how many tokens a network was trained on."""
    return json.loads((folder_of(kind) / "training.json").read_text())["tokens"]


def settings() -> Iterator[tuple[Kind, int | None]]:
    """Yield each network with each depth."""
    for kind in KINDS:
        for depth in (None,) if kind == "plain" else DEPTHS:
            yield kind, depth


def accuracy(kind: Kind, depth: int | None, chosen: Chosen) -> Accuracy:
    """Answer problems with the likeliest tokens."""
    network, tokenizer = load(kind)
    network = network if depth is None else with_depth(network, depth)
    prompts = [problem.text for _, problem in chosen]
    texts = draw(network, tokenizer, prompts, seed=0, temperature=0.0, rows=_ROWS)
    right: dict[int, list[bool]] = defaultdict(list)
    for (level, problem), text in zip(chosen, texts, strict=True):
        right[level].append(is_right(problem, text))
    passes = network.config.num_hidden_layers if depth is None else network.layer_passes
    return Accuracy(kind, depth, float(passes), dict(right))


@dataclass(frozen=True)
class Stops:
    """Where tokens of right solutions stop under a criterion.

    Attributes:
        criterion: With the authors' threshold.
        iterations: Mean, by level.
        likeliest: Share of tokens that are the likeliest ones, by level.
        loss: In nats a token, by level.
    """

    criterion: Criterion | None
    iterations: Mapping[int, float]
    likeliest: Mapping[int, float]
    loss: Mapping[int, float]


def stops(cap: int, chosen: Chosen) -> list[Stops]:
    """Read right solutions with each criterion, and with none."""
    network, tokenizer = load("recurrent")
    network = with_depth(network, cap)
    found = []
    for criterion in (None, *THRESHOLDS):
        rule = None if criterion is None else Exit(criterion)
        iterations, likeliest, losses = (defaultdict(list) for _ in range(3))
        for level, ids, own in _read(tokenizer, chosen):
            with torch.inference_mode():
                out = network.with_exit(rule)(ids)
            log_probs = out.logits[0, own].log_softmax(-1)
            targets = ids[0, own.start + 1 : own.stop + 1]
            steps = [cap] * len(targets) if out.steps is None else out.steps[0, own].tolist()
            iterations[level] += steps
            likeliest[level] += (log_probs.argmax(-1) == targets).double().tolist()
            losses[level] += (-log_probs.gather(1, targets[:, None]))[:, 0].tolist()
        means = (
            {k: float(np.mean(v)) for k, v in d.items()} for d in (iterations, likeliest, losses)
        )
        found.append(Stops(criterion, *means))
    return found


def routed(chosen: Chosen) -> dict[str, list[float]]:
    """Return by kind of character the share of tokens that each thinking layer's steps pick.

    Columns are thinking layers × trained steps, in the order of the pass.
    """
    network, tokenizer = load("inner-thinking")
    picked: list[torch.Tensor] = []
    ratio = network.config.ratio

    def note(router: Any, given: Any, scores: torch.Tensor) -> None:
        picked.append(scores[0] > router.threshold(ratio))

    for router in (m for m in network.modules() if isinstance(m, Router)):
        router.register_forward_hook(note)
    shares: dict[str, list[list[float]]] = defaultdict(list)
    for _, ids, own in _read(tokenizer, chosen):
        picked.clear()
        with torch.inference_mode():
            network(ids)
        columns = torch.stack(picked, -1)[own].double().tolist()
        text = tokenizer.decode(ids[0, own.start + 1 : own.stop + 1])
        for kind, row in zip(_kinds(text), columns, strict=False):
            shares[kind].append(row)
    return {kind: np.mean(rows, axis=0).tolist() for kind, rows in shares.items()}


def _read(tokenizer: Any, chosen: Chosen) -> Iterator[tuple[int, torch.Tensor, slice]]:
    """Yield level, `[1, L]` ids of a problem with its solution, and what foretells the latter."""
    for level, problem in chosen:
        prompt = tokenizer.encode(problem.text)
        ids = [*prompt, *tokenizer.encode("".join(solve(problem))), tokenizer.eos_token_id]
        yield level, torch.tensor([ids]), slice(len(prompt) - 1, len(ids) - 1)


def _kinds(solution: str) -> Iterator[str]:
    """What each character of a solution is: one that is foretold by the token before it."""
    for line in solution.split("\n"):
        place = 0
        for i, character in enumerate(line):
            place += character == "="
            if i == 0:
                yield "name"
            elif character == "=":
                yield "equals sign"
            else:
                yield "operands and operation" if place == 1 else "result"
        yield "end of line"
