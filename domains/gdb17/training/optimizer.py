"""The optimizer, that of all trainings."""

from __future__ import annotations

from domains.training.optimizer import WARM_UP, optimizers, schedule, set_rates

__all__ = ["WARM_UP", "optimizers", "schedule", "set_rates"]
