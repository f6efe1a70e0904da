"""The public entry: from a model, prompts and potentials to posteriors."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from smc.arguments import (
    Seed,
    check_potentials,
    checked_stop,
    chosen_settings,
    generators_of,
)
from smc.door import adjusted
from smc.engine import OnStep, Problem, run
from smc.errors import SettingsError
from smc.model import LanguageModel, Prompt
from smc.posterior import Posterior
from smc.potential import AnyPotential, Boundary, Parses
from smc.proposals import Proposal
from smc.retries import Retries, run_with_retries
from smc.run_record import settings_record, with_record
from smc.settings import Among, LastSlot, Settings

__all__ = ["Seed", "recorded", "sample", "sample_batch"]


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
    resample_among: Among = "all",
    temperature: float | None = None,
    top_p: float | None = None,
    top_k: int | None = None,
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
        on_step: Called after each token with the step's number and a function that gives the
            posteriors so far, one a prompt, for progress displays. What it costs is the run's.
        retries: How often particles that all died are tried again, with more of them. The evidence
            stays unbiased, see `smc.retries`: the particles are then two populations of ⌈N/2⌉,
            each of which has its own retries.
        retry_factor: Each try has so many times the particles of the one before.
        resample_among: `all` particles compete, or those `alike` alone, where a finished text
            takes no place from texts that are not yet judged; see `Settings`.
        temperature: Of the model, in the place of its own: its logits are divided by it, then cut
            to the top_k most probable tokens, then to the smallest set with mass top_p, token by
            token. That is the p of the target, and its texts' weights; to draw otherwise and be
            corrected, give a proposal a temperature. None: the model's own, as of the next two.
        top_p: In (0, 1]; 1 keeps all tokens.
        top_k: 0 keeps all tokens.

    Returns:
        The posterior.

    Raises:
        SettingsError, PromptError, PotentialError, VocabularyError: See their messages.

    Example:
        >>> import smc
        >>> model = smc.TableModel.constant({"a": 0.5, "b": 0.25}, eos=0.25)
        >>> class StartsWithB(smc.Potential):
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
        resample_among=resample_among,
        temperature=temperature,
        top_p=top_p,
        top_k=top_k,
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
    resample_among: Among = "all",
    temperature: float | None = None,
    top_p: float | None = None,
    top_k: int | None = None,
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
    model = adjusted(model, temperature, top_p, top_k)
    check_potentials(potentials)
    free = Settings(
        num_particles=num_particles,
        max_tokens=max_tokens,
        at_max_tokens=at_max_tokens,
        ess_threshold=ess_threshold,
        resampling=resampling,
        resample_at=resample_at,
        resample_among=resample_among,
    )
    settings = chosen_settings(method, free, proposal, potentials)
    strings, again = checked_stop(stop), Retries(retries, retry_factor)
    problems = [
        Problem(prompt, own, rng)
        for prompt, own, rng in zip(
            prompts, potentials, generators_of(seeds, len(prompts)), strict=True
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
        recorded(
            posterior,
            model=model,
            problem=problem,
            seed=seed,
            settings=settings_record(method, settings, problem.potentials, strings, again),
            options={"temperature": temperature, "top_p": top_p, "top_k": top_k},
        )
        for posterior, problem, seed in zip(posteriors, problems, told, strict=True)
    ]


def recorded(
    posterior: Posterior,
    *,
    model: LanguageModel,
    problem: Problem,
    seed: Any,
    settings: Mapping[str, Any],
    options: Mapping[str, float | None],
) -> Posterior:
    """Return a posterior that says how it was made, and reads its texts where a potential can.

    Args:
        posterior: Of the run.
        model: See `with_record`.
        problem: What it was of.
        seed: See `with_record`.
        settings: See `settings_record`.
        options: Of the model; None for its own.
    """
    asked = {name: float(value) for name, value in options.items() if value is not None}
    told = with_record(
        posterior, model=model, prompt=problem.prompt, seed=seed, settings={**settings, **asked}
    )
    parse = next((p.parse for p in problem.potentials if isinstance(p, Parses)), None)
    return told if parse is None else dataclasses.replace(told, parser=parse)
