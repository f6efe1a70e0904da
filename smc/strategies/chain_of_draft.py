"""Chain of Draft prompting: a model writes a few words a step."""

from __future__ import annotations

from collections.abc import Sequence

INSTRUCTION = (
    "Think step by step, but only keep a minimum draft for each thinking step, with 5 words at "
    "most. Return the answer at the end of the response after a separator ####."
)
"""As in the paper."""


def chain_of_draft(question: str, examples: Sequence[tuple[str, str]] = ()) -> list[dict[str, str]]:
    """Return chat messages that ask for drafts in the place of full sentences.

    Args:
        question: The problem.
        examples: Questions with their drafted solutions; the paper gives a few, and finds that
            small models need them.

    Returns:
        A prompt for any chat model; the answer stands behind `####`, see `drafted_answer`.

    Example:
        >>> chain_of_draft("1+1?")[-1]
        {'role': 'user', 'content': '1+1?'}

    Source: Xu et al. (2025), "Chain of Draft: thinking faster by writing less".
    """
    messages = [{"role": "system", "content": INSTRUCTION}]
    for asked, drafted in examples:
        messages.append({"role": "user", "content": asked})
        messages.append({"role": "assistant", "content": drafted})
    return [*messages, {"role": "user", "content": question}]


def drafted_answer(text: str) -> str | None:
    """Return what stands behind the last separator; None where there is none.

    Example:
        >>> drafted_answer("20 - 12 = 8 #### 8")
        '8'
    """
    _, separator, answer = text.rpartition("####")
    return answer.strip() or None if separator else None
