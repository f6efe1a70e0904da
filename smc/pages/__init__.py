"""HTML pages of posteriors: the genealogy of the particles, the evidence, the texts.

A page is one file: its style, script and drawings stand in it, and it asks nothing of the network.
"""

from __future__ import annotations

from collections.abc import Mapping

from smc.pages.markup import document, escape, one_line
from smc.pages.sections import cards, posterior_section
from smc.pages.summary import prompt_text
from smc.posterior import Posterior

__all__ = [
    "cards",
    "default_title",
    "document",
    "posterior_fragment",
    "posterior_page",
    "posterior_section",
]


def posterior_page(
    posterior: Posterior,
    *,
    title: str,
    drawings: Mapping[str, str] | None = None,
    ess_threshold: float | None = None,
) -> str:
    """Return a page of its own.

    Args:
        posterior: What to show.
        title: Its heading.
        drawings: For texts that have one, a picture as SVG; trusted, so not escaped.
        ess_threshold: The fraction of N under which the run resampled, to draw it.
    """
    section = posterior_section(posterior, ess_threshold=ess_threshold, drawings=drawings)
    return document(title, f"<h1>{escape(title)}</h1>\n{section}")


def default_title(posterior: Posterior) -> str:
    """Return the beginning of the prompt as a heading, where it was kept."""
    text = "" if posterior.prompt is None else prompt_text(posterior.prompt).strip()
    return one_line(text, 80) or "Posterior"


def posterior_fragment(posterior: Posterior) -> str:
    """Return the same without a document around it, for notebooks."""
    from smc.pages.markup import script, style

    section = posterior_section(posterior, alone=True)
    return f"<style>\n{style()}</style>\n{section}\n<script>\n{script()}</script>\n"
