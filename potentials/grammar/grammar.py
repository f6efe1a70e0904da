"""Any Lark grammar as an exact token mask."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from potentials.grammar.llguidance import MaskLimits
from potentials.grammar.mask_potential import MaskPotential
from potentials.grammar.matchers import GrammarState
from smc.potential import Boundary


class Grammar(MaskPotential):
    """A context-free grammar, written for Lark, as a constraint on every token.

    The language: context-free over terminals, contextual longest match, one byte of lookahead, no
    backtracking, no priorities; a property of the bytes, however they are split into tokens.
    Where a Lark grammar would mean something else under these rules it is rewritten if that can
    be done exactly, and refused otherwise.

    Args:
        source: The grammar's text.
        start: The start rule.
        import_paths: Directories in which `%import` looks for grammars.
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
        max_threads: int | None = None,
        limits: MaskLimits | None = None,
    ) -> None:
        from potentials.grammar.lark import translate

        self._translated = translate(
            source, start=start, import_paths=import_paths, base_path=base_path
        )
        self._start_rule = start
        super().__init__(self._translated.llguidance, limits=limits, max_threads=max_threads)

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        *,
        start: str = "start",
        import_paths: Sequence[str | Path] = (),
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
            max_threads=max_threads,
            limits=limits,
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
