"""Chain of Associated Thoughts (CoAT): tree search with an associative memory at every node."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from smc.errors import PotentialError, SettingsError, SMCError
from smc.model import Prompt
from smc.steps import StepModel, StepScorer
from smc.strategies.ledger import Ledger
from smc.strategies.options import Options
from smc.strategies.results import StrategyResult
from smc.strategies.search_tree import Node
from smc.strategies.seeds import fixed
from smc.strategies.tree_search import TreePolicy, tree_search
from smc.strategies.writing import Template, Writer, question_of

ASSOCIATION = Template(
    "Question:\n{question}\n\nReasoning so far:\n{content}\n\nName, in one or two short sentences, "
    "facts that help with the next step and do not stand there yet. If there are none, answer "
    "with nothing.",
    fields=("question", "content"),
)
"""How a writer is asked for an association."""


class Memory(Protocol):
    """A store that is asked what belongs to a text: a graph, a vector base, a list of facts."""

    def recall(self, question: str, content: str) -> str:
        """Return concise facts on a question and its solution so far; "" for none.

        Raises:
            SMCError: Nothing could be had; the search goes on without.
        """
        ...


class KeywordMemory:
    """Facts, recalled by the words that they share with the text so far.

    Args:
        facts: Each a sentence or so.
        most: How many are recalled at once; those that stand in the text already are not.

    Example:
        >>> KeywordMemory(["Paris is in France.", "Rome is in Italy."]).recall("Where is Rome?", "")
        'Rome is in Italy.'
    """

    def __init__(self, facts: Sequence[str], most: int = 1) -> None:
        self._facts = [(fact, _words(fact)) for fact in facts]
        self._most = most

    def recall(self, question: str, content: str) -> str:
        """Return the facts that share most words with the text; ties go to the first."""
        asked = _words(f"{question} {content}")
        shared = [(len(asked & words), fact) for fact, words in self._facts if fact not in content]
        ranked = sorted((s for s in shared if s[0]), key=lambda s: -s[0])
        return " ".join(fact for _, fact in ranked[: self._most])


def coat(
    model: StepModel,
    prompt: Prompt,
    scorer: StepScorer,
    *,
    num_solutions: int = 16,
    width: int = 4,
    exploration: float = 1.0,
    memory: Memory | Writer | None = None,
    beta: float = 0.1,
    relevance: Callable[[str, str], float] | None = None,
    accept: float | None = None,
    template: Template = ASSOCIATION,
    options: Options | None = None,
) -> StrategyResult:
    """Search a tree as `mcts` does, in which every node recalls what belongs to it.

    A node is gone on from under the prompt and the memories of all nodes of its line, its own
    included, in order. Its value is V = F_g + β·F_a, with F_g the judge's and F_a the relevance of
    its own memory; an empty memory adds 0. Without a memory it is `mcts`, draw for draw.

    Args:
        model: Extends texts by steps.
        prompt: The problem.
        scorer: F_g, judges every new node.
        num_solutions: N, the rollouts.
        width: M, steps drawn from a node.
        exploration: w; 1 in the paper.
        memory: A store, or a writer that is asked for facts; its texts are counted.
        beta: β; 0.1 is best in the paper.
        relevance: F_a of (solution so far, memory), in [0, 1]; default: 1 of any memory.
        accept: A finished solution of this value or more ends the search.
        template: How a writer is asked.
        options: See `Options`; the answer is that of the solution of largest value.

    Returns:
        The answer, the finished solutions, and what all of it cost, associations included.

    Raises:
        SettingsError: β is not a number from 0 on.
        PotentialError: The relevance is no number in [0, 1].

    Source: Pan et al. (2025), "CoAT: Chain-of-Associated-Thoughts framework for enhancing large
    language models reasoning", arXiv:2502.02390.
    """
    if not (math.isfinite(beta) and beta >= 0):
        raise SettingsError(f"beta: expected a number from 0 on, got {beta!r}.")
    chosen = options or Options()
    chosen = dataclasses.replace(chosen, seed=fixed(chosen.seed))
    ledger = Ledger(chosen.seed)
    recalled = None
    if memory is not None:
        recalled = _Associations(prompt, memory, ledger, template, beta, relevance)
    result = tree_search(
        model,
        prompt,
        scorer,
        num_solutions=num_solutions,
        policy=TreePolicy(width, exploration, accept=accept),
        options=chosen,
        associations=recalled,
    )
    failures = () if recalled is None else tuple(recalled.errors)
    return dataclasses.replace(
        result,
        budget=result.budget + ledger.budget,
        calls=ledger.calls,
        errors=tuple(dict.fromkeys((*result.errors, *ledger.errors, *failures))),
    )


def with_memories(prompt: Prompt, memories: Sequence[str]) -> Prompt:
    """Return a prompt that is told facts before it; without any, the prompt itself.

    Raises:
        SettingsError: The prompt is token ids.
    """
    if not memories:
        return prompt
    facts = "Known facts:\n" + "\n".join(f"- {memory}" for memory in memories)
    if isinstance(prompt, str):
        return f"{facts}\n\n{prompt}"
    messages = [dict(m) for m in prompt if isinstance(m, Mapping)]
    if len(messages) != len(prompt):
        raise SettingsError(
            f"prompt: got {str(prompt)[:80]}; expected text or chat messages, so that facts can be "
            "told before it. Decode token ids first."
        )
    last = messages[-1]
    return [*messages[:-1], {**last, "content": f"{facts}\n\n{last['content']}"}]


class _Associations:
    """The memories of a tree; see `smc.strategies.tree_search.Associations`."""

    def __init__(
        self,
        prompt: Prompt,
        memory: Memory | Writer,
        ledger: Ledger,
        template: Template,
        beta: float,
        relevance: Callable[[str, str], float] | None,
    ) -> None:
        self._prompt = prompt
        self._question = question_of(prompt)
        self._memory = memory
        self._ledger = ledger
        self._template = template
        self._beta = beta
        self._relevance = relevance
        self.errors: list[str] = []

    def prompt(self, node: Node) -> Prompt:
        memories = [n.memory for n in node.line() if n.memory]
        return with_memories(self._prompt, memories[::-1])

    def associate(self, nodes: Sequence[Node]) -> None:
        for node, memory in zip(nodes, self._recall(nodes), strict=True):
            node.memory = memory.strip()
            if node.memory:
                node.value += self._beta * self._worth(node)

    def _recall(self, nodes: Sequence[Node]) -> list[str]:
        contents = [n.trajectory.text for n in nodes]
        if hasattr(self._memory, "write"):
            values = [{"question": self._question, "content": c} for c in contents]
            prompts = [self._template.like(self._prompt, v) for v in values]
            texts = self._ledger.write(self._memory, "association", prompts)  # type: ignore[arg-type]
            return ["" if t.error is not None else t.text for t in texts]
        return [self._from_store(content) for content in contents]

    def _from_store(self, content: str) -> str:
        try:
            return self._memory.recall(self._question, content)  # type: ignore[union-attr]
        except SMCError as error:
            self.errors.append(str(error))
            return ""

    def _worth(self, node: Node) -> float:
        if self._relevance is None:
            return 1.0
        worth = self._relevance(node.trajectory.text, node.memory)
        number = isinstance(worth, int | float) and not isinstance(worth, bool)
        if not (number and 0 <= worth <= 1):
            raise PotentialError(
                f"relevance: got {worth!r} for the memory {node.memory[:200]!r}; expected a number "
                "in [0, 1]."
            )
        return float(worth)


def _words(text: str) -> set[str]:
    return {w for w in re.findall(r"\w+", text.lower()) if len(w) > 2}
