"""The arguments of the engine, and the methods of the literature as presets of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from smc.errors import SettingsError
from smc.potential import Boundary
from smc.proposals import LocalProposal, Proposal
from smc.resampling import RESAMPLERS

Expensive = Literal["never", "end", "boundaries"]
LastSlot = Literal["cut", "end"]
Among = Literal["all", "alike"]


@dataclass(frozen=True)
class Settings:
    """How a population of particles is run; every method is one choice of these.

    Attributes:
        num_particles: N > 0 for each prompt.
        max_tokens: T > 0. Part of the target.
        at_max_tokens: What becomes of a text that has not ended with T tokens. `cut`: it is taken
            as it is, truncated, and judged by `complete`; it pays nothing for an end that it did
            not choose. `end`: there is none, for at the last slot EOS is forced and its
            probability paid: sequences of at most T tokens, EOS included.
        ess_threshold: Resample when ESS < threshold · N; 0 never, 1 whenever weights differ.
        resampling: `multinomial`, `residual`, `stratified` or `systematic`.
        resample_at: None: consider resampling after every token. A boundary: particles wait
            there for each other, and resampling is considered once all live ones have arrived.
        proposal: How tokens are drawn.
        cheap: Whether `TokenPotential`s take part (in the proposal).
        expensive: Whether the other potentials take part: at their boundaries and at the end,
            at the end only (telescoping makes the target the same), or never.
        shared_draws: Spread the draws of particles that share a prefix evenly over its
            distribution. Each is exactly distributed, but fewer are duplicates.
        resample_among: Whom a resampling draws from. `all`: all particles. `alike`: those alone
            that are judged alike, whose texts have not ended; the dead give up their places to
            them. A finished text, which `complete` has weighed, keeps its place and its weight:
            it takes no place from texts of which `complete` has not spoken yet, nor they from it.
            The others' ESS is taken out of their own number, and they weigh their mean afterwards.
            Unbiased, since the past fixes who takes part, and each group keeps its total weight.

    Raises:
        SettingsError: A value outside its range.
    """

    num_particles: int = 10
    max_tokens: int = 64
    ess_threshold: float = 0.5
    resampling: str = "systematic"
    resample_at: Boundary[Any] | None = None
    proposal: Proposal = field(default_factory=LocalProposal)
    cheap: bool = True
    expensive: Expensive = "boundaries"
    shared_draws: bool = True
    at_max_tokens: LastSlot = "cut"
    resample_among: Among = "all"

    def __post_init__(self) -> None:
        for name in ("num_particles", "max_tokens"):
            value = getattr(self, name)
            whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
            if not (whole and value > 0):
                raise SettingsError(f"{name}: expected a whole number above 0, got {value!r}.")
        if not (isinstance(self.ess_threshold, Real) and 0 <= self.ess_threshold <= 1):
            raise SettingsError(
                f"ess_threshold: expected a fraction of num_particles in [0, 1], got "
                f"{self.ess_threshold!r}; 0 never resamples, 1 whenever the weights differ."
            )
        if not isinstance(self.resample_at, Boundary | None):
            raise SettingsError(
                f"resample_at: expected a boundary (start and advance) or None, got "
                f"{self.resample_at!r}; see potentials.boundaries."
            )
        if not isinstance(self.proposal, Proposal):
            raise SettingsError(
                "proposal: expected a LocalProposal, a RejectionProposal or a DraftProposal, got "
                f"{self.proposal!r}."
            )
        _one_of("at_max_tokens", self.at_max_tokens, ("cut", "end"))
        _one_of("resampling", self.resampling, RESAMPLERS)
        _one_of("resample_among", self.resample_among, ("all", "alike"))
        _one_of("expensive", self.expensive, ("never", "end", "boundaries"))


_UNCORRECTED = LocalProposal(properly_weighted=False)

METHODS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "lm": dict(cheap=False, expensive="never", ess_threshold=0.0, proposal=_UNCORRECTED),
        "lcd": dict(expensive="never", ess_threshold=0.0, proposal=_UNCORRECTED),
        "gis": dict(expensive="never", ess_threshold=0.0),
        "rerank": dict(expensive="end", ess_threshold=0.0, proposal=_UNCORRECTED),
        "is": dict(expensive="end", ess_threshold=0.0),
        "gsmc": dict(expensive="never"),
        "smc": dict(),
    }
)
"""What each method of Loula et al. (2025), table 1, fixes; all else stays free.

lm: the model alone. lcd: locally constrained decoding. gis: grammar-only importance sampling.
rerank: locally constrained samples, weighted at the end. is: full importance sampling.
gsmc: grammar-only SMC. smc: full SMC.
"""


def method_settings(method: str, settings: Settings) -> Settings:
    """Return the settings with what a method fixes put in place.

    Raises:
        SettingsError: No such method.
    """
    _one_of("method", method, METHODS)
    return dataclasses.replace(settings, **METHODS[method])


def _one_of(name: str, value: str, known: Any) -> None:
    if not isinstance(value, str) or value not in known:
        raise SettingsError(f"{name}: expected one of {', '.join(known)}; got {value!r}.")
