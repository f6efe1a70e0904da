"""Typed generation: a value of a type from a language model, with its probability."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from smc.arguments import Seed
from smc.engine import OnStep
from smc.errors import ExtinctError
from smc.model import LanguageModel, Prompt
from smc.posterior import Posterior, Status
from smc.potential import AnyPotential, Boundary
from smc.proposals import Proposal
from smc.sampling import sample
from smc.settings import Among, LastSlot, Settings

if TYPE_CHECKING:
    from potentials import OutputType

T = TypeVar("T")


@dataclass(frozen=True)
class Generated(Generic[T]):
    """The most probable value, and how sure the model is of it.

    Attributes:
        value: Of the output type.
        probability: Of it in the posterior, in (0, 1]: all its spellings together.
        posterior: All of it; `posterior.parsed()` has the other values.
    """

    value: T
    probability: float
    posterior: Posterior = field(repr=False, compare=False)


def generate(
    model: LanguageModel,
    prompt: Prompt,
    output_type: type[T] | Any,
    *,
    potentials: Sequence[AnyPotential] = (),
    num_particles: int = 10,
    max_tokens: int = 256,
    at_max_tokens: LastSlot = Settings.at_max_tokens,
    ess_threshold: float = 0.5,
    resampling: str = "systematic",
    resample_at: Boundary[Any] | None = None,
    proposal: Proposal | None = None,
    method: str = "smc",
    stop: Sequence[str] = (),
    seed: Seed = 0,
    on_step: OnStep | None = None,
    retries: int = 0,
    resample_among: Among = "all",
    temperature: float | None = None,
    top_p: float | None = None,
    top_k: int | None = None,
) -> Generated[T]:
    """Draw a weighted set of values of a type, and return the most probable one.

    The target is p(text | prompt) · [the text stands for a value] · ∏ potentials. How a value is
    written, and which types there are, is said by `potentials.OutputType`.

    Args:
        model: Any language model.
        prompt: Text, chat messages, or token ids.
        output_type: A pydantic class, dataclass, TypedDict, Enum, Literal, `int`, `list[int]`, a
            union, a function (for a call's arguments), `Choice(["yes", "no"])`, a schema (a dict),
            `Regex`, `Grammar`, or an `OutputType` that was made before.
        potentials: Further ones.
        num_particles: As of `sample`, and so are the others.
        max_tokens: See `sample`.
        at_max_tokens: See `sample`.
        ess_threshold: See `sample`.
        resampling: See `sample`.
        resample_at: See `sample`.
        proposal: See `sample`.
        method: See `sample`.
        stop: See `sample`.
        seed: See `sample`.
        on_step: See `sample`.
        retries: See `sample`.
        resample_among: See `sample`.
        temperature: See `sample`.
        top_p: See `sample`.
        top_k: See `sample`.

    Returns:
        The value with the largest posterior probability, that probability, and the posterior.

    Raises:
        GrammarError: The type cannot be carried; the message says where and why.
        ExtinctError: No particle came to a value; it holds the posterior.
        SettingsError, PromptError, PotentialError, VocabularyError: See their messages.

    Example:
        >>> from smc.backends.table import TableModel
        >>> model = TableModel.constant({"yes": 0.5, "no": 0.25, "1": 0.125}, eos=0.125)
        >>> generate(model, "", bool | int, num_particles=50).value
        1
    """
    form = as_output_type(output_type)
    posterior = sample(
        model,
        prompt,
        [form, *potentials],
        num_particles=num_particles,
        max_tokens=max_tokens,
        at_max_tokens=at_max_tokens,
        ess_threshold=ess_threshold,
        resampling=resampling,
        resample_at=resample_at,
        proposal=proposal,
        method=method,
        stop=stop,
        seed=seed,
        on_step=on_step,
        retries=retries,
        resample_among=resample_among,
        temperature=temperature,
        top_p=top_p,
        top_k=top_k,
    )
    if posterior.status is Status.EXTINCT:
        raise ExtinctError(
            f"generate: none of {num_particles} particles came to a value of {form.name}: "
            f"{posterior.reason}. Raise max_tokens ({max_tokens}) where texts were too long, or "
            "num_particles; the error's `posterior` has the history.",
            posterior,
        )
    value, probability = posterior.parsed()[0]
    return Generated(value, min(probability, 1.0), posterior)


def as_output_type(given: Any) -> OutputType[Any]:
    """Return the output type of a type; the last few are kept, with their masks.

    Raises:
        GrammarError: It cannot be carried.
    """
    from potentials import OutputType

    if isinstance(given, OutputType):
        return given
    return _made(given) if isinstance(given, Hashable) else OutputType(given)


@lru_cache(maxsize=8)
def _made(given: Any) -> OutputType[Any]:
    from potentials import OutputType

    return OutputType(given)
