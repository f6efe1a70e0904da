"""Proposals, as a user names them: frozen, validated, without any algorithm.

What the engine does with one is its sampler (`smc.engine.sampler`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np

from smc.errors import SettingsError
from smc.model import LanguageModel
from smc.potential import (
    AnyPotential,
    IncrementalPotential,
    Potential,
    TokenPotential,
    flatten,
)


@runtime_checkable
class Proposal(Protocol):
    """How tokens are drawn: the arguments; `smc.engine.sampler` says how one is added."""

    @property
    def temperature(self) -> float:
        """τ > 0 of the model's part of the proposal; the weight corrects for it."""
        ...

    @property
    def properly_weighted(self) -> bool:
        """Whether the incremental weight p·φ/q is kept."""
        ...


@dataclass(frozen=True)
class LocalProposal:
    """Draw from model × cheap potentials.

    Attributes:
        temperature: τ > 0 of the model's part; the weight corrects for it. (A temperature that
            should change the *target* belongs to the model.)
        properly_weighted: Whether the incremental weight is kept. False is locally constrained
            decoding: every token costs nothing, and the samples are not from the target.
    """

    temperature: float = 1.0
    properly_weighted: bool = True

    def __post_init__(self) -> None:
        _check_temperature(self)


@dataclass(frozen=True)
class RejectionProposal:
    """Draw from model × cheap potentials until opaque checks accept the token.

    For a `Potential` or an `IncrementalPotential` that cannot say what it thinks of the whole
    vocabulary, and should be asked token by token all the same: a parser, a type checker, a regular
    expression over the whole text. Tokens are asked about in the order in which the model draws
    them, until one is accepted, never the whole vocabulary. `smc.engine.rejection` has the
    algorithm and why it is exact (adaptive weighted rejection sampling, Lipkin et al. 2025,
    arXiv:2504.05410).

    A check accepts whatever is not −inf; its value, where that is soft, enters the weight as
    with every proposal. It is asked where it would be asked anyway: at its own `boundary`, and of
    an end-of-sequence token as `complete`; a token that does not stand at the boundary is accepted.
    The target is that of `LocalProposal`. Where nothing can be accepted, every token is asked about
    before the particle dies. A token that ends within a character adds no text yet: a check that
    should see its bytes is an `IncrementalPotential`.

    Attributes:
        temperature: τ > 0, see `LocalProposal`.
        properly_weighted: Whether the incremental weight is kept. False draws from the accepted
            tokens and weighs nothing: locally constrained decoding for opaque checks.
        checks: Potentials, among those of the problem, that take part; the others are asked about
            the accepted token alone. None: all that are not `TokenPotential`s.
        extra_checks: m > 0 further tokens asked about for each particle, to estimate how much
            of the model's mass is accepted. More of them make the weights more even.

    Raises:
        SettingsError: A value outside its range, or a check that is no opaque potential.

    Example:
        >>> import smc
        >>> model = smc.TableModel.constant({"a": 0.5, "b": 0.25}, eos=0.25)
        >>> class NoDouble(smc.Potential):
        ...     def prefix(self, text):
        ...         return float("-inf") if "aa" in text or "bb" in text else 0.0
        >>> posterior = smc.sample(
        ...     model, "", [NoDouble()], max_tokens=6, proposal=smc.RejectionProposal()
        ... )
        >>> [w > float("-inf") for w in posterior.log_weights] == [True] * 10
        True
    """

    temperature: float = 1.0
    properly_weighted: bool = True
    checks: tuple[AnyPotential, ...] | None = None
    extra_checks: int = 1

    def __post_init__(self) -> None:
        _check_temperature(self)
        _check_count("RejectionProposal", "extra_checks", self.extra_checks)
        if self.checks is None:
            return
        if isinstance(self.checks, Potential | IncrementalPotential) or not isinstance(
            self.checks, Iterable
        ):
            raise SettingsError(
                f"RejectionProposal: checks is {self.checks!r}; expected a sequence of potentials, "
                "or None for all. Write (potential,)."
            )
        checks = tuple(flatten(self.checks))
        for check in checks:
            if isinstance(check, TokenPotential) or not isinstance(
                check, Potential | IncrementalPotential
            ):
                raise SettingsError(
                    f"RejectionProposal: checks holds {check!r}; expected instances of "
                    "smc.Potential or smc.IncrementalPotential. A TokenPotential scores the whole "
                    "vocabulary, and is in every proposal already."
                )
        object.__setattr__(self, "checks", checks)

    def asks(self, potential: AnyPotential) -> bool:
        """Whether a potential is one of the checks."""
        if isinstance(potential, TokenPotential):
            return False
        return self.checks is None or any(potential is check for check in self.checks)


@dataclass(frozen=True)
class DraftProposal:
    """Draw blocks of tokens from a small model × cheap potentials; the large model weighs them.

    The draft's tokens are drawn one by one, under the masks, as by a `LocalProposal`. At the end of
    a block the large model takes all of its tokens in one forward pass, and the weight of each is
    p·φ/q with q the draft's. Nothing is rejected: a token that the large model finds improbable
    has a small weight, and resampling, which waits for the end of a block, replaces its particle.
    Exact for every draft and every block; how even the weights are depends on how alike the models
    are. Until the block ends, the weights that `on_step` and the history show are those of the
    draft (SMC speculative decoding, Emara et al. 2026, arXiv:2604.15672).

    The draft must be able to draw whatever the large model can: a draft with `top_p` or `top_k`
    would lose texts for good, and no weight can bring them back.

    Attributes:
        draft: A model of the same vocabulary, on any backend that gives the probabilities of what
            it draws. Trailing ids that are no text (padding) may be of another number. It reads the
            prompt in its own way (its own chat template, if it has one).
        block: k > 0 tokens between two looks of the large model.
        temperature: τ > 0 of the draft's part of the proposal; the weight corrects for it.

    Raises:
        SettingsError: A value outside its range.

    Example:
        >>> import smc
        >>> large = smc.TableModel.constant({"a": 0.5, "b": 0.25}, eos=0.25)
        >>> small = smc.TableModel.constant({"a": 0.4, "b": 0.4}, eos=0.2)
        >>> posterior = smc.sample(
        ...     large, "", max_tokens=8, proposal=smc.DraftProposal(small, block=3)
        ... )
        >>> posterior.status
        <Status.COMPLETE: 'complete'>
    """

    draft: LanguageModel
    block: int = 4
    temperature: float = 1.0
    properly_weighted: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        _check_temperature(self)
        _check_count("DraftProposal", "block", self.block)
        if not callable(getattr(self.draft, "start", None)):
            raise SettingsError(
                f"DraftProposal: draft is {self.draft!r}; expected a language model, such as "
                "smc.load returns."
            )


def _check_temperature(proposal: Proposal) -> None:
    value = proposal.temperature
    if not (np.isfinite(value) and value > 0):
        raise SettingsError(
            f"{type(proposal).__name__}: temperature must be a positive number, got {value}."
        )


def _check_count(owner: str, name: str, value: int) -> None:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not (whole and value > 0):
        raise SettingsError(f"{owner}: {name}: expected a whole number above 0, got {value!r}.")
