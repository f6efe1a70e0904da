"""What a hostile query may do: SQLite's actions, functions and limits of size.

SQLite looks at the clock between the steps of its machine, never within one; so whatever one step
may do is bounded by the size of what it works on, and functions that could load code or tell of the
process are not offered. Nor are virtual tables: full text, R*Tree, and table functions as
`json_each`, whose modules run code of their own.
"""

from __future__ import annotations

import sqlite3

ACTIONS = frozenset(
    {
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_RECURSIVE,
    }
)
FUNCTIONS = frozenset(
    """
    abs acos acosh asin asinh atan atan2 atanh avg ceil ceiling char coalesce concat concat_ws cos
    cosh count cume_dist current_date current_time current_timestamp date datetime degrees
    dense_rank exp first_value floor format glob group_concat hex if ifnull iif instr json
    json_array json_array_length json_extract json_group_array json_group_object json_object
    json_quote json_type json_valid julianday lag last_value lead length like likelihood likely ln
    log log10 log2 lower ltrim max min mod nth_value ntile nullif octet_length percent_rank pi pow
    power printf quote radians random randomblob rank replace round row_number rtrim sign sin sinh
    soundex sqrt strftime string_agg substr substring sum tan tanh time timediff total trim trunc
    typeof unicode unixepoch unlikely upper zeroblob -> ->>
    """.split()
)

# The pattern's length bounds the backtracking of LIKE and GLOB; the columns are SQLite's own limit.
SIZES = {
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_COLUMN: 2000,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 50,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 200,
    sqlite3.SQLITE_LIMIT_FUNCTION_ARG: 32,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 100,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 1,
    sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER: 1,
    sqlite3.SQLITE_LIMIT_VDBE_OP: 25_000,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}
