"""Step models: generators that extend a text by a whole step in the place of a token."""

from smc.errors import EndpointError
from smc.steps.protocol import (
    Budget,
    Extension,
    Solution,
    StepModel,
    StepScorer,
    TokenText,
    ToTheEnd,
    cut,
)

__all__ = [
    "Budget",
    "EndpointError",
    "Extension",
    "Solution",
    "StepModel",
    "StepScorer",
    "ToTheEnd",
    "TokenText",
    "cut",
]
