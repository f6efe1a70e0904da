"""What is associated with a solution so far: the statement that shares most with its last line."""

from __future__ import annotations

import re
from collections.abc import Sequence

from domains.reasoning.puzzles import KINDS, puzzle_of, split

_WORD = re.compile(r"[A-Za-z]+|\d+")
_COMMON = frozenset("a and be can could for from in is it lived lives of on not the to was".split())


class StatementMemory:
    """The statements of a question, or what is known of its kind (`Kind.statements`).

    It is recalled by words and numbers that are shared, knows no solution, and computes nothing.
    """

    def recall(self, question: str, content: str) -> str:
        """Return the statement that shares most words with the last line; "" for none.

        Args:
            question: The prompt of a puzzle.
            content: Its solution so far.
        """
        puzzle = puzzle_of(question)
        lines = split(content)
        asked = set(_WORD.findall(lines[-1] if lines else puzzle.question)) - _COMMON
        best, most = "", 0
        for statement in KINDS[puzzle.kind].statements(puzzle.question):
            shared = len(asked & set(_WORD.findall(statement)))
            if shared > most and statement not in content:
                best, most = statement, shared
        return best


def recalled(prompt: str, lines: Sequence[str]) -> list[str]:
    """Return what is recalled at each of the lines of a solution, in order; repetitions too."""
    memory = StatementMemory()
    found = (memory.recall(prompt, "".join(lines[: k + 1])) for k in range(len(lines)))
    return [statement for statement in found if statement]
