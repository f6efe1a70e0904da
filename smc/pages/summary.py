"""Summary of a posterior as a few lines of text, for notebooks and terminals."""

from __future__ import annotations

from smc.pages.markup import number, one_line
from smc.posterior import Posterior, Status

_MOST_TEXTS = 10
_WIDTH = 88


def summary(posterior: Posterior) -> str:
    """Return what a posterior holds, in at most fifteen lines."""
    size, status = len(posterior.sequences), posterior.status
    steps, resamplings = len(posterior.history), sum(s.resampled for s in posterior.history)
    lines = [
        f"Posterior({status.value}): {size} particles, effective sample size "
        f"{posterior.ess:.1f}, log evidence {number(posterior.log_evidence, 3)}",
        f"{steps} steps, {resamplings} resamplings, {posterior.num_tokens} particle-tokens",
    ]
    run = run_line(posterior)
    if run:
        lines.append(one_line(run, _WIDTH))
    if status is Status.EXTINCT:
        return "\n".join([*lines, f"Extinct: {one_line(posterior.reason or 'no reason', 400)}"])
    if posterior.truncated_share > 0:
        share = 100 * posterior.truncated_share
        lines.append(f"{share:.2f} % of the weight has texts that were cut at max_tokens")
    texts = list(posterior.probabilities().items())
    lines += [f"{100 * p:7.2f} %  {one_line(t, _WIDTH)}" for t, p in texts[:_MOST_TEXTS]]
    if len(texts) > _MOST_TEXTS:
        rest = sum(p for _, p in texts[_MOST_TEXTS:])
        lines.append(f"{100 * rest:7.2f} %  in {len(texts) - _MOST_TEXTS} more texts")
    return "\n".join(lines)


def run_line(posterior: Posterior) -> str:
    """Return how the run was made, as far as it was kept: model, seed, prompt."""
    parts = []
    if posterior.model is not None:
        parts.append(f"model {posterior.model}")
    if posterior.seed is not None:
        parts.append(f"seed {posterior.seed}")
    if posterior.prompt is not None:
        parts.append(f"prompt {prompt_text(posterior.prompt)}")
    return ", ".join(parts)


def prompt_text(prompt: object) -> str:
    """Return a prompt for reading: its text, the last message of a chat, or token ids."""
    if isinstance(prompt, str):
        return prompt
    last = prompt[-1] if isinstance(prompt, list | tuple) and prompt else None
    if isinstance(last, dict) and isinstance(last.get("content"), str):
        return last["content"]
    return str(prompt)
