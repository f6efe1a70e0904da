"""The prompts of the papers on test-time scaling."""

from __future__ import annotations

from typing import Literal, get_args

from potentials.mathematics import BOXED
from smc.model import Prompt

Style = Literal["llama", "qwen", "plain"]
STYLES: tuple[Style, ...] = get_args(Style)

LLAMA = """\
Solve the following math problem efficiently and clearly:

- For simple problems (2 steps or fewer):
Provide a concise solution with minimal explanation.

- For complex problems (3 steps or more):
Use this step-by-step format:

## Step 1: [Concise description]
[Brief explanation and calculations]

## Step 2: [Concise description]
[Brief explanation and calculations]

...

Regardless of the approach, always conclude with:

Therefore, the final answer is: $\\boxed{answer}$. I hope it is correct.

Where [answer] is just the final number or expression that solves the problem."""
"""System message for Llama models (Beeching et al. 2024; Liu et al. 2025, arXiv:2502.06703)."""

QWEN = BOXED
"""System message for Qwen models (the same)."""


def make_prompt(question: str, style: Style) -> Prompt:
    """Return the prompt of a problem.

    Args:
        question: The problem.
        style: `llama` or `qwen`: chat messages; `plain`: text, for models without a chat template.

    Raises:
        ValueError: There is no such style.
    """
    if style == "plain":
        return f"Problem:\n{question}\n\n{QWEN}\n\nSolution:\n"
    if style not in STYLES:
        raise ValueError(f"math_word: style {style!r}; expected one of {', '.join(STYLES)}.")
    system = LLAMA if style == "llama" else QWEN
    return [{"role": "system", "content": system}, {"role": "user", "content": question}]
