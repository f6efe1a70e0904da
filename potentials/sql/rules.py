"""The rules of a schema's grammar that do not depend on the schema.

An expression comes in two flavours, by how it starts: `_w` with a word, `_p` with punctuation. What
follows a word is either white space and the first or the second right away (`after_word`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

_FIXED = """
start: _S? query _TAIL?
query: compound order? limit?
?compound: core | compound SET_OPERATION core
core: _SELECT results from? where? group?
results: _S DISTINCT after_word_items | after_word_items
after_word_items: _S items_w | items_p
items_w: item_w (_COMMA item)*
items_p: item_p (_COMMA item)*
?item: item_w | item_p
result: _AS (RESULT | QUOTED_RESULT)
from: _FROM after_word_source (_COMMA source | JOIN after_word_source condition?)*
alias: _AS ALIAS | BARE_ALIAS
condition: _ON after_word_or | _USING _LPAR any_column (_COMMA any_column)* _RPAR
where: _WHERE after_word_or
group: _GROUP_BY after_word_or (_COMMA expr)* having?
having: _HAVING after_word_or
order: _ORDER_BY after_word_sort (_COMMA sort)*
?sort: sort_w | sort_p
sort_w: or_w DIRECTION?
sort_p: or_p DIRECTION?
limit: _LIMIT INTEGER ((_OFFSET | _COMMA) INTEGER)?
arguments: expr (_COMMA expr)*
?expr: or_w | or_p
?sum: sum_w | sum_p
?atom: atom_w | atom_p
not_w: compare_w | _NOT after_word_not
?not_p: compare_p
sum_p: product_p | SIGN product_w | SIGN product_p | sum_p ADD product
sum_w: product_w | sum_w ADD product
?product: product_w | product_p
case: _CASE _S _FIRST_WHEN after_word_or then (_WHEN after_word_or then)* else? _END
    | _CASE after_word_or (_WHEN after_word_or then)+ else? _END
then: _THEN after_word_or
else: _ELSE after_word_or
cast: _CAST _LPAR expr _AS TYPE _RPAR
exists: _EXISTS _LPAR query _RPAR
call: function _LPAR (arguments | DISTINCT after_word_or)? _RPAR
    | counting _LPAR (STAR | arguments | DISTINCT after_word_or) _RPAR
source_p: (table_p | _LPAR query _RPAR) alias?
"""

_FLAVOURED = """
?or_X: and_X | or_X _OR after_word_and
?and_X: not_X | and_X _AND after_word_not
?compare_X: sum_X
    | compare_X COMPARE sum
    | sum_X IS_NULL
    | sum_X LIKE after_word_sum (_ESCAPE after_word_sum)?
    | sum_X IN _LPAR (arguments | query) _RPAR
    | sum_X BETWEEN after_word_sum _AND after_word_sum
?product_X: atom_X | product_X MULTIPLY atom
"""


def rules(defined: Collection[str], of_kind: Mapping[str, Sequence[str]]) -> str:
    """Return these rules.

    Args:
        defined: The rules about names that the schema has.
        of_kind: The terminals of each kind of word that an operand may start with.
    """

    def terminals(*kinds: str) -> str:
        return " | ".join(t for kind in kinds for t in of_kind.get(kind, ()))

    def where_defined(*names: str) -> str:
        return "".join(f" | {n}" for n in names if n in defined)

    after_source = "_S source_w | source_p" if "table_w" in defined else "source_p"
    lines = [_FIXED, *(_FLAVOURED.replace("_X", flavour) for flavour in ("_w", "_p"))]
    lines += [f"after_word_{n}: _S {n}_w | {n}_p\n" for n in ("or", "and", "not", "sum", "sort")]
    lines += [
        f"after_word_source: {after_source}\n",
        f"?source: source_p{' | source_w' if 'table_w' in defined else ''}\n",
        "source_w: table_w alias?\n" if "table_w" in defined else "",
        f"item_w: or_w result?{where_defined('every_w')}\n",
        f"item_p: or_p result? | STAR{where_defined('every_p')}\n",
        f"function: {terminals('FUNCTION', 'FUNCTION_OR_COLUMN')}\n",
        f"counting: {terminals('COUNT', 'COUNT_OR_COLUMN')}\n",
        f"?atom_w: NUMBER | {terminals('CONSTANT')} | call | case | cast | exists"
        f"{where_defined('column_w')}\n",
        f"?atom_p: STRING | _LPAR expr _RPAR | _LPAR query _RPAR{where_defined('column_p')}\n",
    ]
    return "".join(lines)
