"""Sections of a posterior's page: facts, genealogy, texts, costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from smc.pages.chart import WEIGHT_CLASSES, genealogy, hover_data, share
from smc.pages.deaths import header, remedies, shown
from smc.pages.lineage import Lineage
from smc.pages.markup import escape, number, script_json, visible
from smc.pages.summary import prompt_text, tries_line, truncated_line
from smc.posterior import Posterior, Status

MOST_TEXTS = 50
MOST_CARDS = 12


def posterior_section(
    posterior: Posterior,
    *,
    ess_threshold: float | None = None,
    drawings: Mapping[str, str] | None = None,
    remarks: Mapping[str, str] | None = None,
    alone: bool = False,
) -> str:
    """Return facts, genealogy, texts and costs as one block of HTML.

    Args:
        posterior: What to show.
        ess_threshold: The fraction of N under which the run resampled, to draw it.
        drawings: For texts that have one, a picture as SVG; trusted, so not escaped.
        remarks: For texts that have a drawing, a word or two beside their probability.
        alone: Whether it stands outside a page of ours, and needs a frame.
    """
    parts = [_facts(posterior), _run(posterior)]
    if posterior.reason:
        parts.append(f'<p class="smc-reason">Extinct: {escape(posterior.reason)}</p>')
        parts.append(_deaths(posterior))
    for line in (tries_line(posterior), truncated_line(posterior)):
        if line:
            parts.append(f"<p>{escape(line)}</p>")
    if posterior.history:
        lineage = Lineage(posterior)
        parts.append(f'<div class="smc-scroll">{genealogy(lineage, ess_threshold)}</div>')
        parts.append(_legend())
        parts.append(f'<script type="application/json">{script_json(hover_data(lineage))}</script>')
        parts.append('<div class="smc-tip"></div>')
    if drawings:
        parts.append(_drawn(posterior, drawings, remarks or {}))
    parts.append(_texts(posterior))
    if not posterior.reason:
        parts.append(_deaths(posterior))
    parts.append(_costs(posterior))
    frame = "smc-posterior smc-alone" if alone else "smc-posterior"
    return f'<div class="{frame}">\n' + "\n".join(p for p in parts if p) + "\n</div>"


def cards(items: Iterable[tuple[str, str, str | None]]) -> str:
    """Return a grid of pictures.

    Args:
        items: (text, caption, SVG or None where there is nothing to draw); the SVG is trusted.
    """
    made = []
    for text, caption, svg in items:
        made.append(
            f'<div class="smc-card">{svg or ""}<strong>{escape(caption)}</strong>'
            f"<code>{visible(text.strip())}</code></div>"
        )
    return f'<div class="smc-cards">{"".join(made)}</div>'


def table(header: Iterable[str], rows: Iterable[Iterable[str]], numeric: int) -> str:
    """Return a table; cells are HTML, and the last `numeric` columns are right-aligned."""
    names = list(header)
    marks = [' class="smc-num"' if k >= len(names) - numeric else "" for k in range(len(names))]
    head = "".join(f"<th{m}>{n}</th>" for m, n in zip(marks, names, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{m}>{v}</td>" for m, v in zip(marks, row, strict=True)) + "</tr>\n"
        for row in rows
    )
    return (
        f'<div class="smc-wide"><table class="smc-table"><thead><tr>{head}</tr></thead>'
        f"<tbody>\n{body}</tbody></table></div>"
    )


def _facts(posterior: Posterior) -> str:
    facts = {
        "status": posterior.status.value,
        "log evidence": number(posterior.log_evidence, 3),
        "effective sample size": f"{posterior.ess:.1f} of {len(posterior.sequences)}",
        "steps": str(len(posterior.history)),
        "resamplings": str(sum(s.resampled for s in posterior.history)),
        "particle-tokens": escape(str(posterior.num_tokens)),
    }
    items = "".join(f"<div><dt>{k}</dt><dd>{v}</dd></div>" for k, v in facts.items())
    return f'<dl class="smc-facts">{items}</dl>'


def _run(posterior: Posterior) -> str:
    """How the run was made, as far as it was kept."""
    rows = [["model", posterior.model], ["seed", posterior.seed]]
    rows += list(map(list, (posterior.settings or {}).items()))
    if posterior.prompt is not None:
        rows.append(["prompt", prompt_text(posterior.prompt)])
    shown = [[escape(str(k)), _code(str(v))] for k, v in rows if v is not None]
    if not shown:
        return ""
    return f"<details><summary>the run</summary>{table(['', ''], shown, 0)}</details>"


def _legend() -> str:
    dots = "".join(
        f'<path class="smc-node smc-w{k}" stroke-width="10" d="M{9 + 15 * k} 8h0"/>'
        for k in range(len(WEIGHT_CLASSES) + 1)
    )
    return (
        '<div class="smc-legend">'
        f'<span>light <svg width="108" height="16">{dots}</svg> heavy '
        "(weight over the mean, ×0.1 to ×4)</span>"
        '<span><svg width="14" height="16"><path class="smc-dead" d="M3 4l8 8M3 12l8 -8"/></svg> '
        "died</span>"
        '<span><svg width="30" height="16"><path class="smc-edge" stroke-width="3" d="M2 8H28"/>'
        "</svg> has descendants in the end</span>"
        '<span><svg width="30" height="16"><path class="smc-edge smc-lost" d="M2 8H28"/></svg> '
        "line that was lost</span>"
        '<span><svg width="18" height="16"><rect class="smc-band" x="2" width="14" height="16"/>'
        "</svg> resampled</span></div>"
    )


def _drawn(posterior: Posterior, drawings: Mapping[str, str], remarks: Mapping[str, str]) -> str:
    items = []
    for text, probability in list(posterior.probabilities().items())[:MOST_CARDS]:
        if text in drawings:
            caption = " · ".join(filter(None, [share_text(probability), remarks.get(text)]))
            items.append((text, caption, drawings[text]))
    return cards(items) if items else ""


def share_text(probability: float) -> str:
    """Return a probability as a percentage, as plain text."""
    return share(probability).replace("&lt;", "<")


def _texts(posterior: Posterior) -> str:
    if posterior.status is Status.EXTINCT:
        last = [[_code(s.text)] for s in posterior.sequences[:MOST_TEXTS]]
        return table(["text where the particle died"], last, 0)
    counts = Counter(s.text for s in posterior.sequences)
    texts = list(posterior.probabilities().items())
    truncated = posterior.truncated
    rows = [
        [
            _code(text) + (" <i>cut</i>" if text in truncated else ""),
            str(counts[text]),
            f'<span class="smc-bar" style="width:{max(1, round(120 * p))}px"></span>{share(p)}',
        ]
        for text, p in texts[:MOST_TEXTS]
    ]
    more = len(texts) - MOST_TEXTS
    rest = f"<p>… and {more} more texts.</p>" if more > 0 else ""
    return table(["text", "particles", "probability"], rows, 2) + rest


def _deaths(posterior: Posterior) -> str:
    """Who died of what, and, of an extinct population, what usually helps."""
    rows, more = shown(posterior)
    if not rows:
        return ""
    cells = [[escape(cell) for cell in row] for row in rows]
    helps = "".join(f"<li>{escape(line)}</li>" for line in remedies(posterior))
    return (
        table(header(), cells, 0)
        + (f"<p>… and {more} more causes.</p>" if more else "")
        + (f"<p>What usually helps:</p><ul>{helps}</ul>" if helps else "")
    )


def _code(text: str) -> str:
    """Return a text as HTML; no line is broken behind a blank that it begins with."""
    if not text:
        return "<i>empty</i>"
    shown = escape(text)
    return f"<code>{'&nbsp;' + shown[1:] if shown.startswith(' ') else shown}</code>"


def _costs(posterior: Posterior) -> str:
    rows = [
        [escape(name), escape(str(calls)), number(seconds, 3)]
        for name, (calls, seconds) in posterior.costs().items()
    ]
    return table(["potential", "evaluations", "seconds"], rows, 2) if rows else ""
