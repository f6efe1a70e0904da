"""The task without the true plan, for one who knows that every goal is a whole state.

Here every goal of the benchmark is one; it is more than a user of other problems may know.

python -m benchmarks run domains.planetarium.whole_state …
"""

from __future__ import annotations

from domains.planetarium.task import PlanetariumTask

TASK = PlanetariumTask(potential="consistent+reachable+whole")
