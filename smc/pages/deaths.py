"""Causes of death: which potential killed the particles of a run, when, at what, and what helps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smc.pages.markup import one_line
from smc.posterior import Posterior, Status

_MOST_ROWS = 4
_MOST_REMEDIES = 5
_WIDTH = 30
_LINE = 100
_HEADER = ("died", "of", "which refused", "tokens", "for example")
_REFUSED = {
    "token": "every next token",
    "prefix": "a text on its way (prefix)",
    "complete": "a final text (complete)",
    "model": "what the draft drew",
}


@dataclass(frozen=True)
class Cause:
    """The particles of a run that died of one thing.

    Attributes:
        name: See `DeathCount.cause`.
        said: See `DeathCount.said`.
        count: How many.
        first: The token at which the first died; 0: the empty text.
        last: And the last.
        texts: Some of those they died at.
    """

    name: str
    said: str
    count: int
    first: int
    last: int
    texts: tuple[str, ...]

    def cells(self) -> list[str]:
        """Return a row of the table of deaths, as plain text; see `header`."""
        steps = str(self.first) if self.first == self.last else f"{self.first}–{self.last}"
        example = one_line(repr(self.texts[-1]), _WIDTH, keep_end=True) if self.texts else ""
        name = one_line(self.name, _WIDTH)
        return [
            str(self.count),
            name,
            _REFUSED.get(self.said, one_line(str(self.said), _WIDTH)),
            steps,
            example,
        ]


def header() -> list[str]:
    """Return the names of the columns of the table of deaths."""
    return list(_HEADER)


def causes(posterior: Posterior) -> list[Cause]:
    """Return the deaths of a run added up over its steps, most first."""
    found: dict[tuple[str, str], Cause] = {}
    for death in posterior.deaths:
        key = death.cause, death.said
        before = found.get(key)
        if before is None:
            step, texts = death.step, death.texts
            found[key] = Cause(death.cause, death.said, death.count, step, step, texts)
            continue
        found[key] = Cause(
            death.cause,
            death.said,
            before.count + death.count,
            min(before.first, death.step),
            max(before.last, death.step),
            death.texts or before.texts,
        )
    return sorted(found.values(), key=lambda cause: -cause.count)


def shown(posterior: Posterior) -> tuple[list[list[str]], int]:
    """Return the first rows of the table of deaths, and how many more there are."""
    every = causes(posterior)
    return [cause.cells() for cause in every[:_MOST_ROWS]], max(0, len(every) - _MOST_ROWS)


def deaths_line(posterior: Posterior) -> str:
    """Return what particles died of in one line: `7 died of Valid, 3 of Short`; or nothing."""
    totals: dict[str, int] = {}
    for cause in causes(posterior):
        totals[cause.name] = totals.get(cause.name, 0) + cause.count
    told = [f"{count} of {one_line(name, _WIDTH)}" for name, count in totals.items()]
    if not told:
        return ""
    more = f", {len(told) - _MOST_ROWS} more causes" if len(told) > _MOST_ROWS else ""
    count, _, first = told[0].partition(" ")
    return ", ".join([f"{count} died {first}", *told[1:_MOST_ROWS]]) + more


def death_lines(posterior: Posterior) -> list[str]:
    """Return the table of deaths as lines of text."""
    rows, more = shown(posterior)
    if not rows:
        return []
    widths = [max(map(len, column)) for column in zip(header(), *rows, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if k == 0 else cell.ljust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (header(), *rows)
    ]
    return [one_line(line, _LINE) for line in lines] + (
        [f"… and {more} more causes"] if more else []
    )


def remedies(posterior: Posterior) -> list[str]:
    """Return what usually helps where all particles died of what these did; [] if some live."""
    if posterior.status is not Status.EXTINCT or not posterior.deaths:
        return []
    said: dict[str, Cause] = {}
    for cause in causes(posterior):
        said.setdefault(cause.said, cause)
    first, every = next(iter(said.values())), list(said.values())
    if first.last == 0:
        name = one_line(first.name, _WIDTH)
        return [f"{name} refuses the empty text, with which every text begins: {_CHECK}"]
    slots = [c for c in causes(posterior) if c.name.startswith("max_tokens=")]
    last = any(c.said == "complete" and c.last == posterior.max_tokens for c in every)
    how = "more max_tokens" + (", or at_max_tokens='cut'" if slots else "")
    own = [_REMEDIES[c.said].format(name=one_line(c.name, _WIDTH)) for c in every if c not in slots]
    return [
        *([how, *own] if slots or last else own)[: _MOST_REMEDIES - 2],
        f"more particles: num_particles={2 * _particles(posterior)}, or retries=3",
        f"if a text above should live: {_CHECK}",
    ]


_CHECK = "smc.check_potential(potential, examples) finds a broken law"
_REMEDIES = {
    "token": "{name} led into a dead end: a mask should refuse what nothing can complete",
    "prefix": "a proposal that asks before it draws: proposal=smc.RejectionProposal()",
    "complete": "a boundary for {name}, or a `prefix` that says no before the end",
    "model": "a draft that is more like the model, or smc.LocalProposal()",
}


def _particles(posterior: Posterior) -> int:
    """N of the run; of its largest try, where it was tried again."""
    sizes: Sequence[int] = [n for ladder in posterior.tries for n in ladder]
    return max(sizes, default=len(posterior.sequences))
