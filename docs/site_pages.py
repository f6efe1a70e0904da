"""The site's made pages: kept by path, with the navigation of each folder."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"


@dataclass
class Pages:
    """Pages of one build.

    Attributes:
        contents: Text, or the bytes of a picture, by path in the site.
        navigation: What stands under each folder, in order.
    """

    contents: dict[str, str | bytes] = field(default_factory=dict)
    navigation: dict[str, list[Any]] = field(default_factory=dict)

    def write(self, path: str, text: str) -> None:
        """Keep a page."""
        self.contents[path] = text

    def summary(self, folder: str, pages: Iterable[tuple[str, str]]) -> None:
        """Keep the navigation of a folder: titles and files."""
        self.navigation[folder] = [{title: f"{folder}/{file}"} for title, file in pages]


def without_links(text: str) -> str:
    """Return Markdown whose links to files that are no pages are their words alone."""
    return re.sub(r"(?<!!)\[([^\]\n]+)\]\((?!https?:|#)(?![\w-]+\.md\))[^)\n]+\)", r"\1", text)
