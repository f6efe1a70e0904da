"""Prompt templates of the roles in a run: data that can be replaced, checked for their fields."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from smc.errors import SettingsError
from smc.model import Prompt


@dataclass(frozen=True)
class Template:
    """The prompt of a role, with fields in braces: `{question}`.

    Attributes:
        user: What the model is asked.
        system: What it is told before, in a chat.
        fields: Those that must stand in `user` or `system`; no others may.

    Raises:
        SettingsError: A field is missing, or there is one too many.

    Example:
        >>> template = Template("{question} Be brief.", fields=("question",))
        >>> template.fill({"question": "Why {so}?"})
        [{'role': 'user', 'content': 'Why {so}? Be brief.'}]
    """

    user: str
    system: str = ""
    fields: tuple[str, ...] = ("question",)

    def __post_init__(self) -> None:
        try:
            parts = [*string.Formatter().parse(self.user), *string.Formatter().parse(self.system)]
        except ValueError as error:
            raise SettingsError(
                f"template: {error}, in {self.user[:200]!r}; expected fields in braces. Write {{{{ "
                "and }} for braces that are text."
            ) from error
        named = {name for _, name, _, _ in parts if name is not None}
        if named != set(self.fields):
            raise SettingsError(
                f"template: got the fields {sorted(named)} in {self.user[:200]!r}; expected "
                f"{sorted(self.fields)}. Write {{{{ and }}}} for braces that are text."
            )

    def fill(self, values: Mapping[str, str]) -> list[dict[str, str]]:
        """Return chat messages with the fields filled in, as they are."""
        messages = [{"role": "user", "content": self.user.format_map(values)}]
        if self.system:
            messages.insert(0, {"role": "system", "content": self.system.format_map(values)})
        return messages

    def text(self, values: Mapping[str, str]) -> str:
        """Return the same as one text, for models without a chat template."""
        return "\n\n".join(m["content"] for m in self.fill(values))

    def like(self, prompt: Prompt, values: Mapping[str, str]) -> Prompt:
        """Return text where the prompt of the run is text, else chat messages."""
        return self.text(values) if isinstance(prompt, str) else self.fill(values)


def question_of(prompt: Prompt) -> str:
    """Return what a prompt asks, to be quoted in other prompts: its text, or its last message.

    Raises:
        SettingsError: It is token ids.
    """
    if isinstance(prompt, str):
        return prompt
    last = prompt[-1] if isinstance(prompt, Sequence) and len(prompt) else None
    if not isinstance(last, Mapping):
        raise SettingsError(
            f"prompt: got {str(prompt)[:80]}; expected text or chat messages, since other prompts "
            "quote it. Decode token ids first."
        )
    return str(last.get("content", ""))
