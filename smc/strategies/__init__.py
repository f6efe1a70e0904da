"""Strategies of test-time scaling: search policies over the same extend, score and select.

>>> from smc.strategies import STRATEGIES, beam, Options
>>> sorted(STRATEGIES)[:4]
['backtracking', 'beam', 'best_of_n', 'coat']

All are called alike, `strategy(model, prompt, scorer, num_solutions=N, options=Options(...))`, and
return a `StrategyResult` with what they cost.
"""

from __future__ import annotations

from smc.strategies.adaptable import Adaptable, Adapted
from smc.strategies.aggregate import AGGREGATES, SELECTIONS, Aggregate, Answer, Selection
from smc.strategies.backtracking import backtracking
from smc.strategies.beam import beam
from smc.strategies.best_of_n import best_of_n
from smc.strategies.budget_forcing import BudgetForcing, budget_forcing
from smc.strategies.catalogue import STRATEGIES, Strategy
from smc.strategies.chain_of_draft import chain_of_draft
from smc.strategies.coat import coat
from smc.strategies.compute_optimal import ComputeOptimal, Plan
from smc.strategies.dvts import dvts
from smc.strategies.feedback_edit import feedback_edit
from smc.strategies.feedback_trials import feedback_trials
from smc.strategies.fitting import Trial, fit
from smc.strategies.llm_judge import LLMJudge
from smc.strategies.lookahead import lookahead
from smc.strategies.majority_vote import majority_vote
from smc.strategies.mcts import mcts
from smc.strategies.options import Options
from smc.strategies.particle_filter import particle_filter
from smc.strategies.particle_gibbs import particle_gibbs
from smc.strategies.rap import rap
from smc.strategies.results import Round, StrategyResult
from smc.strategies.revisions import revisions
from smc.strategies.solve import solve
from smc.strategies.tpo import tpo
from smc.strategies.trajectories import Trajectory
from smc.strategies.tree_of_thoughts import tree_of_thoughts
from smc.strategies.tree_search import TreePolicy, tree_search
from smc.strategies.weighted_best_of_n import weighted_best_of_n

__all__ = [
    "AGGREGATES",
    "SELECTIONS",
    "STRATEGIES",
    "Adaptable",
    "Adapted",
    "Aggregate",
    "Answer",
    "BudgetForcing",
    "ComputeOptimal",
    "LLMJudge",
    "Options",
    "Plan",
    "Round",
    "Selection",
    "Strategy",
    "StrategyResult",
    "Trajectory",
    "TreePolicy",
    "Trial",
    "backtracking",
    "beam",
    "best_of_n",
    "budget_forcing",
    "chain_of_draft",
    "coat",
    "dvts",
    "feedback_edit",
    "feedback_trials",
    "fit",
    "lookahead",
    "majority_vote",
    "mcts",
    "particle_filter",
    "particle_gibbs",
    "rap",
    "revisions",
    "solve",
    "tpo",
    "tree_of_thoughts",
    "tree_search",
    "weighted_best_of_n",
]
