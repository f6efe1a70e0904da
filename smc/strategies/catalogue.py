"""The catalogue of strategies: by name, for tables, files and the command line."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Protocol

from smc.model import Prompt
from smc.steps import StepModel, StepScorer
from smc.strategies.backtracking import backtracking
from smc.strategies.beam import beam
from smc.strategies.best_of_n import best_of_n
from smc.strategies.coat import coat
from smc.strategies.dvts import dvts
from smc.strategies.feedback_edit import feedback_edit
from smc.strategies.feedback_trials import feedback_trials
from smc.strategies.lookahead import lookahead
from smc.strategies.majority_vote import majority_vote
from smc.strategies.mcts import mcts
from smc.strategies.options import Options
from smc.strategies.particle_filter import particle_filter
from smc.strategies.particle_gibbs import particle_gibbs
from smc.strategies.rap import rap
from smc.strategies.results import StrategyResult
from smc.strategies.revisions import revisions
from smc.strategies.tpo import tpo
from smc.strategies.tree_of_thoughts import tree_of_thoughts
from smc.strategies.weighted_best_of_n import weighted_best_of_n


class Strategy(Protocol):
    """What all strategies have in common."""

    def __call__(
        self,
        model: StepModel,
        prompt: Prompt,
        scorer: StepScorer,
        *,
        num_solutions: int = ...,
        options: Options | None = ...,
    ) -> StrategyResult:
        """Answer one prompt with about `num_solutions` solutions' worth of search."""
        ...


STRATEGIES: Mapping[str, Any] = MappingProxyType(
    {
        "majority_vote": majority_vote,
        "best_of_n": best_of_n,
        "weighted_best_of_n": weighted_best_of_n,
        "beam": beam,
        "dvts": dvts,
        "lookahead": lookahead,
        "particle_filter": particle_filter,
        "particle_gibbs": particle_gibbs,
        "tree_of_thoughts": tree_of_thoughts,
        "mcts": mcts,
        "rap": rap,
        "coat": coat,
        "revisions": revisions,
        "tpo": tpo,
        "feedback_edit": feedback_edit,
        "feedback_trials": feedback_trials,
        "backtracking": backtracking,
    }
)
"""By name, for tables and files; each is a `Strategy`, with further arguments of its own."""
