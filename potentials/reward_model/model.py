"""A process reward model: one score in [0, 1] for every step of a solution."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cachetools import LRUCache

from potentials import returned
from potentials.reward_model.formats import Format, Reading
from potentials.reward_model.prefixes import Key, Node, Prefixes
from potentials.reward_model.texts import question_of
from smc.errors import PromptError, SettingsError
from smc.model import Prompt
from smc.steps import Solution

if TYPE_CHECKING:
    from potentials.reward_model.network import Output, Reader, TextRow

_SCORES = 100_000
"""Scores that are remembered, of as many beginnings of solutions."""


@dataclass(frozen=True)
class _Work:
    """A text to be read, and the steps whose scores stand at its marks."""

    key: Key
    reading: Reading
    steps: tuple[int, ...]


class RewardModel:
    """Judges the steps of solutions, many at a time; see `load_reward_model` for how to get one.

    What was read is not read again: scores of steps are remembered, and the keys and values of
    their texts are kept for the steps that follow (up to `cache_tokens` tokens). Texts are read in
    batches of at most `batch_size`. Scores depend neither on batches nor on the cache, up to
    rounding.

    A step that ends beyond the model's context gets the score 0; a question that does not fit is
    an error.

    Args:
        network: Decoder and head; see `Network`.
        tokenizer: Of the model.
        format: How a solution is shown to it.
        question: From a prompt to the problem; by default text as it is, and of chat messages the
            user's last.
        batch_size: Texts in one forward pass.
        cache_tokens: Tokens whose keys and values are kept; 0 keeps none.

    Raises:
        SettingsError: A number is out of its range.
    """

    def __init__(
        self,
        network: Reader,
        tokenizer: Any,
        format: Format,
        *,
        question: Callable[[Prompt], str] = question_of,
        batch_size: int = 64,
        cache_tokens: int = 32_768,
    ) -> None:
        if batch_size < 1 or cache_tokens < 0:
            raise SettingsError(
                f"reward model: batch_size={batch_size}, cache_tokens={cache_tokens}; expected at "
                "least 1 and 0."
            )
        self._network, self._tokenizer, self._format = network, tokenizer, format
        self._question, self._batch_size = question, batch_size
        self._prefixes = Prefixes(cache_tokens if network.reuses else 0)
        self._known: LRUCache[Key, float] = LRUCache(_SCORES)
        self._passes = self._tokens = 0

    @property
    def passes(self) -> int:
        """Texts put through the network so far, each in one forward pass."""
        return self._passes

    @property
    def tokens(self) -> int:
        """Tokens put through the network so far; what was reused does not count."""
        return self._tokens

    def clear(self) -> None:
        """Forget all scores, keys and values; what has been counted stays."""
        self._known.clear()
        self._prefixes.clear()

    def scores(self, prompt: Prompt, solutions: Sequence[Solution]) -> list[tuple[float, ...]]:
        """Return for each solution one score for each of its steps.

        Args:
            prompt: What the solutions are of.
            solutions: Steps, with or without the marks that end them.

        Raises:
            PromptError: The question does not fit into the model's context.
            PotentialError: `question` returned something else than text.
        """
        question = returned.text(self._question(prompt), "question=", f"the prompt {prompt!r}")
        known: dict[Key, float] = {}
        for solution in dict.fromkeys(map(tuple, solutions)):
            for end in range(1, len(solution) + 1):
                key = (question, solution[:end])
                if key in self._known:
                    known[key] = self._known[key]
        planned: set[Key] = set()
        work: list[_Work] = []
        for solution in sorted(dict.fromkeys(map(tuple, solutions)), key=len, reverse=True):
            work += self._work(question, solution, known, planned)
        self._open(question, work)
        # Like lengths together: less padding.
        work.sort(key=lambda item: len(item.reading.ids))
        for at in range(0, len(work), self._batch_size):
            known |= self._read(work[at : at + self._batch_size])
        self._known.update(known)
        return [
            tuple(known[question, tuple(s[:end])] for end in range(1, len(s) + 1))
            for s in solutions
        ]

    def _work(
        self, question: str, solution: Solution, known: dict[Key, float], planned: set[Key]
    ) -> list[_Work]:
        """What must be read for the scores of a solution that are neither known nor `planned`."""
        keys: list[Key] = [(question, solution[: k + 1]) for k in range(len(solution))]
        unknown = [k for k, key in enumerate(keys) if key not in known and key not in planned]
        if not unknown:
            return []
        planned.update(keys)
        steps = tuple(range(unknown[0], len(solution)))
        items = []
        for reading in self._format.readings(self._tokenizer, question, solution, unknown[0]):
            own, steps = steps[: len(reading.marks)], steps[len(reading.marks) :]
            ids, marks = reading.ids, reading.marks
            limit = self._network.context
            if limit is not None and len(ids) > limit:
                for k, mark in zip(own, marks, strict=True):
                    if mark >= limit:
                        known[question, solution[: k + 1]] = 0.0
                ids, marks = ids[:limit], tuple(m for m in marks if m < limit)
                own = own[: len(marks)]
            if own:
                items.append(_Work((question, solution), Reading(ids, marks, reading.start), own))
        return items

    def _open(self, question: str, work: Sequence[_Work]) -> None:
        """Read the question itself first, once, where several texts begin with it."""
        ids = self._format.opening(self._tokenizer, question)
        limit = self._network.context
        if limit is not None and len(ids) >= limit:
            raise PromptError(
                f"reward model: the question has {len(ids)} tokens, and the model's context is "
                f"{limit}; expected fewer. Shorten it, or take another model."
            )
        key: Key = (question, ())
        if len(work) < 2 or not ids or not self._prefixes.max_tokens or key in self._prefixes:
            return
        output = self._forward([self._row(None, 0, Reading(ids, ()))])
        if output.layers is not None:
            self._prefixes.add(Node(ids, 0, output.layers[0], None, key))

    def _read(self, batch: Sequence[_Work]) -> dict[Key, float]:
        """Read a batch; return the scores and keep what can be built upon."""
        nodes = [self._prefixes.longest(w.key, w.reading.ids) for w in batch]
        # Where the model's output is needed it is read, never reused.
        nodes = [(n, min(k, w.reading.first)) for (n, k), w in zip(nodes, batch, strict=True)]
        widest = max(len(w.reading.ids) - k for (_, k), w in zip(nodes, batch, strict=True))
        if not self._network.fits(max(k for _, k in nodes), widest):
            nodes = [(None, 0) for _ in nodes]
        rows = [self._row(n, k, w.reading) for (n, k), w in zip(nodes, batch, strict=True)]
        output = self._forward(rows)
        scores: dict[Key, float] = {}
        for r, (item, (node, known)) in enumerate(zip(batch, nodes, strict=True)):
            question, solution = item.key
            for k, score in zip(item.steps, output.scores[r], strict=True):
                scores[question, solution[: k + 1]] = score
            if output.layers is not None and self._prefixes.max_tokens:
                self._keep(item, node if known else None, known, output.layers[r])
        return scores

    def _keep(self, item: _Work, node: Node | None, known: int, layers: Any) -> None:
        """Keep a text as a chain of nodes, one for each step that it was read for."""
        question, solution = item.key
        start = known
        for k, mark in zip(item.steps, item.reading.marks, strict=True):
            own = slice(start - known, mark + 1 - known)
            part = [(keys[:, own].clone(), values[:, own].clone()) for keys, values in layers]
            ids = item.reading.ids[: mark + 1]
            node = Node(ids, start, part, node, (question, solution[: k + 1]))
            self._prefixes.add(node)
            start = mark + 1

    def _row(self, node: Node | None, known: int, reading: Reading) -> TextRow:
        from potentials.reward_model.network import TextRow

        pieces = [] if node is None else node.pieces(known)
        marks = tuple(m - known for m in reading.marks)
        return TextRow(pieces, known, reading.ids[known:], marks, reading.first - known)

    def _forward(self, rows: Sequence[TextRow]) -> Output:
        self._passes += len(rows)
        self._tokens += sum(len(row.new) for row in rows)
        return self._network.read(rows)
