"""Carrying Lark grammars over to llguidance, exactly or not at all.

*The language.* Context-free over terminals; contextual longest match, one byte of lookahead, no
backing up, no priorities; a property of the bytes, however they are split into tokens. That is what
llguidance reads. A Lark grammar means something else in many places (priorities, keywords and
names, lazy quantifiers, `%ignore` at the ends, a lexer that backs up), so it is rewritten until
both readings are the same, and refused where that fails. Nothing may differ in silence.

*Which Lark.* Its parsers disagree with each other. A grammar is carried with the language of the
first of these that can be had, and `CarriedGrammar.mode` names it (`parsers.MODES`):

1. `parser="lalr"`, if the grammar is LALR(1) without conflict;
2. `parser="earley"` with its dynamic lexer, Lark's default;
3. `parser="lalr"` with the conflicts settled as Lark settles them (`CarriedGrammar.settled`).

*How.* `loading` lets Lark resolve imports, templates and EBNF. `matching` turns each terminal into
the automaton of what Python's `re` really takes. `lalr` and `meeting` find which terminals meet and
what may follow them; `scanner` gives each its share of what they both match; `clashes` looks for
texts on which longest match and Lark part. `splitting` puts the shares where they belong. Where
Lark backs up, `lexing` cuts terminals into lexemes and `threading_debts` keeps what follows from
spelling a longer terminal. Where none of this will do, `spelling` writes the language of Lark's
default in rules over single characters, which `obligations` makes exact and `shrinking` small:
slower to mask, for a mask then sees every character. `emit` writes the result.
"""

from potentials.grammar.lark.translate import CarriedGrammar, carry

__all__ = ["CarriedGrammar", "carry"]
