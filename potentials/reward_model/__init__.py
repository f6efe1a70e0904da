"""Process reward models: scores of reasoning steps, as potentials and for strategies."""

from potentials.reward_model.formats import (
    Classifier,
    Format,
    MathShepherd,
    QwenPRM,
    RLHFlow,
    Skywork,
)
from potentials.reward_model.function import FunctionReward
from potentials.reward_model.likelihood import Continuation, LikelihoodReward, Logistic
from potentials.reward_model.loading import (
    FORMATS,
    FormatName,
    load_likelihood_reward,
    load_reward_model,
)
from potentials.reward_model.model import RewardModel
from potentials.reward_model.potentials import Multiplicative, Telescoping
from potentials.reward_model.texts import question_of, split_steps

__all__ = [
    "FORMATS",
    "Classifier",
    "Continuation",
    "Format",
    "FormatName",
    "FunctionReward",
    "LikelihoodReward",
    "Logistic",
    "MathShepherd",
    "Multiplicative",
    "QwenPRM",
    "RLHFlow",
    "RewardModel",
    "Skywork",
    "Telescoping",
    "load_likelihood_reward",
    "load_reward_model",
    "question_of",
    "split_steps",
]
