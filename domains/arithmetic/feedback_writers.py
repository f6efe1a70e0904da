"""Writers in roles: critics that are functions, and policy, critic and editor as one writer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from domains.arithmetic.feedback import MARK
from domains.arithmetic.problems import ArithmeticProblem
from domains.arithmetic.steps import problem_of
from smc.errors import PromptError
from smc.model import Prompt
from smc.strategies.writing import Writer, WrittenText

Say = Callable[[ArithmeticProblem, str], str]
"""From a problem and a draft to what is said of it."""


class SayingCritic:
    """Says what a function says of a draft.

    Args:
        say: `feedback_on` for a critic that errs nowhere, a bound on what critics can be worth;
            `feedback_by` for one that is read off a judge of steps.
    """

    passes = 0

    def __init__(self, say: Say) -> None:
        self._say = say

    def write(
        self,
        prompts: Sequence[Prompt],
        *,
        rngs: Sequence[np.random.Generator],
        temperature: float | None = None,
        max_tokens: int | None = None,
    ) -> list[WrittenText]:
        """Return a feedback for each prompt, at a token a character and one for its end.

        Raises:
            PromptError: A prompt does not ask for feedback.
        """
        said = [self._say(*asked_about(prompt)) for prompt in prompts]
        return [WrittenText(text, finished=True, num_tokens=len(text) + 1) for text in said]


class TaggingWriter:
    """Drafts by the policy, feedback by the critic, edits between the tags that TPO reads.

    TPO has one writer for all roles. Which of them a text is asked for in stands in the prompt.

    Args:
        policy: Solves problems.
        critic: Says what is wrong with a draft, in the format of `domains.arithmetic.feedback`.
        editor: Writes a draft anew, likewise.
    """

    def __init__(self, policy: Writer, critic: Writer, editor: Writer) -> None:
        self._writers = {"draft": policy, "feedback": critic, "edit": editor}

    @property
    def passes(self) -> int:
        """Of all three."""
        return sum(writer.passes for writer in self._writers.values())

    def write(
        self,
        prompts: Sequence[Prompt],
        *,
        rngs: Sequence[np.random.Generator],
        temperature: float | None = None,
        max_tokens: int | None = None,
    ) -> list[WrittenText]:
        """Write one text for each prompt; see `Writer.write`."""
        texts: list[WrittenText | None] = [None] * len(prompts)
        roles = [_role(_text(prompt)) for prompt in prompts]
        for role, writer in self._writers.items():
            places = [i for i, own in enumerate(roles) if own == role]
            if not places:
                continue
            written = writer.write(
                [prompts[i] for i in places],
                rngs=[rngs[i] for i in places],
                temperature=temperature,
                max_tokens=max_tokens,
            )
            for i, text in zip(places, written, strict=True):
                texts[i] = _tagged(text) if role == "edit" else text
        return [text for text in texts if text is not None]


def asked_about(prompt: Prompt) -> tuple[ArithmeticProblem, str]:
    """Return problem and draft of a prompt that asks for feedback.

    Raises:
        PromptError: It asks for something else.
    """
    question, line, draft = _text(prompt).partition("\n")
    if not line or not draft.endswith(MARK):
        raise PromptError(
            f"prompt: got {_text(prompt)!r:.200}; expected a problem, a draft and {MARK!r}, as "
            "`domains.arithmetic.feedback.PROMPTS` writes them."
        )
    return problem_of(question + line), draft.removesuffix(MARK)


def _role(prompt: str) -> str:
    if MARK not in prompt:
        return "draft"
    return "feedback" if prompt.endswith(MARK) else "edit"


def _tagged(text: WrittenText) -> WrittenText:
    """A text that came to its end, as a rewrite of TPO."""
    if not text.finished:
        return text
    inner = f"<improved>{text.text}</improved>"
    return WrittenText(inner, finished=True, num_tokens=text.num_tokens)


def _text(prompt: Prompt) -> str:
    if not isinstance(prompt, str):
        raise PromptError(
            f"prompt: the arithmetic models take text, got {type(prompt).__name__}. Give the "
            "`prompt` of an item of the arithmetic task."
        )
    return prompt
