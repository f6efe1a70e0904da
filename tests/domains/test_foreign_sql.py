"""Gold queries of text-to-SQL data sets that nothing here was made for: grammar and scope.

Where a query does not get through, that is a fault of ours unless SQLite refuses it, too.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pytest

from potentials import Grammar
from potentials.sql import Schema, SQLScope, schema_grammar
from smc.potential import log_complete

MOST_REFUSED = {"bird": 0.01, "kaggledbqa": 0.0}
"""The share of gold queries that may be refused."""


def refused(root: Path) -> tuple[int, list[str]]:
    """Return how many queries there are, and those that do not get through."""
    entries = json.loads((root / "tables.json").read_text())
    schemas = {entry["db_id"]: Schema.from_spider(entry) for entry in entries}
    queries: dict[str, list[str]] = defaultdict(list)
    for item in json.loads((root / "gold.json").read_text()):
        queries[item["db_id"]].append(item["sql"])
    left: list[str] = []
    for name, own in queries.items():
        grammar, scope = Grammar(schema_grammar(schemas[name])), SQLScope(schemas[name])
        for query in own:
            whole = log_complete(grammar, query) + scope.complete(query)
            cuts = (query[:n] for n in range(0, len(query), 7))
            if whole != 0.0 or any(scope.prefix(cut) != 0.0 for cut in cuts):
                left.append(query)
    return sum(map(len, queries.values())), left


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("name", MOST_REFUSED)
def test_gold_queries_of_other_data_sets_get_through(data_dir: Path, name: str) -> None:
    root = data_dir / "foreign" / name
    if not (root / "gold.json").is_file():
        pytest.skip(f"no foreign/{name} under SMC_DATA")
    count, left = refused(root)
    assert count > 100
    assert len(left) <= MOST_REFUSED[name] * count, left
