"""The task without the true plan: what can be told by one who does not have the answer.

python -m benchmarks run domains.planetarium.without_plan …
"""

from __future__ import annotations

from domains.planetarium.task import PlanetariumTask

TASK = PlanetariumTask(potential="consistent+reachable")
