"""Summary of a posterior as a few lines of text, for notebooks and terminals."""

from __future__ import annotations

from smc.pages.deaths import death_lines, deaths_line, remedies
from smc.pages.markup import number, one_line
from smc.posterior import Posterior, Status

_MOST_TEXTS = 10
_WIDTH = 88
_CUT = "  (cut)"


def summary(posterior: Posterior) -> str:
    """Return what a posterior holds, in at most twenty lines."""
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
    tries = tries_line(posterior)
    if tries:
        lines.append(tries)
    if status is Status.EXTINCT:
        lines.append(f"Extinct: {one_line(posterior.reason or 'no reason', 400)}")
        lines += death_lines(posterior)
        helps = remedies(posterior)
        return "\n".join([*lines, *(["What usually helps:"] if helps else []), *helps])
    died = deaths_line(posterior)
    if died:
        lines.append(one_line(died, 2 * _WIDTH))
    cut = truncated_line(posterior)
    if cut:
        lines.append(cut)
    texts, truncated = list(posterior.probabilities().items()), posterior.truncated
    lines += [
        f"{100 * p:7.2f} %  {one_line(t, _WIDTH)}{_CUT if t in truncated else ''}"
        for t, p in texts[:_MOST_TEXTS]
    ]
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


def truncated_line(posterior: Posterior) -> str:
    """Return what share of the weight has texts that were cut, and where; empty if none has."""
    if posterior.truncated_share == 0:
        return ""
    limit = "" if posterior.max_tokens is None else f"={posterior.max_tokens}"
    share = 100 * posterior.truncated_share
    return f"{share:.2f} % of the weight has texts that were cut at max_tokens{limit}"


def tries_line(posterior: Posterior) -> str:
    """Return the sizes of the runs of both ladders, where one was tried again; else nothing."""
    if max(map(len, posterior.tries), default=0) < 2:
        return ""
    ladders = (" → ".join(map(str, sizes)) for sizes in posterior.tries)
    return f"tried again, with particles: {'; '.join(ladders)}"


def prompt_text(prompt: object) -> str:
    """Return a prompt for reading: its text, the last message of a chat, or token ids."""
    if isinstance(prompt, str):
        return prompt
    last = prompt[-1] if isinstance(prompt, list | tuple) and prompt else None
    if isinstance(last, dict) and isinstance(last.get("content"), str):
        return last["content"]
    return str(prompt)
