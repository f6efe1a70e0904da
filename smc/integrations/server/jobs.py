"""Jobs: sampling requests that wait, run or are done."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from smc.errors import ModelError
from smc.integrations.server.common_prefix import shared_beginning
from smc.posterior import Posterior
from smc.potential import AnyPotential
from smc.ranking import TokenLogProb
from smc.settings import Settings

LogitsParameters = tuple[float, float, int]
"""Temperature, top_p, top_k of the model."""
PLAIN: LogitsParameters = (1.0, 1.0, 0)
"""Of the model as it was trained."""
GREEDY = 2.0**-64
"""In the place of temperature 0, its limit: to divide by a power of two rounds no logit, and the
least gap between two of them outweighs every uniform."""


@dataclass(frozen=True)
class Scored:
    """Which texts of a job have their tokens' log probabilities told.

    Attributes:
        top: How many of the most probable tokens are told in each place.
        n: Choices.
        draw: Whether they are drawn.
        echo: Whether the prompt's tokens are told, too.
    """

    top: int
    n: int
    draw: bool
    echo: bool


@dataclass(frozen=True)
class SamplingRequest:
    """What one prompt of a request asks for.

    Attributes:
        prompt: `[L]` token ids.
        potentials: What the text should be.
        settings: The method.
        stop: Strings that end the text.
        parameters: Of the model.
        seed: Of its generator.
        registered: The server's own potentials among them, by name.
        scored: What is asked of log probabilities, if anything is.
    """

    prompt: tuple[int, ...]
    potentials: Sequence[AnyPotential]
    settings: Settings
    stop: tuple[str, ...]
    parameters: LogitsParameters
    seed: int
    registered: frozenset[str] = frozenset()
    scored: Scored | None = None


class TextUpdate(NamedTuple):
    """How the leading text goes on, or becomes another.

    Attributes:
        keep: Characters that stay of what was told.
        text: What follows them.
        settled: Characters of all that which no later step can change.
    """

    keep: int
    text: str
    settled: int


@dataclass(eq=False)
class Job:
    """A sampling request that waits, runs, or is done; two threads share it.

    Attributes:
        request: What to do.
        on_done: Called by `finish`, once, in whichever thread: with a posterior, or an error.
        on_text: Called in the engine's thread with each further piece of settled text; None: not.
        on_update: Likewise with each change of the leading text.
        alone: Whether it runs in a batch of its own, because one with it failed.
        since: When it came, by `time.monotonic`.
        scores: Of the tokens of its texts, once it is done, where they are asked for.
    """

    request: SamplingRequest
    on_done: Callable[[Posterior | BaseException], None]
    on_text: Callable[[str], None] | None = None
    on_update: Callable[[TextUpdate], None] | None = None
    alone: bool = False
    since: float = field(default_factory=time.monotonic)
    scores: dict[str, list[TokenLogProb]] = field(default_factory=dict)
    _told: str = ""
    _cancelled: threading.Event = field(default_factory=threading.Event)
    _unfinished: threading.Lock = field(default_factory=threading.Lock)

    @property
    def particles(self) -> int:
        """How many it has."""
        return self.request.settings.num_particles

    def tell(self, text: str) -> None:
        """Hand on what a text has beyond what was told; a job that is redone tells nothing twice.

        Raises:
            ModelError: The text is another: the model is not deterministic.
        """
        if self.on_text is None or len(text) <= len(self._told):
            return
        if not text.startswith(self._told):
            raise ModelError(
                f"model: redone, a stream that began {self._told!r} goes {text!r}; expected the "
                "same text from the same seed. Ask again, or without stream."
            )
        self.on_text(text[len(self._told) :])
        self._told = text

    @property
    def told(self) -> str:
        """The text as it was told so far."""
        return self._told

    def update(self, leading: str, settled: int) -> None:
        """Hand on how the leading text has changed, if it has.

        Args:
            leading: All of it.
            settled: Characters of it that will stay.
        """
        if self.on_update is None or leading == self._told:
            return
        keep = len(shared_beginning(self._told, leading))
        self.on_update(TextUpdate(keep, leading[keep:], settled))
        self._told = leading

    def finish(self, result: Posterior | BaseException) -> None:
        """Hand on the result; nothing to a job that has one."""
        if self._unfinished.acquire(blocking=False):
            self.on_done(result)

    def cancel(self) -> None:
        """Nobody waits for it any more; its particles are freed at the next token."""
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancelled.is_set()


class QueueFull(Exception):  # noqa: N818 - a state of the server, no fault of anyone
    """The queue is full; the client is to come back later."""


class ShuttingDown(Exception):  # noqa: N818
    """The server is shutting down."""
