"""Lark's own parsers by mode: the reference whose language a translated grammar has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

LARK_OPTIONS: dict[str, dict[str, Any]] = {
    "lalr": {"parser": "lalr", "lexer": "contextual"},
    "earley-dynamic": {"parser": "earley", "lexer": "dynamic"},
}


def lark_parser(
    source: str,
    mode: str,
    *,
    start: str = "start",
    import_paths: Sequence[str | Path] = (),
    base_path: Path | None = None,
) -> Any:
    """Return Lark's parser of a grammar in one of `LARK_OPTIONS`."""
    import lark

    paths = [str(p) for p in ([base_path] if base_path else []) + list(import_paths)]
    options: dict[str, Any] = {"start": start, "import_paths": paths, "keep_all_tokens": True}
    if base_path is not None:
        options["source_path"] = str(Path(base_path) / "grammar.lark")
    return lark.Lark(source, maybe_placeholders=False, **LARK_OPTIONS[mode], **options)
