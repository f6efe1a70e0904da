"""Spider's gold queries against the grammars and scopes of their own databases.

`python -m tests.domains.test_spider_grammar` runs all of them, with the mask engine, and lists what
is refused.
"""

from __future__ import annotations

import json
import os
import random
import re
import sqlite3
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from potentials import Grammar
from potentials.sql import Schema, SQLScope, schema_grammar
from smc.potential import log_complete

FILES = {"dev": "dev.json", "train": "train_spider.json"}
KINDS = ("unknown column", "unknown table", "wrong alias", "broken syntax")


def gold(root: Path, split: str) -> dict[str, list[str]]:
    """Return the distinct gold queries by database."""
    found: dict[str, list[str]] = defaultdict(list)
    for item in json.loads((root / FILES[split]).read_text()):
        if item["query"] not in found[item["db_id"]]:
            found[item["db_id"]].append(item["query"])
    return dict(sorted(found.items()))


def schemas(root: Path) -> dict[str, Schema]:
    entries = json.loads((root / "tables.json").read_text())
    return {entry["db_id"]: Schema.from_spider(entry) for entry in entries}


def refused(root: Path, split: str) -> Iterator[tuple[str, str, str]]:
    """Yield the gold queries that do not get through, each with its database and the reason."""
    known = schemas(root)
    for name, queries in gold(root, split).items():
        grammar, scope = Grammar(schema_grammar(known[name])), SQLScope(known[name])
        for query in queries:
            if log_complete(grammar, query) != 0.0:
                error = sqlite_error(known[name], query)
                why = f"SQLite: {error}" if error else f"from {_rest(grammar, query)!r} on"
                yield name, query, f"grammar; {why}"
            elif scope.complete(query) != 0.0:
                yield name, query, f"scope; SQLite: {sqlite_error(known[name], query)}"


def _rest(grammar: Grammar, query: str) -> str:
    """Return what the grammar stops at."""
    from smc.potential import log_prefix

    low, high = 0, len(query)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (
            (middle, high) if log_prefix(grammar, query[:middle]) == 0 else (low, middle - 1)
        )
    return query[low : low + 30]


def mutated(query: str, schema: Schema, kind: str, rng: random.Random) -> str | None:
    """Return a query with one thing made wrong; None where it has no such thing."""
    tokens = list(re.finditer(r"'[^']*'|\"[^\"]*\"|\w+|[^\w\s]", query))
    columns = {c.name.lower() for t in schema.tables for c in t.columns}
    tables = {t.name.lower() for t in schema.tables}
    wanted = {
        "unknown column": lambda w: w in columns,
        "unknown table": lambda w: w in tables,
        "wrong alias": lambda w: re.fullmatch(r"t\d", w) is not None,
        "broken syntax": lambda w: True,
    }[kind]
    places = [m for m in tokens if wanted(m[0].lower())]
    if not places:
        return None
    place = rng.choice(places)
    new = {
        "unknown column": rng.choice(["nope", "full_nam", "idd", "name2x"]),
        "unknown table": rng.choice(["nope", "users_2", *sorted(tables)]),
        "wrong alias": rng.choice(["T1", "T2", "T3", "T9", "x"]),
        "broken syntax": rng.choice(["", "", "(", ")", ",", "SELECT", "FROM", "AND"]),
    }[kind]
    return query[: place.start()] + new + query[place.end() :]


def sqlite_error(schema: Schema, query: str) -> str | None:
    """Return why SQLite does not compile a query, if it does not."""
    connection = sqlite3.connect(":memory:")
    try:
        for table in schema.tables:
            columns = ", ".join(f'"{c.name}" {c.type}' for c in table.columns)
            connection.execute(f'CREATE TABLE "{table.name}" ({columns})')
        connection.execute(f"EXPLAIN {query}")
    except (sqlite3.Error, sqlite3.Warning) as error:
        return str(error)
    finally:
        connection.close()
    return None


def mutants(
    root: Path, databases: list[str], count: int, seed: int
) -> Iterator[tuple[str, str, str, str]]:
    """Yield mutated dev queries that SQLite refuses: kind, database, query, error."""
    rng = random.Random(seed)
    known, queries = schemas(root), gold(root, "dev")
    found = 0
    while found < count:
        name, kind = rng.choice(databases), rng.choice(KINDS)
        query = mutated(rng.choice(queries[name]), known[name], kind, rng)
        error = None if query is None else sqlite_error(known[name], query)
        if query is not None and error is not None:
            found += 1
            yield kind, name, query, error


@pytest.fixture(scope="module")
def spider(data_dir: Path) -> Path:
    root = data_dir / "spider"
    if not (root / "dev.json").is_file():
        pytest.skip("no spider under SMC_DATA")
    return root


@pytest.mark.data
def test_gold_queries_are_taken_by_their_own_grammar(spider: Path) -> None:
    queries = gold(spider, "dev") | gold(spider, "train")
    known = schemas(spider)
    for name in ("concert_singer", random.Random(0).choice(sorted(queries))):
        grammar = Grammar(schema_grammar(known[name]))
        own = queries[name]
        values = [log_complete(grammar, query) for query in own]
        assert sum(v == 0.0 for v in values) >= 0.99 * len(values), name


@pytest.mark.data
@pytest.mark.parametrize("split", ["dev", "train"])
def test_gold_queries_are_never_out_of_scope(spider: Path, split: str) -> None:
    known = schemas(spider)
    for name, queries in gold(spider, split).items():
        scope = SQLScope(known[name])
        for query in random.Random(1).sample(queries, min(len(queries), 6)):
            if scope.complete(query) != 0.0:
                assert sqlite_error(known[name], query), query
                continue
            for at in range(len(query)):
                assert scope.prefix(query[: at + 1]) == 0.0, query[: at + 1]


@pytest.mark.data
def test_mutants_with_a_wrong_name_do_not_get_through(spider: Path) -> None:
    databases = ["concert_singer", "world_1"]
    known = schemas(spider)
    grammars = {name: Grammar(schema_grammar(known[name])) for name in databases}
    for kind, name, query, error in mutants(spider, databases, 300, seed=3):
        through = log_complete(grammars[name], query) + SQLScope(known[name]).complete(query)
        # What is left (an aggregate where none may be) only SQLite can tell.
        if through == 0.0:
            assert not re.match("no such|ambiguous", error), (kind, query, error)
            assert kind != "unknown column", (query, error)


def main() -> None:
    root = Path(os.environ.get("SMC_DATA", "../shared/data")) / "spider"
    splits = sys.argv[1:] or ["dev", "train"]
    for split in splits:
        total = sum(map(len, gold(root, split).values()))
        out = list(refused(root, split))
        print(f"{split}: {total} distinct queries, {total - len(out)} taken")
        for name, query, why in out:
            print(f"  {name}: {query}\n    {why}")
    known = schemas(root)
    databases = list(gold(root, "dev"))
    grammars = {name: Grammar(schema_grammar(known[name])) for name in databases}
    counts: Counter[tuple[str, bool]] = Counter()
    for kind, name, query, error in mutants(root, databases, 1000, seed=1):
        through = log_complete(grammars[name], query) + SQLScope(known[name]).complete(query) == 0.0
        counts[kind, through] += 1
        if through:
            print(f"  through grammar and scope: {kind}, {name}: {query}\n    {error}")
    print(
        {f"{kind}, {'through' if t else 'stopped'}": n for (kind, t), n in sorted(counts.items())}
    )


if __name__ == "__main__":
    main()
