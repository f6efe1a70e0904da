"""Formats of published process reward models: their texts, and where their scores stand.

A format turns (question, steps) into token ids and the positions at which the model is asked, so
that a cached, batched pass gives what the authors' own code gives for the whole text. Steps are
text of a language model and so hostile: what looks like a special token is taken out of them, and
a step cannot write the mark of another one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from potentials.reward_model.encoding import chat_ids, encode, last_id, marked, only_id
from potentials.reward_model.texts import clean, common_prefix


@dataclass(frozen=True)
class Reading:
    """One text for the model.

    Attributes:
        ids: Token ids.
        marks: Where in `ids` the scores of steps are read, ascending, one for each step that this
            text is for.
        start: The first position at which the model's output is needed, at most the first mark;
            None: that mark.
    """

    ids: tuple[int, ...]
    marks: tuple[int, ...]
    start: int | None = None

    @property
    def first(self) -> int:
        """The first position at which the model's output is needed; without marks, the last one."""
        if self.start is not None:
            return self.start
        return self.marks[0] if self.marks else len(self.ids) - 1


class Format(ABC):
    """What one kind of reward model is shown. Everything but `readings` has a default."""

    @abstractmethod
    def readings(
        self, tokenizer: Any, question: str, steps: Sequence[str], first: int = 0
    ) -> list[Reading]:
        """Return texts whose marks, in order, are those of `steps[first:]`.

        Args:
            tokenizer: Of the model.
            question: The problem.
            steps: All steps so far.
            first: How many of them need no score.
        """

    def opening(self, tokenizer: Any, question: str) -> tuple[int, ...]:
        """Return ids that every text about the question begins with, as many as are certain."""
        two = [self.readings(tokenizer, question, [s])[0].ids for s in ("1", "x")]
        return two[0][: common_prefix(*two)]


@dataclass(frozen=True)
class MathShepherd(Format):
    """Math-Shepherd (Wang et al. 2024): the mark `ки` behind every step, `+` or `-` is next.

    Attributes:
        mark: Ends a step.
        good: The token whose probability, beside that of `bad`, is the score.
        bad: The other one.
    """

    mark: str = "ки"
    good: str = "+"
    bad: str = "-"

    def candidates(self, tokenizer: Any) -> tuple[int, int]:
        """Return the ids of `good` and `bad`."""
        ids = tokenizer.encode(f"{self.good} {self.bad}", add_special_tokens=False)
        if len(ids) == 2:
            return ids[0], ids[1]
        return last_id(tokenizer, self.good), last_id(tokenizer, self.bad)

    def readings(
        self, tokenizer: Any, question: str, steps: Sequence[str], first: int = 0
    ) -> list[Reading]:
        """Return one text, `question step ки⏎step ки…`."""
        cleaned = [clean(tokenizer, s).rstrip() for s in steps]
        parts = [f"{clean(tokenizer, question)} "]
        parts += [
            f"{s} {self.mark}" if k == 0 else f"\n{s} {self.mark}" for k, s in enumerate(cleaned)
        ]
        mark = last_id(tokenizer, self.mark)
        return [Reading(*marked(tokenizer, parts, mark, first, specials=True))]


@dataclass(frozen=True)
class RLHFlow(Format):
    """RLHFlow's PRMs (Dong et al. 2024): every step is a user's turn, answered by `+` or `-`.

    Attributes:
        good: The answer that praises; it also stands in the turns of the earlier steps.
        bad: The answer that blames.
    """

    good: str = "+"
    bad: str = "-"

    def candidates(self, tokenizer: Any) -> tuple[int, int]:
        """Return the ids of `good` and `bad`."""
        return last_id(tokenizer, self.good), last_id(tokenizer, self.bad)

    def readings(
        self, tokenizer: Any, question: str, steps: Sequence[str], first: int = 0
    ) -> list[Reading]:
        """Return one conversation; a score is read where the answer's token is foretold.

        Where the chat template changes earlier turns as the conversation grows, there are several.
        """
        turns: list[Mapping[str, str]] = []
        readings: list[Reading] = []
        for k, step in enumerate(steps):
            text = clean(tokenizer, step).strip()
            text = f"{clean(tokenizer, question)} {text}" if k == 0 else text
            turns.append({"role": "user", "content": text})
            if k >= first:
                ids = tuple(chat_ids(tokenizer, turns, answer_next=True))
                shorter = readings.pop() if readings else Reading((), ())
                if ids[: len(shorter.ids)] != shorter.ids:
                    readings.append(shorter)
                    shorter = Reading((), ())
                readings.append(Reading(ids, (*shorter.marks, len(ids) - 1)))
            turns.append({"role": "assistant", "content": self.good})
        return readings


@dataclass(frozen=True)
class Skywork(Format):
    """Skywork-o1-Open-PRM (2024): plain text, a value at the `mark` that ends each step.

    Question, lines and marks are encoded one by one, as the authors do.

    Attributes:
        mark: Ends a step, and every line of it; only the last one of a step is read.
    """

    mark: str = "\n"

    def readings(
        self, tokenizer: Any, question: str, steps: Sequence[str], first: int = 0
    ) -> list[Reading]:
        """Return one text, `question⏎step⏎step⏎…`."""
        mark = last_id(tokenizer, self.mark)
        begin = tokenizer.bos_token or ""
        ids = encode(tokenizer, f"{begin}{clean(tokenizer, question)}\n", specials=True)
        marks = []
        for step in steps:
            for line in clean(tokenizer, step).strip(self.mark).split(self.mark):
                ids += encode(tokenizer, line) if line else []
                ids.append(mark)
            marks.append(len(ids) - 1)
        return [Reading(tuple(ids), tuple(marks[first:]))]


SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}."
"""The instruction that Qwen's mathematical models were trained with."""


@dataclass(frozen=True)
class QwenPRM(Format):
    """Qwen2.5-Math-PRM (Zhang et al. 2025): `<extra_0>` behind every step of the answer's turn.

    Attributes:
        mark: Ends a step.
        system: The system message.
    """

    mark: str = "<extra_0>"
    system: str = SYSTEM

    def readings(
        self, tokenizer: Any, question: str, steps: Sequence[str], first: int = 0
    ) -> list[Reading]:
        """Return one conversation, up to the last mark."""
        turns = [
            {"role": "system", "content": self.system},
            {"role": "user", "content": clean(tokenizer, question, self.mark)},
        ]
        opening = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        parts = [opening] + [f"{clean(tokenizer, s, self.mark).strip()}{self.mark}" for s in steps]
        return [Reading(*marked(tokenizer, parts, only_id(tokenizer, self.mark), first))]


@dataclass(frozen=True)
class Classifier(Format):
    """A sequence-classification head, asked about the text up to each step.

    Attributes:
        chat: Question and solution are the two turns of a conversation, and the head reads the
            last token of it, as outcome reward models do; otherwise they are plain text, one after
            the other, and the head reads the last token of each step.
        between: What stands between question and steps in plain text.
    """

    chat: bool = False
    between: str = "\n"

    def readings(
        self, tokenizer: Any, question: str, steps: Sequence[str], first: int = 0
    ) -> list[Reading]:
        """Return a text for every step."""
        asked, cleaned = clean(tokenizer, question), [clean(tokenizer, s) for s in steps]
        readings = []
        for end in range(first + 1, len(steps) + 1):
            text = "".join(cleaned[:end]).rstrip()
            if self.chat:
                turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": text}]
                ids = chat_ids(tokenizer, turns, answer_next=False)
            else:
                ids = encode(tokenizer, f"{asked}{self.between}{text}", specials=True)
                while len(ids) > 1 and ids[-1] == tokenizer.eos_token_id:
                    ids.pop()  # some tokenizers end every text; this one may go on
            readings.append(Reading(tuple(ids), (len(ids) - 1,)))
        return readings
