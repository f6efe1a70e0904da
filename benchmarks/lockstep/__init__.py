"""Lockstep: many runs side by side, which write, draw and judge in common batches."""

from benchmarks.lockstep.desk import Lockstep, Request
from benchmarks.lockstep.model import LockstepModel
from benchmarks.lockstep.scorer import LockstepScorer
from benchmarks.lockstep.writer import LockstepWriter

__all__ = ["Lockstep", "LockstepModel", "LockstepScorer", "LockstepWriter", "Request"]
