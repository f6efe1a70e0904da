"""The protocol of benchmark tasks: items to answer, potentials that steer, scores that judge.

A domain is one frozen dataclass that satisfies `Task`. It knows its data, its prompt, its
potentials and its scores; it knows nothing of language models, methods or particles. A runner
does, for every item:

    smc.sample(model, item.prompt, potentials=task.cheap(item) + task.expensive(item),
               stop=task.stop, max_tokens=task.max_tokens, resample_at=task.resample_at, ...)

and then `task.score(item, text)` for every text and `task.population_scores(item, texts, weights)`
once. A method that uses fewer potentials leaves a list out. Where two items have the same
potential, return the same object: prompts in one batch then share its work.

A domain whose task comes in variants lists them in one table, `VARIANTS`, in its module `variants`
(or beside the task): the task `spider:by_clause` is the entry `by_clause` of `spider`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar

from smc.model import Prompt
from smc.potential import AnyPotential, Boundary
from smc.proposals import Proposal


@dataclass(frozen=True)
class Item:
    """One problem of a domain; domains subclass it to carry what their potentials and scores need.

    Attributes:
        id: Unique in the domain, and the same in every run: results are filed and resumed by it.
        prompt: What the language model continues.
    """

    id: str
    prompt: Prompt


ItemT = TypeVar("ItemT", bound=Item)


class Task(Protocol[ItemT]):
    """The protocol of a domain; see the module for how it is used."""

    @property
    def name(self) -> str:
        """Of the domain, as the command line calls it."""
        ...

    @property
    def primary(self) -> str:
        """The key of `score` that a table of methods reports."""
        ...

    @property
    def stop(self) -> tuple[str, ...]:
        """Strings that end an answer; they are not part of it."""
        ...

    @property
    def max_tokens(self) -> int:
        """Tokens of an answer at most, the end included."""
        ...

    @property
    def resample_at(self) -> Boundary[Any] | None:
        """Where particles wait for each other before they are resampled; None: nowhere."""
        ...

    @property
    def proposal(self) -> Proposal | None:
        """How full SMC draws its tokens; None: from the model times the cheap potentials."""
        ...

    def items(self, limit: int | None = None, data: Path | None = None) -> list[ItemT]:
        """Return the problems, in an order that no argument changes.

        Args:
            limit: The first so many; None: all of the benchmark.
            data: Root of the data sets, one folder a set; None: the examples that come with the
                package, where the domain has any.

        Raises:
            FileNotFoundError: The data set is not there; the message says where it was looked for.
        """
        ...

    def cheap(self, item: ItemT) -> list[AnyPotential]:
        """Return the potentials that enter the proposal (grammars); possibly none."""
        ...

    def expensive(self, item: ItemT) -> list[AnyPotential]:
        """Return the potentials that are asked at boundaries and at the end; possibly none."""
        ...

    def score(self, item: ItemT, text: str) -> dict[str, float]:
        """Judge one answer, whether or not it satisfies the potentials.

        Returns:
            Finite numbers by name. `primary` is always among them; a score that is not defined for
            this text (the molecular weight of what is no molecule) is left out.
        """
        ...

    def population_scores(
        self, item: ItemT, texts: Sequence[str], weights: Sequence[float]
    ) -> dict[str, float]:
        """Judge the answers of one item together; {} if the domain has no such scores.

        Args:
            item: The problem.
            texts: `[N]` answers, duplicates kept.
            weights: `[N]` posterior probabilities, non-negative, sum 1; all 0 where every
                particle died.

        Returns:
            Finite numbers by name; what is not defined for these texts is left out.
        """
        ...


Variants: TypeAlias = Mapping[str, Task[Any]]
"""Tasks of one domain by the names of its variants."""


def checked_weights(texts: Sequence[str], weights: Sequence[float]) -> None:
    """Raise unless there is one finite, non-negative weight for each text.

    Raises:
        ValueError: The lengths differ, or a weight is negative or not finite.
    """
    if len(texts) != len(weights):
        raise ValueError(
            f"population scores: {len(texts)} texts but {len(weights)} weights; expected one "
            "weight for each text."
        )
    bad = [w for w in weights if not 0 <= w < float("inf")]
    if bad:
        raise ValueError(
            f"population scores: weight {bad[0]}; expected probabilities on the linear scale, "
            "finite and not negative. Were log weights passed?"
        )
