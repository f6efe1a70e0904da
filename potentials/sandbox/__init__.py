"""A sandbox for Python programs that are not to be trusted: the one place that starts processes.

from potentials.sandbox import Job, Sandbox

with Sandbox(imports=("numpy",)) as sandbox:
    print(sandbox.walls)
    print(sandbox.run(Job(("x = 1 / 0",))))
"""

from potentials.sandbox.errors import SandboxError
from potentials.sandbox.jobs import Job, Limits, Outcome, RunResult
from potentials.sandbox.sandbox import Sandbox
from potentials.sandbox.walls import Walls

__all__ = ["Job", "Limits", "Outcome", "RunResult", "Sandbox", "SandboxError", "Walls"]
