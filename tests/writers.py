"""A writer that says what it is told, and asserts what it is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from smc.errors import SMCError
from smc.model import Prompt
from smc.strategies.writing import WrittenText

Reply = str | SMCError | WrittenText


def shown(prompt: Prompt) -> str:
    """A prompt as one text."""
    return prompt if isinstance(prompt, str) else "\n".join(str(m["content"]) for m in prompt)  # type: ignore[index]


@dataclass
class ScriptedWriter:
    """Says what a function of (prompt as text, uniform) says; a token a character."""

    reply: Callable[[str, float], Reply]
    passes: int = 0
    prompts: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    temperatures: list[float | None] = field(default_factory=list)

    def write(
        self,
        prompts: Sequence[Prompt],
        *,
        rngs: Sequence[np.random.Generator],
        temperature: float | None = None,
        max_tokens: int | None = None,
    ) -> list[WrittenText]:
        self.sizes.append(len(prompts))
        self.temperatures.append(temperature)
        return [self._text(shown(p), rng) for p, rng in zip(prompts, rngs, strict=True)]

    def _text(self, prompt: str, rng: np.random.Generator) -> WrittenText:
        self.prompts.append(prompt)
        reply = self.reply(prompt, float(rng.random()))
        if isinstance(reply, WrittenText):
            return reply
        if isinstance(reply, SMCError):
            return WrittenText("", False, 0, error=reply)
        self.passes += len(reply) + 1
        return WrittenText(reply, True, len(reply))


def in_turn(*replies: Reply) -> ScriptedWriter:
    """A writer that gives these replies one after the other, and no more."""
    left = iter(replies)
    return ScriptedWriter(lambda prompt, uniform: next(left))
