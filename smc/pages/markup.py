"""HTML escaping and small pieces of markup; every text from outside passes through here."""

from __future__ import annotations

import html
import json
import math
import re
from importlib import resources
from typing import Any

# Also those that turn the direction of the text around them, so that it reads as another, the
# separators of lines that are no line breaks, and halves of surrogate pairs, which UTF-8 has not.
_CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]",
)


def clean(text: str) -> str:
    """Return the text with control characters as U+FFFD, but for line breaks and tabs."""
    return _CONTROLS.sub("\ufffd", text.replace("\r\n", "\n"))


def escape(text: str) -> str:
    """Return the text as HTML, its line breaks kept; other control characters become U+FFFD."""
    return html.escape(clean(text))


def one_line(text: str, limit: int | None = None, *, keep_end: bool = False) -> str:
    """Return the text on one line, breaks and tabs as signs, cut to `limit` characters."""
    line = _CONTROLS.sub("\ufffd", text.replace("\n", "⏎").replace("\t", "⇥"))
    if limit is not None and len(line) > limit:
        line = "…" + line[1 - limit :] if keep_end else line[: limit - 1] + "…"
    return line


def visible(text: str, limit: int | None = None, *, keep_end: bool = False) -> str:
    """Return `one_line` as HTML."""
    return html.escape(one_line(text, limit, keep_end=keep_end))


def script_json(value: Any) -> str:
    """Return JSON that may stand inside a script element, whatever its strings hold."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def number(value: float, digits: int = 2) -> str:
    """Return a number for reading; infinities and NaN as signs."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:.{digits}f}".replace("-", "−")


def coordinate(value: float) -> str:
    """Return a length in an SVG, as short as it can be written."""
    return f"{value:.1f}".removesuffix(".0")


def style() -> str:
    """Return the style sheet of all pages."""
    return _resource("page.css")


def script() -> str:
    """Return the script that shows a particle's text and line under the pointer."""
    return _resource("page.js")


def document(title: str, body: str) -> str:
    """Return a whole page that needs nothing from outside itself."""
    return (
        "<!doctype html>\n"
        '<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{visible(title)}</title>\n<style>\n{style()}</style>\n</head>\n"
        f'<body class="smc-page">\n<main>\n{body}\n</main>\n<script>\n{script()}</script>\n'
        "</body>\n</html>\n"
    )


def _resource(name: str) -> str:
    return resources.files("smc.pages").joinpath(name).read_text(encoding="utf-8")
