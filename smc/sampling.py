"""The public entry: from a model, prompts and potentials to posteriors."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from smc.engine import OnStep, Problem, run
from smc.engine.sampler import sampler_of
from smc.errors import SettingsError
from smc.model import LanguageModel, Prompt
from smc.posterior import Posterior
from smc.potential import AnyPotential, Boundary, IncrementalPotential, Potential, flatten
from smc.proposals import Proposal
from smc.retries import Retries, run_with_retries
from smc.run_record import settings_record, with_record
from smc.settings import LastSlot, Settings, method_settings

Seed = int | np.random.Generator


def sample(
    model: LanguageModel,
    prompt: Prompt,
    potentials: Sequence[AnyPotential] = (),
    *,
    num_particles: int = 10,
    max_tokens: int = 64,
    at_max_tokens: LastSlot = "cut",
    ess_threshold: float = 0.5,
    resampling: str = "systematic",
    resample_at: Boundary[Any] | None = None,
    proposal: Proposal | None = None,
    method: str = "smc",
    stop: Sequence[str] = (),
    seed: Seed = 0,
    on_step: OnStep | None = None,
    retries: int = 0,
    retry_factor: float = 2.0,
) -> Posterior:
    """Draw a weighted set of texts from p(text | prompt) · ∏ potentials.

    Args:
        model: Any language model, see `smc.load`.
        prompt: Text, chat messages, or token ids.
        potentials: What the text should be; any mix of levels.
        num_particles: N.
        max_tokens: Longest text, an end-of-sequence token included.
        at_max_tokens: A text that has not ended by then is taken as it is, truncated (`cut`), or
            there is none, since the last token is an end whose probability is paid (`end`).
        ess_threshold: Resample when the effective sample size falls under this fraction of N.
        resampling: `multinomial`, `residual`, `stratified` or `systematic`.
        resample_at: Where particles wait for each other before resampling; None: nowhere.
        proposal: How tokens are drawn (`LocalProposal`, `RejectionProposal`, `DraftProposal`), in
            place of what the method has.
        method: One of `smc.METHODS`; full SMC by default.
        stop: Strings that end a text.
        seed: Same seed, same model, same machine: same result.
        on_step: Called after each token, for progress displays.
        retries: How often particles that all died are tried again, with more of them. The evidence
            stays unbiased, see `smc.retries`: the particles are then two populations of ⌈N/2⌉,
            each of which has its own retries.
        retry_factor: Each try has so many times the particles of the one before.

    Returns:
        The posterior.

    Raises:
        SettingsError, PromptError, PotentialError, VocabularyError: See their messages.

    Example:
        >>> from smc.backends.table import TableModel
        >>> model = TableModel.constant({"a": 0.5, "b": 0.25}, eos=0.25)
        >>> class StartsWithB(Potential):
        ...     def prefix(self, text):
        ...         return 0.0 if text[:1] in ("", "b") else float("-inf")
        ...     def complete(self, text):
        ...         return 0.0 if text[:1] == "b" else float("-inf")
        >>> posterior = sample(model, "", [StartsWithB()], num_particles=50, max_tokens=4)
        >>> posterior.best[0]
        'b'
    """
    return sample_batch(
        model,
        [prompt],
        [potentials],
        num_particles=num_particles,
        max_tokens=max_tokens,
        at_max_tokens=at_max_tokens,
        ess_threshold=ess_threshold,
        resampling=resampling,
        resample_at=resample_at,
        proposal=proposal,
        method=method,
        stop=stop,
        seeds=[seed],
        on_step=on_step,
        retries=retries,
        retry_factor=retry_factor,
    )[0]


def sample_batch(
    model: LanguageModel,
    prompts: Sequence[Prompt],
    potentials: Sequence[Sequence[AnyPotential]],
    *,
    num_particles: int = 10,
    max_tokens: int = 64,
    at_max_tokens: LastSlot = "cut",
    ess_threshold: float = 0.5,
    resampling: str = "systematic",
    resample_at: Boundary[Any] | None = None,
    proposal: Proposal | None = None,
    method: str = "smc",
    stop: Sequence[str] = (),
    seeds: Sequence[Seed] | Seed = 0,
    on_step: OnStep | None = None,
    retries: int = 0,
    retry_factor: float = 2.0,
) -> list[Posterior]:
    """Run several prompts as one batch, each with its own potentials and resampling.

    All arguments but three are those of `sample`. `prompts` get a population of N particles each.
    `potentials` are a list for each prompt; share objects between prompts where they are the same,
    and they are asked in one batch. `seeds` are one for each prompt (whose result then does not
    depend on its neighbours), or one from which theirs are derived.

    Returns:
        One posterior for each prompt, in order.
    """
    if len(potentials) != len(prompts):
        raise SettingsError(
            f"potentials: got {len(potentials)} lists for {len(prompts)} prompts; expected one "
            "list of potentials for each prompt."
        )
    _check_potentials(potentials)
    free = Settings(
        num_particles=num_particles,
        max_tokens=max_tokens,
        at_max_tokens=at_max_tokens,
        ess_threshold=ess_threshold,
        resampling=resampling,
        resample_at=resample_at,
    )
    settings = method_settings(method, free)
    if proposal is not None:
        settings = dataclasses.replace(settings, proposal=proposal)
        sampler_of(proposal).check([p for own in potentials for p in flatten(own)])
    strings, again = _checked_stop(stop), Retries(retries, retry_factor)
    problems = [
        Problem(prompt, own, rng)
        for prompt, own, rng in zip(
            prompts, potentials, _generators(seeds, len(prompts)), strict=True
        )
    ]
    if again.most:
        posteriors = run_with_retries(
            model, problems, settings, again, stop=strings, on_step=on_step
        )
    else:
        posteriors = run(model, problems, settings, stop=strings, on_step=on_step)
    # Numbers that are derived from one would not bring a prompt's result back by themselves.
    told = seeds if isinstance(seeds, Sequence | np.ndarray) else [None] * len(prompts)
    return [
        with_record(
            posterior,
            model=model,
            prompt=problem.prompt,
            seed=seed,
            settings=settings_record(method, settings, problem.potentials, strings, again),
        )
        for posterior, problem, seed in zip(posteriors, problems, told, strict=True)
    ]


def _generators(seeds: Sequence[Seed] | Seed, count: int) -> list[np.random.Generator]:
    if isinstance(seeds, np.random.Generator):
        return list(seeds.spawn(count))
    if isinstance(seeds, int | np.integer):
        sequence = np.random.SeedSequence(_checked_seed(seeds))
        return [np.random.default_rng(s) for s in sequence.spawn(count)]
    if isinstance(seeds, str) or not isinstance(seeds, Sequence | np.ndarray):
        raise SettingsError(f"seeds: expected one for each prompt, or one number; got {seeds!r}.")
    if len(seeds) != count:
        raise SettingsError(
            f"seeds: got {len(seeds)} for {count} prompts; expected one each, or one number."
        )
    return [s if isinstance(s, np.random.Generator) else _generator(s) for s in seeds]


def _generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(_checked_seed(seed))


def _checked_seed(seed: int) -> int:
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise SettingsError(
            f"seed: expected a whole number of at least 0 or a numpy Generator, got {seed!r}."
        )
    return int(seed)


def _checked_stop(stop: Sequence[str]) -> tuple[str, ...]:
    if isinstance(stop, str):
        raise SettingsError(
            f"stop: expected a sequence of strings, got {stop!r}; write ({stop!r},)."
        )
    if not isinstance(stop, Sequence) or not all(isinstance(s, str) for s in stop):
        raise SettingsError(f"stop: expected a sequence of strings, got {stop!r}.")
    if any(not s for s in stop):
        raise SettingsError("stop: an empty string would end every text before it begins.")
    for text in stop:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise SettingsError(
                f"stop: {text!r} holds half of a surrogate pair, which no text does; expected "
                "strings that UTF-8 can spell."
            ) from error
    return tuple(stop)


def _check_potentials(potentials: Sequence[Sequence[AnyPotential]]) -> None:
    for own in potentials:
        if isinstance(own, Potential | IncrementalPotential) or not isinstance(own, Iterable):
            raise SettingsError(
                f"potentials: expected a list of potentials for a prompt, got {own!r}; write "
                "[potential], or [] for none."
            )
        for potential in flatten(own):
            if not isinstance(potential, Potential | IncrementalPotential):
                raise SettingsError(
                    f"potentials: expected instances of smc.Potential, smc.IncrementalPotential "
                    f"or smc.TokenPotential; got {potential!r}. Subclass smc.Potential and "
                    "override `complete`, or make an instance of the class given."
                )
            if not isinstance(potential.boundary, Boundary | None):
                raise SettingsError(
                    f"potential {potential.name}: boundary is {potential.boundary!r}; expected "
                    "an object with start and advance (see smc.Boundary), or None."
                )
