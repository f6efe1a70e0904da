"""Options that stand for objects of the engine: a proposal, a boundary, an output type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from smc.errors import GrammarError, SettingsError
from smc.potential import AnyPotential, Boundary
from smc.proposals import LocalProposal, Proposal, RejectionProposal
from smc.references import find_object

PROPOSALS = "local, local:TEMPERATURE, rejection, rejection:EXTRA_CHECKS, draft:MODEL"
BOUNDARIES = "line, sentence, step, every:N, after:CHARACTERS, WHERE:NAME"


def proposal_of(given: str | None, device: str | None) -> Proposal | None:
    """Return the proposal that `--proposal` names.

    Args:
        given: One of `PROPOSALS`; None: the method's.
        device: Of a draft.

    Raises:
        SMCError: It names none, or the draft cannot be loaded.
    """
    if given is None:
        return None
    kind, _, value = given.partition(":")
    if kind == "local":
        return LocalProposal(temperature=_number(given, value, float) if value else 1.0)
    if kind == "rejection":
        return RejectionProposal(extra_checks=_number(given, value, int) if value else 1)
    if kind == "draft" and value:
        from smc import load
        from smc.proposals import DraftProposal

        return DraftProposal(load(value, device=device))
    raise SettingsError(f"--proposal {given}: expected one of {PROPOSALS}.")


def boundary_of(given: str | None) -> Boundary[Any] | None:
    """Return the boundary that `--resample-at` names.

    Raises:
        SettingsError: It names none.
    """
    if given is None:
        return None
    from potentials import boundaries

    named: dict[str, Callable[[], Boundary[Any]]] = {
        "line": boundaries.lines,
        "sentence": boundaries.sentences,
        "step": boundaries.steps,
    }
    if given in named:
        return named[given]()
    kind, _, value = given.partition(":")
    if kind == "every" and value:
        return boundaries.every(_number(given, value, int, "--resample-at"))
    if kind == "after" and value:
        return boundaries.after(value)
    if ":" in given:
        found = find_object(given, option="--resample-at")
        if isinstance(found, Boundary) and not isinstance(found, type):
            return found
        raise SettingsError(
            f"--resample-at {given}: got {found!r:.80}; expected a boundary (start and advance), "
            "made in a file of yours."
        )
    raise SettingsError(f"--resample-at {given}: expected one of {BOUNDARIES}.")


def output_type_of(given: str | None) -> list[AnyPotential]:
    """Return the output type that `--output-type` names, if one does.

    Raises:
        SMCError: There is no such type, or it cannot be carried.
    """
    if given is None:
        return []
    from potentials import OutputType

    try:
        return [OutputType(find_object(given, option="--output-type"))]
    except GrammarError as error:
        raise GrammarError(f"--output-type {given}: {error}") from error


def _number(given: str, value: str, kind: Callable[[str], Any], option: str = "--proposal") -> Any:
    try:
        return kind(value)
    except ValueError as error:
        raise SettingsError(
            f"{option} {given}: {value!r} is no number; expected one behind the colon."
        ) from error
