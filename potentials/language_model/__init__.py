r"""Language models as potentials.

    likelihood(model, prompt)                      p(x) · q(x | prompt): a product of two models
    likelihood(model, prompt, power=3.0)           with the run's own model and prompt: p(x)⁴
    contrast(model, wanted, unwanted)              p(x) · q(x | wanted) / q(x | unwanted)
    mixture(model, prompt, other, other_prompt)    ½ p(x) + ½ q(x), with p the run's own

All but the last multiply p, the model of the run, by what they name. Example: what a text owes to
a document, and not to what the model knows anyway (context-aware decoding, Shi et al. 2024):

    with_it, without = "Lima lies in Chile.\nLima lies in", "Lima lies in"
    smc.sample(model, with_it, [contrast(model, with_it, without)])      # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from potentials.language_model.potential import Combination, Expert, ModelPotential
from smc.errors import SettingsError
from smc.model import FloatArray, LanguageModel, Prompt

__all__ = ["Combination", "Expert", "ModelPotential", "contrast", "likelihood", "mixture"]


def likelihood(
    model: LanguageModel, prompt: Prompt, *, power: float = 1.0, max_tokens: int = 64
) -> ModelPotential:
    """Return Φ(x) = q(x | prompt)^power.

    With another model (of the same vocabulary) or another prompt the target is a product of
    experts. With the run's own model and prompt it is p(x)^(1 + power), the power distribution:
    not the same as a lower temperature, which sharpens each token without regard to what follows.

    Args:
        model: q.
        prompt: What it reads before the text.
        power: Any number; a negative one prefers what the expert would not write.
        max_tokens: How many tokens may follow the prompt in the expert's context.

    Source: Hinton (2002), "Training products of experts"; Karan & Du (2025), arXiv:2510.14901.
    """
    return ModelPotential([Expert(model, prompt)], Powers((power,)), max_tokens=max_tokens)


def contrast(
    model: LanguageModel,
    wanted: Prompt,
    unwanted: Prompt,
    *,
    strength: float = 1.0,
    max_tokens: int = 64,
) -> ModelPotential:
    """Return Φ(x) = (q(x | wanted) / q(x | unwanted))^strength.

    Args:
        model: q.
        wanted: A prompt after which the text should be likely.
        unwanted: One after which it need not be.
        strength: 0 or more.
        max_tokens: How many tokens may follow each prompt.

    Source: Li et al. (2023), "Contrastive decoding"; Shi et al. (2024), "Trusting your evidence".
    """
    if not strength >= 0:
        raise SettingsError(f"contrast: strength is {strength!r}; expected 0 or more.")
    experts = [Expert(model, wanted), Expert(model, unwanted)]
    return ModelPotential(experts, Powers((strength, -strength)), max_tokens=max_tokens)


def mixture(
    model: LanguageModel,
    prompt: Prompt,
    other: LanguageModel,
    other_prompt: Prompt,
    *,
    share: float = 0.5,
    max_tokens: int = 64,
) -> ModelPotential:
    """Return Φ(x) = (1 − share) + share · q(x)/p(x): the target is (1 − share) p(x) + share q(x).

    A mixture of whole texts, not of tokens: what a text begins as, it tends to go on as. Without
    other potentials all particles weigh alike. Texts that p cannot write (load it without top_p
    and top_k) are in no target of a run of p.

    Args:
        model: p, which must be the run's.
        prompt: The run's.
        other: q.
        other_prompt: What it reads before the text.
        share: Of the other, in (0, 1).
        max_tokens: How many tokens may follow each prompt.
    """
    if not 0 < share < 1:
        raise SettingsError(f"mixture: share is {share!r}; expected a number between 0 and 1.")
    experts = [Expert(model, prompt), Expert(other, other_prompt)]
    return ModelPotential(experts, MixtureRatio(share), max_tokens=max_tokens)


@dataclass(frozen=True)
class Powers:
    """Σ_k power_k · log q_k.

    Attributes:
        powers: `[K]`.
    """

    powers: Sequence[float]

    def __post_init__(self) -> None:
        if not np.all(np.isfinite(self.powers)):
            raise SettingsError(f"power: got {self.powers!r}; expected finite numbers.")

    def __call__(self, log_probs: FloatArray) -> FloatArray:
        """Return `[...]` of `[..., K]`; −inf where a factor is zero, whatever the others are."""
        powers = np.asarray(self.powers)
        used = powers != 0
        with np.errstate(invalid="ignore"):
            total = (log_probs[..., used] * powers[used]).sum(-1)
        zero = ((log_probs == -np.inf) & (powers > 0)).any(-1)
        return np.where(zero, -np.inf, total)


@dataclass(frozen=True)
class MixtureRatio:
    """log((1 − share) + share · q/p).

    Attributes:
        share: Of the second of two experts.
    """

    share: float

    def __call__(self, log_probs: FloatArray) -> FloatArray:
        """Return `[...]` of `[..., 2]`; −inf where the first is zero, whatever the second is."""
        p, q = log_probs[..., 0], log_probs[..., 1]
        possible = p > -np.inf
        ratio = q - np.where(possible, p, 0.0)
        total = np.logaddexp(np.log1p(-self.share), np.log(self.share) + ratio)
        return np.where(possible, total, -np.inf)
