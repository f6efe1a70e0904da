"""The public entry: from a model, prompts and potentials to posteriors."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

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
from smc.settings import LastSlot, Settings

__all__ = ["Seed", "sample", "sample_batch", "with_parser"]


def sample(
    model: LanguageModel,
    prompt: Prompt,
    potentials: Sequence[AnyPotential] = (),
    *,
    num_particles: int = 10,
    max_tokens: int = 64,
    at_max_tokens: LastSlot = "end",
    ess_threshold: float = 0.5,
    resampling: str = "systematic",
    resample_at: Boundary[Any] | None = None,
    proposal: Proposal | None = None,
    method: str = "smc",
    stop: Sequence[str] = (),
    seed: Seed = 0,
    on_step: OnStep | None = None,
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
    at_max_tokens: LastSlot = "end",
    ess_threshold: float = 0.5,
    resampling: str = "systematic",
    resample_at: Boundary[Any] | None = None,
    proposal: Proposal | None = None,
    method: str = "smc",
    stop: Sequence[str] = (),
    seeds: Sequence[Seed] | Seed = 0,
    on_step: OnStep | None = None,
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
    )
    settings = chosen_settings(method, free, proposal, potentials)
    problems = [
        Problem(prompt, own, rng)
        for prompt, own, rng in zip(
            prompts, potentials, generators_of(seeds, len(prompts)), strict=True
        )
    ]
    posteriors = run(model, problems, settings, stop=checked_stop(stop), on_step=on_step)
    return [with_parser(p, own) for p, own in zip(posteriors, potentials, strict=True)]


def with_parser(posterior: Posterior, potentials: Sequence[AnyPotential]) -> Posterior:
    """Return a posterior that can read its texts, where one of the potentials can."""
    parse = next((p.parse for p in potentials if isinstance(p, Parses)), None)
    return posterior if parse is None else dataclasses.replace(posterior, parser=parse)
