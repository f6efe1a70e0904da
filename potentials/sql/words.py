"""Words of SQLite's dialect: keywords, constants, functions, types, and which names need quotes."""

from __future__ import annotations

import re

# Words that SQLite never takes as a bare name.
_RESERVED = """
    add all alter and as autoincrement between case check collate commit constraint create default
    deferrable delete distinct drop else escape exists foreign from group having in index insert
    intersect into is isnull join limit not nothing notnull null on or order primary references
    returning select set table then to transaction union unique update using values when where
"""
# Words that it may take as a name, but that start something else where an operand may come.
_OPERANDS = (
    "cast true false current_date current_time current_timestamp raise except with recursive"
)
# Words that may come right after a table, where a bare alias may come too.
_AFTER_TABLE = "left right full inner cross natural outer offset window indexed end asc desc glob"

# Of these, words that it does take where nothing but a table may come.
TABLE_WORDS = frozenset({"cast", "raise", "current_date", "current_time", "current_timestamp"})

QUOTED = frozenset((_RESERVED + _OPERANDS).split())
KEYWORDS = QUOTED | frozenset((_AFTER_TABLE + " by like").split())
# No name of a result without AS: these may come after an operand, too.
AFTER_OPERAND = KEYWORDS | frozenset(
    "over filter regexp match nulls rows range groups exclude".split()
)

ROW_IDS = frozenset({"rowid", "oid", "_rowid_"})
CONSTANTS = frozenset(
    {"null", "true", "false", "current_date", "current_time", "current_timestamp"}
)
COLLATIONS = ("binary", "nocase", "rtrim")
FUNCTIONS = frozenset(
    """
    abs acos asin atan atan2 avg ceil ceiling char coalesce cos cume_dist
    count date datetime degrees dense_rank exp first_value floor format glob group_concat hex
    ifnull iif instr json json_array json_array_length json_extract json_group_array
    json_group_object json_object json_quote json_type json_valid julianday lag last_value lead
    length like ln log log10 log2 lower ltrim max min mod nth_value ntile nullif percent_rank pi
    pow power printf quote radians random rank replace round row_number rtrim sign sin soundex sqrt
    strftime substr substring sum tan time total trim trunc typeof unicode
    unixepoch upper
    """.split()
)
TYPES = tuple(
    """
    integer int bigint smallint tinyint real float double numeric decimal text varchar nvarchar
    char nchar character clob blob date datetime time timestamp boolean bool signed unsigned string
    number year
    """.split()
)

# All that is not ASCII counts as a letter.
_WORD = re.compile(r"[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_$\u0080-\U0010ffff]*")


def is_bare(name: str) -> bool:
    """Return whether a name can be written without quotes."""
    return _WORD.fullmatch(name) is not None and name.lower() not in QUOTED


def quotings(name: str) -> list[str]:
    """Return a name in double quotes, in backquotes and in brackets, where each can hold it."""
    doubled, back = name.replace('"', '""'), name.replace("`", "``")
    forms = [f'"{doubled}"', f"`{back}`"]
    return forms if "]" in name else [*forms, f"[{name}]"]
