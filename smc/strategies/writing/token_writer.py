"""A writer over a language model of the engine: all prompts as one batch, constraints included."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from smc.errors import PotentialError, SettingsError, SMCError
from smc.model import LanguageModel, Prompt
from smc.pages.deaths import deaths_line
from smc.posterior import Posterior, Status
from smc.potential import AnyPotential
from smc.proposals import LocalProposal
from smc.sampling import sample_batch
from smc.strategies.arguments import at_least_one
from smc.strategies.writing.protocol import WrittenText

_GREEDY = 1e-4
"""The temperature that stands for 0."""


class TokenWriter:
    """Writes with a language model; each prompt is a problem of its own in one batch.

    Without potentials a text is a draw from the model. With potentials it is one of N particles,
    drawn by its weight: so, for large N, from model × potentials. A program under a grammar or a
    verdict under a choice is written by a `TokenWriter` with that constraint.

    Args:
        model: Any language model.
        potentials: What every text should be.
        num_particles: N for each prompt. 1 is enough for masks that bind little, and draws
            locally constrained texts.
        max_tokens: Of a text, the end-of-sequence token included.
        stop: Strings that end a text.
        batch: Most prompts in one batch.

    Raises:
        SettingsError: A number below 1.
    """

    def __init__(
        self,
        model: LanguageModel,
        potentials: Sequence[AnyPotential] = (),
        *,
        num_particles: int = 1,
        max_tokens: int = 512,
        stop: Sequence[str] = (),
        batch: int = 64,
    ) -> None:
        at_least_one(num_particles=num_particles, max_tokens=max_tokens, batch=batch)
        self._model = model
        self._potentials = list(potentials)
        self._num_particles = num_particles
        self._max_tokens = max_tokens
        self._stop = tuple(stop)
        self._batch = batch
        self._passes = 0

    @property
    def model(self) -> LanguageModel:
        """What it writes with."""
        return self._model

    @property
    def passes(self) -> int:
        """One for each token of each particle, and one for each prompt."""
        return self._passes

    def write(
        self,
        prompts: Sequence[Prompt],
        *,
        rngs: Sequence[np.random.Generator],
        temperature: float | None = None,
        max_tokens: int | None = None,
    ) -> list[WrittenText]:
        """Write one text for each prompt; see `Writer.write`.

        Raises:
            SettingsError: A temperature is given, and there is more than one particle: weights
                would correct for it. Give the model its temperature.
        """
        if temperature is not None and self._num_particles > 1:
            raise SettingsError(
                f"TokenWriter: temperature: got {temperature!r} with {self._num_particles} "
                "particles, whose weights would correct for it; expected None. Load the model "
                "with that temperature, or write with one particle."
            )
        # Numbers in the place of generators, since a batch that failed has used those up.
        seeds = [int(rng.integers(2**63)) for rng in rngs]
        jobs = list(zip(prompts, seeds, strict=True))
        limit = self._max_tokens if max_tokens is None else max_tokens
        texts: list[WrittenText] = []
        for start in range(0, len(jobs), self._batch):
            texts += self._write(jobs[start : start + self._batch], temperature, limit)
        return texts

    def _write(
        self,
        jobs: Sequence[tuple[Prompt, int]],
        temperature: float | None,
        limit: int,
    ) -> list[WrittenText]:
        """Write a batch; where it fails, its halves, so that one bad prompt costs only itself."""
        rngs = [np.random.default_rng(seed) for _, seed in jobs]
        try:
            posteriors = sample_batch(
                self._model,
                [prompt for prompt, _ in jobs],
                [self._potentials] * len(jobs),
                num_particles=self._num_particles,
                max_tokens=limit,
                proposal=None if temperature is None else LocalProposal(temperature or _GREEDY),
                stop=self._stop,
                seeds=rngs,
            )
        except SMCError as error:
            if len(jobs) == 1:
                return [WrittenText("", False, 0, error=error)]
            half = len(jobs) // 2
            return [
                *self._write(jobs[:half], temperature, limit),
                *self._write(jobs[half:], temperature, limit),
            ]
        self._passes += sum(p.num_tokens + 1 for p in posteriors)
        return [_text(p, rng) for p, rng in zip(posteriors, rngs, strict=True)]


def _text(posterior: Posterior, rng: np.random.Generator) -> WrittenText:
    """One of the particles, drawn by weight."""
    if posterior.status is Status.EXTINCT:
        error = PotentialError(
            f"writer: no text met the constraints ({posterior.reason}; {deaths_line(posterior)}); "
            "expected one. Use more particles, or looser constraints."
        )
        return WrittenText("", False, posterior.num_tokens, error=error)
    chosen = posterior.sequences[int(rng.choice(len(posterior.sequences), p=posterior.weights))]
    return WrittenText(
        chosen.text,
        finished=chosen.finished,
        num_tokens=posterior.num_tokens,
        truncated=chosen.truncated,
    )
