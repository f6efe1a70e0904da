"""The Lark parser whose language a carried grammar has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

MODES: dict[str, dict[str, Any]] = {
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
    """Return Lark's parser of a grammar in one of `MODES`."""
    import lark

    paths = [str(p) for p in ([base_path] if base_path else []) + list(import_paths)]
    options: dict[str, Any] = {"start": start, "import_paths": paths, "keep_all_tokens": True}
    if base_path is not None:
        options["source_path"] = str(Path(base_path) / "grammar.lark")
    return lark.Lark(source, maybe_placeholders=False, **MODES[mode], **options)


def reference_parser(
    source: str,
    *,
    mode: str | None = None,
    start: str = "start",
    import_paths: Sequence[str | Path] = (),
    base_path: Path | None = None,
) -> Callable[[str], bool]:
    """Return the acceptor that defines the language of a carried grammar.

    Args:
        source: The grammar.
        mode: One of `MODES`; None: the mode that `carry` names for this grammar.
        start: The start rule.
        import_paths: Where `%import` looks.
        base_path: Where relative imports look first.

    Returns:
        A function of a text. Its attribute `mode` names Lark's mode.
    """
    from lark.exceptions import UnexpectedInput

    from potentials.lark_source.carrying import carry

    if mode is None:
        mode = carry(source, start=start, import_paths=import_paths, base_path=base_path).mode
    parser = lark_parser(source, mode, start=start, import_paths=import_paths, base_path=base_path)

    def accepts(text: str) -> bool:
        try:
            parser.parse(text)
        except UnexpectedInput:
            return False
        return True

    accepts.mode = mode  # pyright: ignore[reportFunctionMemberAccess]
    return accepts
