"""Language models as potentials: what a document says against what the model knows; powers."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import partial
from typing import Any

import smc
from benchmarks.sharper.paired import Draw, Experiment
from potentials.language_model import contrast, likelihood
from smc.model import LanguageModel

_FACTS = (
    ("The capital of France is", "Lyon"), ("The capital of Japan is", "Osaka"),
    ("The capital of Italy is", "Milan"), ("The capital of Spain is", "Seville"),
    ("The capital of Germany is", "Hamburg"), ("The capital of Egypt is", "Luxor"),
    ("The capital of Canada is", "Calgary"), ("The capital of Russia is", "Omsk"),
    ("The capital of Peru is", "Cusco"), ("The capital of Greece is", "Sparta"),
    ("The largest planet is", "Mars"), ("The colour of the sky is", "green"),
    ("The colour of grass is", "red"), ("Water freezes into", "glass"),
    ("Bees make", "cheese"), ("Cows eat", "stones"), ("The opposite of hot is", "loud"),
    ("The first month of the year is", "June"), ("A week has this many days:", "nine"),
    ("The author of Hamlet is", "Goethe"), ("The currency of the USA is the", "krone"),
    ("The Eiffel Tower stands in", "Rome"), ("The Amazon flows through", "Norway"),
    ("The chemical symbol of gold is", "Zz"), ("Pizza was invented in", "Iceland"),
    ("The capital of Norway is", "Bergen"), ("The capital of Poland is", "Gdansk"),
    ("The capital of Turkey is", "Izmir"), ("The capital of Brazil is", "Recife"),
    ("The capital of China is", "Wuhan"), ("The capital of India is", "Pune"),
    ("The capital of Austria is", "Graz"), ("The capital of Portugal is", "Faro"),
    ("The capital of Cuba is", "Holguin"), ("The capital of Kenya is", "Nakuru"),
    ("The longest river is the", "Thames"), ("The highest mountain is", "Etna"),
    ("The largest ocean is the", "Baltic"), ("The smallest continent is", "Asia"),
    ("The colour of blood is", "blue"), ("The colour of snow is", "purple"),
    ("The colour of a banana is", "black"), ("Fish live in", "trees"),
    ("Birds can", "read"), ("Horses eat", "iron"), ("Wine is made of", "milk"),
    ("Bread is made of", "sand"), ("The opposite of big is", "sweet"),
    ("The opposite of up is", "left"), ("The last month of the year is", "March"),
    ("A year has this many months:", "seven"), ("A spider has this many legs:", "three"),
    ("The currency of Japan is the", "peso"), ("The currency of Britain is the", "rupee"),
    ("Big Ben stands in", "Oslo"), ("The Colosseum stands in", "Tokyo"),
    ("The Nile flows through", "Canada"), ("The telephone was invented by", "Mozart"),
    ("The theory of relativity is by", "Caesar"), ("The Mona Lisa was painted by", "Picasso"),
)  # fmt: skip
"""Beginnings of sentences, and endings that a document claims; a model knows others."""

_TOKENS = 4


def contrasted(model: LanguageModel, items: int, particles: int) -> Experiment:
    """Return the arms `model` and `contrast`."""

    def prompts(item: tuple[str, str]) -> tuple[str, str]:
        begins, claimed = item
        return f"{begins} {claimed}. It is a fact that\n{begins}", begins

    def draw(strength: float, item: Any, seed: int) -> smc.Posterior:
        document, bare = prompts(item)
        potentials = [contrast(model, document, bare, strength=strength)] if strength else []
        return _draw(model, document, potentials, particles, _TOKENS, seed)

    return Experiment(
        question="Does the contrast of a prompt with and without its document follow the document?",
        setting=(
            "sentences of this file whose ending a document claims against what is known; target "
            f"p(x | document) · p(x | document) / p(x | nothing), at most {_TOKENS} tokens, cut"
        ),
        items=_FACTS[:items],
        arms={"model": partial(draw, 0.0), "contrast": partial(draw, 1.0)},
        scores={"says as claimed": lambda item, text: float(text.strip().startswith(item[1]))},
    )


@dataclass(frozen=True)
class _Sum:
    """An addition and examples of others."""

    prompt: str
    answer: int


def powered(model: LanguageModel, items: int, particles: int) -> Experiment:
    """Return the arms `model`, `power` (p to the fourth) and `temperature` (¼, token by token)."""
    from smc.backends.transformers import TransformersModel

    assert isinstance(model, TransformersModel)
    cold = TransformersModel(model.model, model.tokenizer, temperature=0.25)

    def draw(item: Any, seed: int) -> smc.Posterior:
        return _draw(model, item.prompt, [], particles, 6, seed)

    def draw_power(item: Any, seed: int) -> smc.Posterior:
        power = likelihood(model, item.prompt, power=3.0)
        return _draw(model, item.prompt, [power], particles, 6, seed)

    def draw_cold(item: Any, seed: int) -> smc.Posterior:
        return _draw(cold, item.prompt, [], particles, 6, seed)

    arms: dict[str, Draw] = {"model": draw, "power": draw_power, "temperature": draw_cold}
    return Experiment(
        question="Does p⁴ answer better than p, and than a temperature of ¼?",
        setting=(
            "additions of two numbers under 100 behind four others (seed 7); target p(x)⁴ over "
            "answers up to a newline, at most 6 tokens, cut"
        ),
        items=_sums(items),
        arms=arms,
        scores={"right": lambda item, text: float(text.strip() == str(item.answer))},
    )


def _draw(
    model: LanguageModel, prompt: str, potentials: list[Any], particles: int, tokens: int, seed: int
) -> smc.Posterior:
    return smc.sample(
        model,
        prompt,
        potentials,
        num_particles=particles,
        max_tokens=tokens,
        at_max_tokens="cut",
        stop=("\n",),
        seed=seed,
    )


def _sums(count: int) -> list[_Sum]:
    rng = random.Random(7)
    pairs = [(rng.randrange(10, 100), rng.randrange(10, 100)) for _ in range(count + 4)]
    shown = "".join(f"{a} + {b} = {a + b}\n" for a, b in pairs[:4])
    return [_Sum(f"{shown}{a} + {b} =", a + b) for a, b in pairs[4:]]
