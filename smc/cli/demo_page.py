"""The page of the demo: table of methods, what each wrote, and the genealogies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from smc.cli.demo_domain import DemoDomain
from smc.intervals import Interval
from smc.pages import cards, document, posterior_section
from smc.pages.markup import coordinate, escape
from smc.pages.sections import table

if TYPE_CHECKING:
    from smc.cli.demo_result import MethodResult

_CARDS = 7
_LONG = 800
"""Characters of a prompt that is shown only when it is asked for."""
_MEANINGS = {
    "lm": "the model alone",
    "lcd": "masked by the grammar, token by token",
    "gis": "masked, weighted by the mask",
    "rerank": "masked, weighted at the end",
    "is": "masked, all weights, at the end",
    "gsmc": "masked, weighted by the mask, resampled",
    "smc": "all weights at every token, resampled",
}


def demo_page(
    domain: DemoDomain, items: Sequence[Any], results: Sequence[MethodResult], ess_threshold: float
) -> str:
    """Return the page."""
    last = results[-1]
    answered = [k for k, p in enumerate(last.posteriors) if p.best is not None]
    first = answered[0] if answered else 0
    parts = [
        f"<h1>{escape(domain.title)}</h1>",
        f"<p>{escape(domain.summary)}</p>",
        _first_prompt(items[first]),
        f"<h2>Particles of {escape(last.method)}</h2>",
        "<p>Each row is a particle, each dot the token it drew. Lines that broaden are those that "
        "resampling copied. Point at a dot to read the text so far.</p>",
        _posterior(domain, items, last, first, ess_threshold),
        "<h2>Methods</h2>",
        f"<p>Means over {len(items)} prompts of the posterior mean, with 95 % intervals. "
        f"An invalid text scores 0. {escape(domain.note)} Methods whose intervals overlap are not "
        "told apart by this run.</p>",
        _methods(results),
        f"<h2>What each method wrote for prompt {first + 1}</h2>",
        f"<p>It is the first that {escape(last.method)} answered.</p>" if answered else "",
        "<p>The texts that weigh most; all weigh the same where a method keeps no weights.</p>",
    ]
    for result in results:
        parts.append(f"<h3>{escape(result.method)}: {_MEANINGS[result.method]}</h3>")
        parts.append(_gallery(domain, items[first], result, first))
    if len(items) > 1:
        parts.append("<h2>The other prompts</h2>")
    for k in (k for k in range(len(items)) if k != first):
        section = _posterior(domain, items, last, k, ess_threshold)
        parts.append(f"<details><summary>prompt {k + 1}</summary>{section}</details>")
    return document(domain.title, "\n".join(parts))


def _first_prompt(item: Any) -> str:
    opened = " open" if len(item.prompt) <= _LONG else ""
    return (
        f"<details{opened}><summary>the prompt</summary>"
        f"<pre>{escape(item.prompt.strip())}</pre></details>"
    )


def _posterior(
    domain: DemoDomain, items: Sequence[Any], result: MethodResult, k: int, threshold: float
) -> str:
    posterior, item = result.posteriors[k], items[k]
    drawn = {text: domain.draw(item, text) for text in posterior.probabilities()}
    drawings = {text: svg for text, svg in drawn.items() if svg is not None}
    remarks = {text: domain.remark(item, text) for text in drawings}
    return posterior_section(posterior, ess_threshold=threshold, drawings=drawings, remarks=remarks)


def _gallery(domain: DemoDomain, item: Any, result: MethodResult, k: int) -> str:
    texts = list(result.posteriors[k].probabilities().items())[:_CARDS]
    shown = [
        (text, f"{100 * p:.0f} % · {domain.remark(item, text)}", domain.draw(item, text))
        for text, p in texts
    ]
    return f'<div class="smc-posterior">{cards(shown)}</div>' if shown else "<p>extinct</p>"


def _methods(results: Sequence[MethodResult]) -> str:
    names = list(results[0].scores)
    header = ["method", "", *(n for name in names for n in (escape(name), ""))]
    rows = [
        [
            f"<b>{escape(r.method)}</b>",
            escape(_MEANINGS[r.method]),
            *(cell for name in names for cell in _cells(r.scores[name])),
            f"{r.tokens:.0f}",
            f"{r.seconds:.1f}",
        ]
        for r in results
    ]
    made = table([*header, "tokens a prompt", "seconds"], rows, 2)
    return f'<div class="smc-posterior">{made}</div>'


def _cells(interval: Interval) -> tuple[str, str]:
    """Return the numbers, and the interval drawn between 0 and 1."""

    def x(value: float) -> str:
        return coordinate(6 + 148 * min(max(value, 0.0), 1.0))

    drawn = (
        '<svg class="smc-interval" width="160" height="20">'
        '<path class="smc-grid" d="M6 10H154M6 5v10M154 5v10"/>'
        f'<line x1="{x(interval.low)}" x2="{x(interval.high)}" y1="10" y2="10"/>'
        f'<circle cx="{x(interval.mean)}" cy="10" r="4"/></svg>'
    )
    said = f"{interval.mean:.3f} ({interval.low:.3f} to {interval.high:.3f})"
    return said.replace(" ", "&nbsp;"), drawn
