"""Any Lark grammar as an exact token mask."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from potentials.grammar.mask_limits import MaskLimits
from potentials.grammar.mask_potential import MaskPotential
from potentials.grammar.matchers import GrammarState
from smc.errors import GrammarError, PotentialError
from smc.model import Vocabulary
from smc.potential import Boundary

_SLOW_SECONDS = 0.05


class Grammar(MaskPotential):
    """A context-free grammar, written for Lark, as a constraint on every token.

    The language is that of one of Lark's parsers, to the letter, or the grammar is refused; a
    property of the bytes, however they are split into tokens. Which parser: `parser` and `lexer`
    say so, as Lark's arguments of these names do. Without them it is the LALR parser with the
    contextual lexer if the grammar is LALR(1) without conflict, else the Earley parser with the
    dynamic lexer, which is Lark's default and loses no sentence. `repr` shows which it is. A
    grammar written for `Lark(..., parser="lalr")` that has conflicts needs `parser="lalr"`: Lark
    settles them in silence (as shift, or by priority), and has fewer sentences then.

    Args:
        source: The grammar's text.
        start: The start rule.
        import_paths: Directories in which `%import` looks for grammars.
        base_path: The directory of the grammar's file, for relative imports.
        parser: "lalr" or "earley", as for Lark.
        lexer: "contextual", "basic", "dynamic" or "dynamic_complete", as for Lark.
        max_threads: How many threads fill the masks of distinct texts; None: all cores, at most 8.
        limits: How much work one mask may cost before a `PotentialError`.

    Raises:
        GrammarError: The grammar is malformed, has no sentence, or has a construct that cannot be
            carried over exactly; the message names it, its line and the remedy.

    Example:
        >>> from smc.potential import log_complete
        >>> log_complete(Grammar('start: "yes" | "no"'), "yes")
        0.0
    """

    def __init__(
        self,
        source: str,
        *,
        start: str = "start",
        import_paths: Sequence[str | Path] = (),
        base_path: Path | None = None,
        parser: str | None = None,
        lexer: str | None = None,
        max_threads: int | None = None,
        limits: MaskLimits | None = None,
    ) -> None:
        from potentials.grammar.lark import translate

        self._translated = translate(
            source,
            start=start,
            import_paths=import_paths,
            base_path=base_path,
            parser=parser,
            lexer=lexer,
        )
        self._start_rule = start
        if self._translated.scannerless:
            self._advice = (
                "Its terminals run into one another in the language of "
                f"Lark(parser={self._translated.parser!r}, lexer={self._translated.lexer!r}), so "
                "it had to be written in rules over single characters, which are ambiguous: "
                f"{self._translated.obstacle} Or, if it is written for Lark's LALR parser and "
                'made in Python, say parser="lalr".'
            )
        super().__init__(self._translated.llguidance, limits=limits, max_threads=max_threads)
        self._rehearse(())

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        *,
        start: str = "start",
        import_paths: Sequence[str | Path] = (),
        parser: str | None = None,
        lexer: str | None = None,
        max_threads: int | None = None,
        limits: MaskLimits | None = None,
    ) -> Grammar:
        """Return the grammar in a file; its imports are looked for beside it first."""
        path = Path(path)
        return cls(
            path.read_text(encoding="utf-8"),
            start=start,
            import_paths=import_paths,
            base_path=path.parent,
            parser=parser,
            lexer=lexer,
            max_threads=max_threads,
            limits=limits,
        )

    def bind(self, vocabulary: Vocabulary) -> Grammar:
        """Return this grammar made ready for a vocabulary; the last few are kept.

        A grammar that could only be had in rules over single characters is rehearsed first.

        Raises:
            GrammarError: Its masks exceed the limits with this vocabulary.
        """
        known = vocabulary in self._bound
        bound = super().bind(vocabulary)
        if not known:
            try:
                bound._rehearse(vocabulary.tokens)
            except GrammarError:
                del self._bound[vocabulary]
                raise
        return bound

    def _rehearse(self, tokens: Sequence[bytes | None]) -> None:
        """Find out whether masks can be had within the limits, where that is in doubt."""
        if not self._translated.scannerless:
            return
        from potentials.grammar.rehearsal import rehearse

        def mask_of(text: bytes) -> NDArray[np.uint32]:
            verdict = self._judge([self.advance(self.start(), text)], rows=True)[0]
            assert verdict.row is not None
            return verdict.row

        try:
            seconds = rehearse(mask_of, tokens)
        except PotentialError as error:
            raise GrammarError(f"{self.name}: cannot be masked: {error}") from error
        if seconds > _SLOW_SECONDS:
            warnings.warn(
                f"{self.name}: a mask takes {seconds * 1000:.0f} ms with this vocabulary. "
                f"{self._advice}",
                stacklevel=3,
            )

    def __repr__(self) -> str:
        translated = self._translated
        settled = ", conflicts settled as Lark does" if translated.settled else ""
        return (
            f"<Grammar: the language of Lark(start={self._start_rule!r}, "
            f"parser={translated.parser!r}, lexer={translated.lexer!r}){settled}>"
        )

    @property
    def rewrites(self) -> tuple[str, ...]:
        """What was put differently for the mask engine, with the same meaning."""
        return self._translated.rewrites

    def boundary_at(self, *rules: str, delimiters: str = "") -> Boundary[Any]:
        """Return a boundary wherever one of these rules is completed.

        A rule that might still go on is completed by what comes after it: `WHERE a = 1` at the
        next word. Where one potential is to be asked there, write
        `potential.boundary = grammar.boundary_at("statement")`.

        Args:
            rules: Names of rules, aliases or terminals.
            delimiters: Characters to fire at in a text that the LALR parser cannot follow though
                the grammar admits it (a warning says so); "" for never.

        Raises:
            GrammarError: The grammar is not LALR(1), or has no such rule.
        """
        from potentials.grammar.rule_boundary import boundary_of

        def admits(text: str) -> bool:
            return self.prefix(GrammarState(text.encode())) == 0.0

        return boundary_of(self._translated.lark, self._start_rule, rules, delimiters, admits)
