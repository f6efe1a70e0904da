"""Rules of queries in a schema's grammar: SELECT, its clauses, set operations, WITH.

What a query itself gives a name to (a result, a subquery, a table of a WITH) cannot be known to
the rules, so where such a name may stand, any may. That is so in a free mode only; see
`expression_rules` for the modes. A query is closed as far as it gives no such names:

- after `SELECT a AS b`, the clauses after FROM are free;
- after a subquery in FROM, or an alias that is long or a table's name, so are they, and so is the
  SELECT list, if it may use names that only FROM defines (`forward`);
- after WITH everything is, tables included.

Queries that end in VALUES are apart (`valued`): they have neither ORDER BY nor LIMIT.
"""

from __future__ import annotations

from potentials.sql.expression_rules import in_modes

_SHARED = """
start: query_c _TAIL?
select: _SELECT | _SELECT _S QUANTIFIER
with: _WITH (_S _RECURSIVE)? (_S NAME | free_quoted) cte
    | with _COMMA (NAME | free_quoted) cte
cte: (_LPAR free_names _RPAR)? _AS_LPAR query_t _RPAR
free_quoted: QUOTED_FREE | DOUBLE_NAME
free_name: NAME | free_quoted
free_names: free_name | free_names _COMMA free_name
result: _AS (NAME | QUOTED_NAME) | BARE_NAME | BARE_QUOTED_NAME
any_alias: _AS (NAME | QUOTED_NAME) | BARE_NAME | BARE_QUOTED_NAME
opening_alias: _AS LONG_ALIAS | BARE_LONG_ALIAS | BARE_QUOTED_NAME | table_alias
"""

_CLOSED = """
query_c: plain order_c? limit_c? | named order_f? limit_c? | with ending_t
    | valued | named_valued | with valued_t
plain: core | (plain | valued) SET_OPERATION core
valued: ((plain | valued) SET_OPERATION)? _VALUES rows_c
named: naming | (named | named_valued) SET_OPERATION (core | naming)
    | (plain | valued) SET_OPERATION naming
named_valued: (named | named_valued) SET_OPERATION _VALUES rows_c
core: select plain_list (_FROM closed)? rest_c?
naming: select naming_list (_FROM closed)? rest_f? | select OPEN_LIST _FROM open rest_f?
plain_list: _S item_w_c | item_p_c | plain_list _COMMA item_c
naming_list: _S expr_w_c result | expr_p_c result | plain_list _COMMA expr_c result
    | naming_list _COMMA item_c | naming_list _COMMA expr_c result
closed: _S table_w alias? | table_p alias? | closed _COMMA (table_w | table_p) alias?
    | closed JOIN (_S table_w | table_p) alias? condition_c?
    | closed NATURAL_JOIN (_S table_w | table_p) alias?
open: opening_first | closed _COMMA opening | closed JOIN after_opening condition_f?
    | closed NATURAL_JOIN after_opening | open NATURAL_JOIN after_source_f
    | open _COMMA source_f | open JOIN after_source_f condition_f?
opening_first: _S opening_w | opening_p
after_opening: _S opening_w | opening_p
opening: opening_w | opening_p
opening_w: table_w opening_alias
opening_p: table_p opening_alias | _LPAR (query_c | sources_f) _RPAR any_alias?
"""

_FREE = """
query@: ending@ | valued@ | with ending_t | with valued_t
ending@: compound@ order@? limit@?
compound@: core@ | (compound@ | valued@) SET_OPERATION core@
valued@: ((compound@ | valued@) SET_OPERATION)? _VALUES rows@
core@: select list@ (_FROM from@)? rest@?
list@: _S item_w@ | item_p@ | _S expr_w@ result | expr_p@ result
    | list@ _COMMA item@ | list@ _COMMA expr@ result
from@: after_source@ | from@ _COMMA source@ | from@ JOIN after_source@ condition@?
    | from@ NATURAL_JOIN after_source@
after_source@: _S source_w@ | source_p@
source@: source_w@ | source_p@
sources@: source@ | sources@ _COMMA source@ | sources@ JOIN after_source@ condition@?
    | sources@ NATURAL_JOIN after_source@
"""

_SOURCES = """
source_w_f: table_w any_alias?
source_p_f: table_p any_alias? | _LPAR (query_c | sources_f) _RPAR any_alias?
source_w_t: (NAME | table_w) any_alias? | NAME_DOT free_name any_alias?
source_p_t: free_quoted any_alias? | QUOTED_DOT free_name any_alias?
    | _LPAR (query_t | sources_t) _RPAR any_alias?
"""

_CLAUSES = """
item_w@: expr_w@ | every_w@
item_p@: expr_p@ | every_p@ | STAR
item@: item_w@ | item_p@
rows@: _LPAR exprs@ _RPAR | rows@ _COMMA _LPAR exprs@ _RPAR
condition@: _ON after@ | _USING _LPAR columns@ _RPAR
columns@: column_name@ | columns@ _COMMA column_name@
rest@: where@ | where@ grouped@ | grouped@
where@: _WHERE after@
grouped@: group@ having@? windows@? | having@ windows@? | windows@
group@: _GROUP_BY after@ | group@ _COMMA expr@
having@: _HAVING after@
windows@: _WINDOW _S WINDOW_NAME _AS_LPAR window@
    | windows@ _COMMA WINDOW_NAME _AS_LPAR window@
order@: _ORDER_BY after@ sorting? | order@ _COMMA expr@ sorting?
limit@: _LIMIT constant ((_OFFSET | _COMMA) constant)?
"""


def query_rules(*, forward: bool) -> str:
    """Return the rules, without those of tables and columns.

    Args:
        forward: Whether a SELECT list may use names that its FROM defines.
    """
    closed = _CLOSED.replace("OPEN_LIST", "list_f" if forward else "(plain_list | naming_list)")
    return _SHARED + closed + _SOURCES + in_modes(_FREE, "ft") + in_modes(_CLAUSES)
