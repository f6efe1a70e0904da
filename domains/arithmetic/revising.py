"""The format of the embedded revision model: earlier attempts, then the problem once more.

The problem stands last, where the policy that the model was made of expects it, so that a solution
follows it as ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from smc.errors import PromptError
from smc.model import Prompt

REVISER = Path(__file__).parent / "reviser"
CONTEXT = 4
"""Attempts in sight at most, as the model was trained and as in the paper."""
MARK = "~\n"
"""Stands behind each attempt."""


def revise(prompt: Prompt, attempts: Sequence[str]) -> str:
    r"""Return the prompt of the next attempt, for `smc.strategies.revisions`.

    Args:
        prompt: The problem's text.
        attempts: Solutions, the oldest first; the last `CONTEXT` are shown.

    Raises:
        PromptError: The prompt is not text.

    Example:
        >>> revise("a=7+5;a?\n", ["a=7+5=11"])
        'a=7+5=11\n~\na=7+5;a?\n'
    """
    if not isinstance(prompt, str):
        raise PromptError(
            f"prompt: the revision model takes a problem's text, got {type(prompt).__name__}. Give "
            "the `prompt` of an item of the arithmetic task."
        )
    return "".join(f"{text.rstrip()}\n{MARK}" for text in attempts[-CONTEXT:]) + prompt
