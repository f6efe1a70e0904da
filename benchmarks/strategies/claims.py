"""Claims of the papers on strategies, and what the intervals measured here say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.strategies.analysis import Outcomes, Values, at_cost, difference
from benchmarks.strategies.tables import shown, table
from smc.intervals import Interval

Group = Literal["all", "easy", "medium", "hard"]
OPTIMAL = "compute_optimal"


@dataclass(frozen=True)
class Claim:
    """That one strategy is better than another, somewhere.

    Attributes:
        source: Who says so.
        text: What.
        ours: The strategy that is said to be better; `OPTIMAL` is the choice fitted on the other
            half of the problems.
        theirs: The other one.
        group: Which problems; see `group_of`.
        cost: In samples.
        their_cost: Of the other one; larger where it is said to need more.
    """

    source: str
    text: str
    ours: str
    theirs: str
    group: Group
    cost: float
    their_cost: float


def _equal(
    source: str, text: str, ours: str, theirs: str, group: Group, *costs: float
) -> list[Claim]:
    return [Claim(source, text, ours, theirs, group, cost, cost) for cost in costs]


SNELL, LIU, PURI = "Snell et al. 2024", "Liu et al. 2025", "Puri et al. 2025"
BEECHING, HERE = "Beeching et al. 2024", "asked here"
WBON = "weighted_best_of_n"

CLAIMS: tuple[Claim, ...] = (
    *_equal(BEECHING, "a judge beats the majority", WBON, "majority_vote", "all", 16, 64),
    *_equal(BEECHING, "summed scores beat the one best score", WBON, "best_of_n", "all", 16, 64),
    *_equal(SNELL, "beams win small budgets on medium problems", "beam", WBON, "medium", 4, 16),
    *_equal(SNELL, "beams lose large budgets on easy problems", WBON, "beam", "easy", 64),
    Claim(SNELL, "beams over-optimise easy problems", "beam", "beam", "easy", 4, 64),
    Claim(HERE, "the one best score over-optimises", "best_of_n", "best_of_n", "all", 4, 64),
    Claim(HERE, "particles over-optimise", "particle_filter", "particle_filter", "all", 4, 64),
    *_equal(LIU, "beams win for small models on hard problems", "beam", WBON, "hard", 16, 64),
    *_equal(LIU, "best-of-N wins for small models on easy problems", WBON, "beam", "easy", 16),
    *_equal(SNELL, "looking ahead loses at equal cost", "beam", "lookahead", "all", 16, 64),
    *_equal(BEECHING, "diverse trees win large budgets", "dvts", "beam", "all", 64),
    *_equal(BEECHING, "diverse trees beat best-of-N", "dvts", WBON, "all", 16, 64),
    *_equal(PURI, "particles beat best-of-N", "particle_filter", WBON, "all", 16, 64),
    *_equal(PURI, "particles beat diverse trees", "particle_filter", "dvts", "all", 16, 64),
    Claim(PURI, "particles need 4 times less", "particle_filter", "dvts", "all", 16, 64),
    Claim(PURI, "particles need 16 times less", "particle_filter", "dvts", "all", 4, 64),
    *_equal(PURI, "sweeps add to particles", "particle_gibbs", "particle_filter", "all", 16, 64),
    Claim(SNELL, "the fitted choice needs 4 times less", OPTIMAL, WBON, "all", 4, 16),
    Claim(SNELL, "the fitted choice needs 4 times less", OPTIMAL, WBON, "all", 16, 64),
    *_equal(SNELL, "the fitted choice beats best-of-N", OPTIMAL, WBON, "all", 4, 16, 64),
    *_equal(SNELL, "the fitted choice beats beams", OPTIMAL, "beam", "all", 4, 16, 64),
)


def group_of(bin_: int, bins: int) -> Group:
    """Return what a bin is: with five, the first two are easy, the next two medium, the last hard.

    Source: Snell et al. (2024), figure 3.
    """
    share = (bin_ + 1) / bins
    return "easy" if share <= 0.4 else "medium" if share <= 0.8 else "hard"


def gap(claim: Claim, outcomes: Outcomes, optimal: Mapping[float, Values]) -> Interval:
    """Return the paired difference, positive where the claim holds, with its interval.

    Args:
        claim: The claim.
        outcomes: Under one judge.
        optimal: `correct` of the fitted choice by budget and problem; see `crossed`.
    """
    own = [o for o in outcomes.all() if claim.group in ("all", group_of(o.bin, outcomes.bins))]
    items = {o.item for o in own}

    def at(name: str, cost: float) -> Values:
        if name != OPTIMAL:
            return at_cost(own, name, cost)
        return {item: v for item, v in optimal.get(cost, {}).items() if item in items}

    return difference(at(claim.ours, claim.cost), at(claim.theirs, claim.their_cost))


def verdict(difference: Interval) -> str:
    """Return what an interval says of a claim.

    A claim that one strategy needs less than another at a larger cost is held to the same: to be
    *better* at the smaller cost. So `not decided` is as much as such a claim says.
    """
    if difference.items == 0:
        return "nothing to compare"
    if difference.low > 0:
        return "confirmed"
    if difference.high < 0:
        return "contradicted"
    return "the same" if difference.low == difference.high == 0 else "not decided"


def claims_table(judges: Sequence[Outcomes], optimal: Sequence[Mapping[float, Values]]) -> str:
    """Return all claims with what is found under each judge.

    Args:
        judges: A judge each.
        optimal: What the fitted choice gives under each; see `crossed`.
    """
    body = []
    for claim in CLAIMS:
        cells = []
        for outcomes, choice in zip(judges, optimal, strict=True):
            interval = gap(claim, outcomes, choice)
            cells.append(f"{verdict(interval)}: {shown(interval, sign='+', places=1)}")
        cost = f"{claim.cost:g}"
        if claim.their_cost != claim.cost:
            cost += f" against {claim.their_cost:g}"
        sides = f"{claim.ours} − {claim.theirs}"
        body.append([claim.text, claim.source, sides, claim.group, cost, *cells])
    head = ["claim", "source", "difference", "problems", "cost", *(o.scorer for o in judges)]
    return (
        "## What the papers claim\n\n"
        "Each claim as a paired difference that is positive where it holds, in points of accuracy, "
        "with its 95% interval. *confirmed*: the interval is above 0; *contradicted*: below; else "
        f"not decided. No interval is corrected for there being {len(CLAIMS)} claims and "
        f"{len(judges)} judges. Where the costs differ, what is said to need less must be *better* "
        "to be confirmed; to *over-optimise* is to be better at the smaller cost. With five bins, "
        "the first two are easy, the next two medium, the last hard. The fitted choice is that of "
        "the other half of the problems.\n\n" + table(head, body)
    )
