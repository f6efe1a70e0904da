"""What is raised when the sandbox itself, not a program in it, fails."""

from smc.errors import SMCError


class SandboxError(SMCError, RuntimeError):
    """A sandbox that cannot be made, lacks its walls, or broke."""
