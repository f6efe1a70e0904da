"""The error of a sandbox that itself fails, as opposed to a program in it."""

from smc.errors import SMCError


class SandboxError(SMCError, RuntimeError):
    """A sandbox that cannot be made, lacks its walls, or broke."""
