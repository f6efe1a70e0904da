"""Steps in the place of tokens: the protocol of step models, and models that follow it."""

from smc.errors import EndpointError
from smc.steps.protocol import (
    Budget,
    Extension,
    Solution,
    StepModel,
    StepScorer,
    TokenText,
    cut,
)

__all__ = [
    "Budget",
    "EndpointError",
    "Extension",
    "Solution",
    "StepModel",
    "StepScorer",
    "TokenText",
    "cut",
]
