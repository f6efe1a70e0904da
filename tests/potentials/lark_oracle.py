"""Oracle parser: Lark itself, in the mode whose language a translated grammar has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from potentials.grammar.lark.parsers import lark_parser


def reference_parser(
    source: str,
    *,
    mode: str | None = None,
    start: str = "start",
    import_paths: Sequence[str | Path] = (),
    base_path: Path | None = None,
) -> Callable[[str], bool]:
    """Return the acceptor that defines the language of a translated grammar.

    Args:
        source: The grammar.
        mode: One of `parsers.MODES`; None: the mode that `translate` names for this grammar.
        start: The start rule.
        import_paths: Where `%import` looks.
        base_path: Where relative imports look first.

    Returns:
        A function of a text. Its attribute `mode` names Lark's mode.
    """
    from lark.exceptions import UnexpectedInput

    from potentials.grammar.lark.translation import translate

    if mode is None:
        mode = translate(source, start=start, import_paths=import_paths, base_path=base_path).mode
    parser = lark_parser(source, mode, start=start, import_paths=import_paths, base_path=base_path)

    def accepts(text: str) -> bool:
        try:
            parser.parse(text)
        except UnexpectedInput:
            return False
        return True

    accepts.mode = mode  # pyright: ignore[reportFunctionMemberAccess]
    return accepts
