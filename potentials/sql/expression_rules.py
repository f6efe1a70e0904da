"""Rules of expressions in a schema's grammar.

An operand comes in two flavours, by how it starts: `_w` with a word, `_p` with punctuation. What
follows a word is either white space and the first, or the second right away. Precedence is left
out: it decides on trees, not on texts, but that of `=` and `LIKE`: no `=` stands before ESCAPE.

Each rule comes in three modes, by the names that it may use: `_c`, closed, the schema's own; `_f`,
free, also any that the query may have given to a result; `_t`, free with the tables of a WITH.
"""

from __future__ import annotations

_OPERANDS = """
operand@: operand_w@ | operand_p@
operand_w@: NUMBER | BLOB | CONSTANT | column_w@ | _NOT after_operand@
    | call@ | case@ | _CAST _LPAR expr@ _AS type _RPAR | _EXISTS _LPAR query@ _RPAR
operand_p@: STRING | column_p@ | _LPAR expr@ _RPAR | _LPAR query@ _RPAR
    | row@ (EQUALS | COMPARE) (row@ | _LPAR query@ _RPAR) | row@ IN _LPAR query@ _RPAR
signed@: SIGN operand@
after_operand@: _S operand_w@ | operand_p@ | signed@
row@: _LPAR expr@ _COMMA exprs@ _RPAR
exprs@: expr@ | exprs@ _COMMA expr@
expr@: expr_w@ | expr_p@
after@: _S expr_w@ | expr_p@
after_sum@: _S sum_w@ | sum_p@
case@: _CASE _S _FIRST_WHEN after@ _THEN after@ case_end@ | _CASE after@ when@ case_end@
case_end@: _END | _ELSE after@ _END | when@ case_end@
when@: _WHEN after@ _THEN after@
call@: applied@ | applied@ filter@ | applied@ over@ | applied@ filter@ over@
applied@: (FUNCTION | COUNT) _LPAR (exprs@ | _DISTINCT after@)? _RPAR | COUNT _LPAR STAR _RPAR
filter@: _FILTER_WHERE after@ _RPAR
over@: _OVER_LPAR window@ | _OVER WINDOW_NAME
window@: _RPAR | (FIRST_FRAME EXCLUSION? | windowed@ (FRAME EXCLUSION?)?) _RPAR
    | ordered@ (ORDERED_FRAME EXCLUSION?)? _RPAR
windowed@: partition@ | orders@
orders@: (ordered@ | orders@) _COMMA expr@ sorting?
partition@: _PARTITION_BY after@ | partition@ _COMMA expr@
ordered@: _FIRST_ORDER_BY after@ sorting? | partition@ _ORDER_BY after@ sorting?
"""

_FLAVOURED = """
sum&@: operand&@ | sum&@ (COMPARE | ARITHMETIC) operand@ | sum&@ MINUS operand@
    | sum&@ (COMPARE | ARITHMETIC) signed@ | sum&@ COLLATE
expr&@: operand&@ | expr&@ (EQUALS | COMPARE | ARITHMETIC) operand@ | expr&@ MINUS operand@
    | expr&@ (EQUALS | COMPARE | ARITHMETIC) signed@ | expr&@ COLLATE
    | expr&@ (_AND | _OR | _IS) after_operand@ | expr&@ IS_NULL | expr&@ GLOB after_sum@
    | expr&@ LIKE after_sum@ (_ESCAPE after_operand@)?
    | expr&@ BETWEEN after_sum@ _AND after_operand@
    | expr&@ IN _LPAR (exprs@ | query@)? _RPAR
"""

_SHARED = """
sorting: DIRECTION | NULLS | DIRECTION NULLS
type: TYPE | TYPE _LPAR NUMBER _RPAR | TYPE _LPAR NUMBER _COMMA NUMBER _RPAR
constant: number | SIGN number | constant (EQUALS | COMPARE | ARITHMETIC | MINUS) number
number: NUMBER | _LPAR constant _RPAR | _CAST _LPAR constant _AS type _RPAR
    | FUNCTION _LPAR constant (_COMMA constant)* _RPAR | _LPAR query_c _RPAR
"""


def expression_rules() -> str:
    """Return the rules, in all modes and flavours, without those of columns and queries."""
    word = _FLAVOURED.replace("&", "_w")
    punctuation = _FLAVOURED.replace("&", "_p").replace("operand_p@ |", "operand_p@ | signed@ |")
    return _SHARED + in_modes(_OPERANDS + word + punctuation)


def in_modes(rules: str, modes: str = "cft") -> str:
    """Return rules in each of some modes."""
    return "".join(rules.replace("@", f"_{mode}") for mode in modes)
