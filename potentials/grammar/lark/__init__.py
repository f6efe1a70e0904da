"""Translation of Lark grammars into llguidance's dialect, exactly or not at all.

*The language.* Context-free over terminals; contextual longest match, one byte of lookahead, no
backing up, no priorities; a property of the bytes, however they are split into tokens. That is what
llguidance reads. A Lark grammar means something else in many places (priorities, keywords and
names, lazy quantifiers, `%ignore` at the ends, a lexer that backs up), so it is rewritten until
both readings are the same, and refused where that fails. Nothing may differ in silence.

*Which Lark.* Its parsers and lexers disagree with each other; `parsers.MODES` are those whose
language can be had, and `TranslatedGrammar.mode` names the one that it is. `parser=` and `lexer=`
choose, as in Lark. Without them it is `parser="lalr"` if the grammar is LALR(1) without conflict,
and else Lark's default, `parser="earley"` with its dynamic lexer. A grammar with conflicts is read
as Lark's LALR parser settles them, which loses sentences in silence, only if `parser="lalr"` is
asked for.

*How.* From the bottom up; each layer imports only those before it.

1. `automata`: characters, regular expressions, and automata of what Python's `re` really takes.
2. `loading` lets Lark resolve imports, templates and EBNF into `productions`; `lalr` is its
   parser's automaton, `parsers` are its own parsers, for comparison.
3. `lexer`: which terminals meet and what may follow them (`follow_sets`), each one's share of what
   several match (`shares`), texts on which longest match and Lark part (`clashes`), and terminals
   cut into lexemes where Lark backs up (`product_automaton`, `cutting`).
4. `rewrite`: shares put where they belong (`state_splitting`); lexemes, with a negative lookahead
   that keeps what follows from spelling a longer terminal (`lookahead_labels`); or, where none of
   this will do, the language of Lark's default in rules over single characters (`scannerless`,
   made exact by `negative_lookahead` and small by `shrinking`): slower to mask, for a mask then
   sees every character. `render` and `emit` write the result.
5. `diagnostics` says why one of these does not do, `strategies` are the ways for each mode, and
   `translation` tries them in turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smc.lazy import lazy_names

if TYPE_CHECKING:
    from potentials.grammar.lark.translation import TranslatedGrammar, translate

_HOMES = {
    "TranslatedGrammar": "potentials.grammar.lark.translation",
    "translate": "potentials.grammar.lark.translation",
}

__all__ = ["TranslatedGrammar", "translate"]

# The layers below are used without the translation, too.
__getattr__ = lazy_names(__name__, _HOMES)
