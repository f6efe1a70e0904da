"""Adaptable models: they learn from feedback on an attempt, and forget it for the next problem."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, Protocol, cast, get_args

import numpy as np

from smc.errors import SettingsError
from smc.model import Prompt
from smc.steps import StepModel
from smc.strategies.writing import TokenWriter, Writer, WrittenText, as_writer

Learning = Literal["auto", "none", "fttt"]
"""How a model learns: as `as_adaptable` says."""


class Adaptable(Protocol):
    """A model whose weights change between attempts at one problem."""

    @property
    def passes(self) -> int:
        """Forward passes so far, see `StepModel.passes`; those of learning included."""
        ...

    def attempt(
        self,
        prompt: Prompt,
        *,
        rng: np.random.Generator,
        temperature: float | None = None,
        max_tokens: int | None = None,
        adapted: bool = True,
    ) -> WrittenText:
        """Write one text, with what was learnt so far or as the model was before.

        Args:
            prompt: What is asked.
            rng: All the randomness of the text.
            temperature: Instead of the model's own; 0 is greedy.
            max_tokens: Instead of the model's own limit.
            adapted: Whether with what was learnt.
        """
        ...

    def learn(self, prompt: Prompt, attempt: str, feedback: Sequence[str]) -> int:
        """Learn from feedback on an attempt.

        Args:
            prompt: The problem.
            attempt: What was written.
            feedback: One text or more, each said of the attempt.

        Returns:
            Tokens that were read for it; 0 if nothing was learnt.
        """
        ...

    def reset(self) -> None:
        """Forget everything: the weights are what they were, bit for bit."""
        ...


class Learner(Protocol):
    """Changes the weights of a network that something else writes with."""

    @property
    def passes(self) -> int:
        """Sequences put through the network for learning."""
        ...

    def learn(self, prompt: Prompt, attempt: str, feedback: Sequence[str]) -> int:
        """See `Adaptable.learn`."""
        ...

    def paused(self) -> AbstractContextManager[None]:
        """Return a context in which the network is what it was before."""
        ...

    def reset(self) -> None:
        """See `Adaptable.reset`."""
        ...


class Adapted:
    """An adaptable model: a writer, and a learner of the network that it writes with.

    Nothing else may use the network between the first `learn` and `reset`.

    Args:
        writer: Writes the attempts.
        learner: Such as `smc.backends.adapting.FeedbackTuning`.
    """

    def __init__(self, writer: Writer, learner: Learner) -> None:
        self._writer = writer
        self._learner = learner

    @property
    def passes(self) -> int:
        """Of writing and learning."""
        return self._writer.passes + self._learner.passes

    def attempt(
        self,
        prompt: Prompt,
        *,
        rng: np.random.Generator,
        temperature: float | None = None,
        max_tokens: int | None = None,
        adapted: bool = True,
    ) -> WrittenText:
        """See `Adaptable.attempt`."""
        how: dict[str, Any] = {"temperature": temperature, "max_tokens": max_tokens}
        if adapted:
            return self._writer.write([prompt], rngs=[rng], **how)[0]
        with self._learner.paused():
            return self._writer.write([prompt], rngs=[rng], **how)[0]

    def learn(self, prompt: Prompt, attempt: str, feedback: Sequence[str]) -> int:
        """See `Adaptable.learn`."""
        return self._learner.learn(prompt, attempt, feedback)

    def reset(self) -> None:
        """See `Adaptable.reset`."""
        self._learner.reset()


class Memoryless:
    """A writer that learns nothing: its attempts are independent samples.

    Args:
        writer: Writes them.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    @property
    def passes(self) -> int:
        """Those of the writer."""
        return self._writer.passes

    def attempt(
        self,
        prompt: Prompt,
        *,
        rng: np.random.Generator,
        temperature: float | None = None,
        max_tokens: int | None = None,
        adapted: bool = True,
    ) -> WrittenText:
        """See `Adaptable.attempt`."""
        return self._writer.write(
            [prompt], rngs=[rng], temperature=temperature, max_tokens=max_tokens
        )[0]

    def learn(self, prompt: Prompt, attempt: str, feedback: Sequence[str]) -> int:
        """Learn nothing."""
        return 0

    def reset(self) -> None:
        """Do nothing."""


def as_adaptable(model: Adaptable | StepModel | Writer, learning: Learning = "auto") -> Adaptable:
    """Return an adaptable model as it is, and any other as one.

    Args:
        model: An adaptable one, a writer or a step model.
        learning: Of a writer over a network that is loaded here: `fttt`, a low-rank adapter that
            learns from the feedback (`smc.backends.adapting`); `none`; or `auto`: `fttt` where the
            network is at hand, else none.

    Raises:
        SettingsError: `fttt` without such a network.
    """
    if learning not in get_args(Learning):
        raise SettingsError(
            f"learning: expected one of {', '.join(get_args(Learning))}; got {learning!r}."
        )
    if hasattr(model, "attempt") and hasattr(model, "learn"):
        return cast(Adaptable, model)
    writer = as_writer(cast("StepModel | Writer", model))
    network = writer.model if isinstance(writer, TokenWriter) else None
    at_hand = hasattr(network, "model") and hasattr(network, "prefixes")
    if learning == "none" or (learning == "auto" and not at_hand):
        return Memoryless(writer)
    if not at_hand:
        raise SettingsError(
            f"learning: got 'fttt' with {type(model).__name__}, whose weights cannot be changed "
            "from here; expected a model that transformers runs in this process, as smc.load "
            "gives. Use learning='none'."
        )
    from smc.backends.adapting import FeedbackTuning

    return Adapted(writer, FeedbackTuning(cast(Any, network)))
