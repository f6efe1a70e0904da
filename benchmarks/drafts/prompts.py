"""The three ways of asking, after the paper, each with or without three solved problems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from potentials.mathematics import last_number
from smc.strategies.chain_of_draft import INSTRUCTION, chain_of_draft, drafted_answer

SYSTEMS: Mapping[str, str] = {
    "direct": "Answer the question directly. Do not return any preamble, explanation, or "
    "reasoning. Return the answer after a separator ####.",
    "chain of thought": "Think step by step to answer the following question. Return the answer "
    "at the end of the response after a separator ####.",
    "chain of draft": INSTRUCTION,
}
"""The system message of each way (Xu et al. 2025, section 4)."""


@dataclass(frozen=True)
class Solved:
    """A problem of our own, solved in each way."""

    question: str
    thought: str
    draft: str
    answer: str

    def said(self, way: str) -> str:
        """Return the solution as one asked in this way would write it."""
        before = {"direct": "", "chain of thought": self.thought, "chain of draft": self.draft}[way]
        return f"{before} #### {self.answer}".strip()


EXAMPLES = (
    Solved(
        "A baker has 48 rolls. He sells 5 bags of 6 rolls each and gives 4 rolls away. How many "
        "rolls are left?",
        "The baker sells 5 bags of 6 rolls, which is 5 * 6 = 30 rolls. He also gives away 4 rolls, "
        "so 30 + 4 = 34 rolls are gone. Of 48 rolls, 48 - 34 = 14 are left.",
        "5 * 6 = 30; 30 + 4 = 34; 48 - 34 = 14.",
        "14",
    ),
    Solved(
        "A tram ticket costs $3. A monthly pass costs $56 and allows any number of trips. Ina "
        "makes 24 trips a month. How many dollars does she save with the pass?",
        "With tickets, Ina pays 24 * 3 = 72 dollars a month. The pass costs 56 dollars. She saves "
        "72 - 56 = 16 dollars.",
        "24 * 3 = 72; 72 - 56 = 16.",
        "16",
    ),
    Solved(
        "A tank holds 90 litres and is two thirds full. A pump takes out 4 litres a minute. How "
        "many minutes does it take until the tank is empty?",
        "The tank has two thirds of 90 litres in it, that is 90 * 2 / 3 = 60 litres. The pump "
        "takes out 4 litres a minute, so the tank is empty after 60 / 4 = 15 minutes.",
        "90 * 2 / 3 = 60; 60 / 4 = 15.",
        "15",
    ),
)


def ask(way: str, question: str, shown: int) -> list[dict[str, str]]:
    """Return chat messages that ask a question in one of the ways, after so many solved ones."""
    examples = [(e.question, e.said(way)) for e in EXAMPLES[:shown]]
    _, *messages = chain_of_draft(question, examples)
    return [{"role": "system", "content": SYSTEMS[way]}, *messages]


def answer_of(text: str) -> str | None:
    r"""Return the number behind the separator; without one, the last number of the text.

    Example:
        >>> answer_of("5 * 6 = 30 #### $30"), answer_of("So it is 30."), answer_of("no")
        ('30', '30', None)
    """
    behind = drafted_answer(text)
    return last_number(text if behind is None else behind)
