"""Lark's parsers and lexers: the languages that a grammar has there, one a *mode*."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smc.errors import GrammarError


@dataclass(frozen=True)
class Mode:
    """A parser of Lark with a lexer, as its arguments name them."""

    parser: str
    lexer: str

    def __str__(self) -> str:
        return f"parser={self.parser!r}, lexer={self.lexer!r}"


MODES: dict[str, Mode] = {
    "lalr": Mode("lalr", "contextual"),
    "lalr-basic": Mode("lalr", "basic"),
    "earley-dynamic": Mode("earley", "dynamic"),
    "earley-dynamic-complete": Mode("earley", "dynamic_complete"),
    "earley-basic": Mode("earley", "basic"),
}

_AUTO = {"lalr": "lalr", "earley": "earley-dynamic"}


def mode_named(parser: str | None, lexer: str | None) -> str | None:
    """Return the key of `MODES` that Lark's arguments name; None if the choice is left open.

    Args:
        parser: Lark's argument; None: not given.
        lexer: Lark's argument; None and "auto": what Lark takes with the parser.

    Raises:
        GrammarError: Lark has no such combination, or it is not one that can be translated.
    """
    if parser is None and lexer in (None, "auto"):
        return None
    if parser is not None and lexer in (None, "auto") and parser in _AUTO:
        return _AUTO[parser]
    for name, mode in MODES.items():
        if mode == Mode(parser or "earley", lexer or "auto"):
            return name
    known = "; ".join(str(mode) for mode in MODES.values())
    raise GrammarError(
        f"Grammar: got parser={parser!r}, lexer={lexer!r}, expected one of Lark's that can be "
        f"translated: {known}; or parser alone, with the lexer that Lark takes for it."
    )


def lark_parser(
    source: str,
    mode: str,
    *,
    start: str = "start",
    import_paths: Sequence[str | Path] = (),
    base_path: Path | None = None,
) -> Any:
    """Return Lark's parser of a grammar in one of `MODES`."""
    import lark

    paths = [str(p) for p in ([base_path] if base_path else []) + list(import_paths)]
    chosen = MODES[mode]
    options: dict[str, Any] = {"start": start, "import_paths": paths, "keep_all_tokens": True}
    options |= {"parser": chosen.parser, "lexer": chosen.lexer, "maybe_placeholders": False}
    if base_path is not None:
        options["source_path"] = str(Path(base_path) / "grammar.lark")
    return lark.Lark(source, **options)
