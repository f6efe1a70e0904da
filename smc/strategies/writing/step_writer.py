"""A writer over a step model: each text drawn step by step to its end."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import cast

import numpy as np

from smc.errors import SettingsError, SMCError
from smc.model import Chat, Prompt
from smc.steps import Extension, Solution, StepModel
from smc.strategies.writing.protocol import Writer, WrittenText

_MOST_STEPS = 1000


@dataclasses.dataclass
class _Draft:
    """A text on its way."""

    rng: np.random.Generator
    solution: Solution = ()
    num_tokens: int = 0
    last: Extension | None = None

    def goes_on(self, max_tokens: int | None) -> bool:
        if self.last is None:
            return True
        stopped = self.last.finished or self.last.truncated or self.last.error is not None
        room = max_tokens is None or self.num_tokens < max_tokens
        return not stopped and room and self.last.log_weight > -np.inf

    def take(self, extension: Extension) -> None:
        self.solution = (*self.solution, extension.step) if extension.step else self.solution
        self.num_tokens += extension.num_tokens
        self.last = extension

    def text(self) -> WrittenText:
        assert self.last is not None
        error = self.last.error
        if self.last.log_weight == -np.inf and error is None:
            error = SMCError("writer: the constraints of the step model left nothing to go on with")
        finished = self.last.finished
        return WrittenText(
            text="".join(self.solution),
            finished=finished,
            num_tokens=self.num_tokens,
            truncated=not finished and error is None,
            error=error,
        )


class StepWriter:
    """Writes with any step model; the texts of equal prompts run as one batch.

    With the generators of `smc.strategies.seeds.generators` its texts are, draw for draw, the
    solutions of best-of-N over the same model.

    Args:
        model: Extends texts by steps.
    """

    def __init__(self, model: StepModel) -> None:
        self._model = model

    @property
    def passes(self) -> int:
        """Those of the step model."""
        return self._model.passes

    def write(
        self,
        prompts: Sequence[Prompt],
        *,
        rngs: Sequence[np.random.Generator],
        temperature: float | None = None,
        max_tokens: int | None = None,
    ) -> list[WrittenText]:
        """Write one text for each prompt; see `Writer.write`."""
        texts: list[WrittenText | None] = [None] * len(prompts)
        groups: dict[str, list[int]] = {}
        for place, prompt in enumerate(prompts):
            key = _key(prompt)
            groups.setdefault(key, []).append(place)
        for places in groups.values():
            drafts = [_Draft(rngs[i]) for i in places]
            try:
                self._draw(prompts[places[0]], drafts, temperature, max_tokens)
            except SMCError as error:  # the prompt does not fit, say
                written = [WrittenText("", False, d.num_tokens, error=error) for d in drafts]
            else:
                written = [d.text() for d in drafts]
            for place, text in zip(places, written, strict=True):
                texts[place] = text
        return [text for text in texts if text is not None]

    def _draw(
        self,
        prompt: Prompt,
        drafts: Sequence[_Draft],
        temperature: float | None,
        max_tokens: int | None,
    ) -> None:
        for _ in range(_MOST_STEPS):
            live = [d for d in drafts if d.goes_on(max_tokens)]
            if not live:
                return
            room = None if max_tokens is None else min(max_tokens - d.num_tokens for d in live)
            extensions = self._model.extend(
                prompt,
                [d.solution for d in live],
                rngs=[d.rng for d in live],
                temperature=temperature,
                max_tokens=room,
            )
            for draft, extension in zip(live, extensions, strict=True):
                draft.take(extension)


def as_writer(model: StepModel | Writer) -> Writer:
    """Return a writer as it is, and a step model as one.

    Raises:
        SettingsError: It is neither.
    """
    if hasattr(model, "write"):
        return cast(Writer, model)
    if hasattr(model, "extend"):
        return StepWriter(cast(StepModel, model))
    raise SettingsError(
        f"model: got {type(model).__name__}; expected a writer or a step model. Wrap a language "
        "model: smc.strategies.writing.TokenWriter(model)."
    )


def _key(prompt: Prompt) -> str:
    """What equal prompts have in common."""
    if isinstance(prompt, Chat):
        return repr(prompt)  # with how its template writes it
    return prompt if isinstance(prompt, str) else json.dumps(prompt, default=_plain)


def _plain(value: object) -> object:
    """An item of a prompt as JSON can write it."""
    return int(value) if isinstance(value, np.integer) else dict(value)  # type: ignore[call-overload]
