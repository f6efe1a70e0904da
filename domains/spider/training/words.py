"""Pre-tokenisation: the pieces of prompts and queries that no merge of tokens reaches beyond.

A name is cut alike wherever it stands: no space belongs to it, for the keyword, the comma or the
sign before it takes that space along. Digits are single, so numbers are copied alike too.
"""

from __future__ import annotations

_KEYWORDS = "|".join(
    """
    SELECT DISTINCT FROM WHERE JOIN ON GROUP HAVING ORDER BY ASC DESC LIMIT AND OR NOT IN LIKE
    BETWEEN INTERSECT UNION EXCEPT IS NULL AS LEFT EXISTS ALL
    """.split()
)
WORDS = "|".join(
    (
        r"\n",
        r"^Q:|SQL:",
        rf" ?\b(?:{_KEYWORDS})\b(?: (?:{_KEYWORDS})\b)* ?",
        r"(?:COUNT|AVG|MAX|MIN|SUM)\((?:\*\)|DISTINCT )?",
        r" ?[<>=!]+ ?'?%?",
        r"[,:] ",
        r"%?'\}?",
        r"_[a-z]+",
        r" ?[A-Z]+(?![a-z])",
        r" ?\p{L}\p{Ll}*",
        r"[0-9]",
        r" ?[^\s\w]",
        r"\s",
        r".",
    )
)
