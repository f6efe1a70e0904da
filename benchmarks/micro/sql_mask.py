"""Mask times of a schema grammar: 30 columns, a vocabulary of 128k, the size of current models.

The texts are queries over the schema, read token by token as a model would write them, so that
every clause is met: a random walk would spend its tokens inside literals. Beside stop strings the
engine asks which of the texts that tokens release before one may end a query: timed apart.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from transformers import AutoTokenizer

from benchmarks.micro.mask import JSON
from benchmarks.micro.models import CACHE, load, model_folder
from benchmarks.micro.timing import Options, Result, quantiles, ratio_of_medians
from potentials.grammar.lark import translate
from potentials.grammar.mask_potential import MaskPotential
from potentials.sql import Schema, schema_grammar
from smc.engine.stop_tokens import stop_table
from smc.model import Vocabulary

NAME = "sql_mask"
VOCABULARY = 128_000
STOPS = ("\n", ";")

DDL = """
CREATE TABLE customers (customer_id INTEGER PRIMARY KEY, name TEXT, email TEXT, phone TEXT,
    city TEXT, country TEXT, date_joined TEXT, credit_limit REAL);
CREATE TABLE orders (order_id INTEGER PRIMARY KEY, customer_id INTEGER, employee_id INTEGER,
    order_date TEXT, shipped_date TEXT, status TEXT, freight REAL);
CREATE TABLE products (product_id INTEGER PRIMARY KEY, product_name TEXT, supplier TEXT,
    category TEXT, unit_price REAL, units_in_stock INTEGER, discontinued INTEGER);
CREATE TABLE order_lines (order_id INTEGER, product_id INTEGER, quantity INTEGER, discount REAL);
CREATE TABLE employees (employee_id INTEGER PRIMARY KEY, last_name TEXT, title TEXT, salary REAL);
"""
QUERIES = (
    "SELECT name, city FROM customers WHERE country = 'Norway' AND credit_limit > 1000",
    "SELECT count(*) FROM orders WHERE status != 'shipped'",
    "SELECT T1.name, sum(T2.freight) FROM customers AS T1 JOIN orders AS T2 ON T1.customer_id = "
    "T2.customer_id GROUP BY T1.name HAVING count(*) >= 3 ORDER BY sum(T2.freight) DESC LIMIT 5",
    "SELECT product_name FROM products WHERE unit_price > (SELECT avg(unit_price) FROM products)",
    "SELECT DISTINCT category FROM products WHERE product_id NOT IN (SELECT product_id FROM "
    "order_lines WHERE quantity BETWEEN 1 AND 10)",
    "SELECT T3.last_name FROM employees AS T3 LEFT JOIN orders AS T1 ON T3.employee_id = "
    "T1.employee_id WHERE T1.shipped_date IS NULL AND T3.title LIKE '%Sales%'",
    "SELECT city FROM customers UNION SELECT supplier FROM products ORDER BY city",
    "SELECT max(salary), min(salary) FROM employees",
)


def run(options: Options, cache: Path = CACHE) -> Result:
    """Time every mask along the queries, one at a time, beside those of a JSON grammar.

    Every round starts without memory of the last. The vocabulary's size is fixed: see `VOCABULARY`.
    """
    options = dataclasses.replace(options, vocabulary=VOCABULARY)
    vocabulary = load(options, cache)[0].vocabulary
    tokenizer = AutoTokenizer.from_pretrained(str(model_folder(options, cache)))
    schema = Schema.from_ddl(DDL)
    columns = sum(len(table.columns) for table in schema.tables)
    began = options.now()
    carried = translate(schema_grammar(schema))
    carry_seconds = options.now() - began
    languages = (carried.llguidance, translate(JSON).llguidance)
    texts = [
        [[vocabulary.tokens[i] or b"" for i in tokenizer.encode(t)] for t in side]
        for side in (QUERIES, (_document(),))
    ]
    endings = [text for text in stop_table(vocabulary, STOPS).inside().texts if text]
    found: list[list[float]] = [[], []]
    ended: list[float] = []
    medians = np.zeros((options.repeats, 2))
    for round_ in range(options.repeats):
        for side in (0, 1) if round_ % 2 == 0 else (1, 0):
            rows = _along(languages[side], vocabulary, texts[side], (), options)[0]
            medians[round_, side] = np.median(rows)
            found[side] += rows.tolist()
        ended += _along(languages[0], vocabulary, texts[0], endings, options)[1].tolist()
    ratio, interval = ratio_of_medians(medians[:, 1], medians[:, 0])
    one, json_one = quantiles(found[0]), quantiles(found[1])
    return Result(
        name=NAME,
        ours=one["median_ms"],
        peer=json_one["median_ms"],
        ratio=ratio,
        interval=interval,
        unit="milliseconds for one mask, median",
        setting=(
            f"grammar of a schema of {columns} columns, vocabulary {options.vocabulary}, along "
            f"{len(QUERIES)} queries token by token, {options.repeats} rounds, one thread; peer: "
            f"a JSON grammar along a document ({options.clock} time)"
        ),
        details={
            "one": one,
            "json": json_one,
            "endings": quantiles(ended) | {"texts": len(endings), "mean_ms": 1e3 * np.mean(ended)},
            "columns": columns,
            "carry_seconds": carry_seconds,
        },
    )


def _along(
    language: str,
    vocabulary: Vocabulary,
    texts: Sequence[Sequence[bytes]],
    endings: Sequence[bytes],
    options: Options,
) -> NDArray[np.float64]:
    """`[2, T]` seconds of the mask before each token of texts, and of what may end them there.

    Raises:
        AssertionError: A text is not a sentence: the benchmark would time a dead end.
    """
    potential = MaskPotential(language, max_threads=1).bind(vocabulary)
    potential.token_scores([potential.start()])
    times: list[tuple[float, float]] = []
    for text in texts:
        state = potential.start()
        for token in text:
            began = options.now()
            potential.token_scores([state])
            filled = options.now()
            if endings:
                potential.complete_after(state, endings)
            times.append((filled - began, options.now() - filled))
            state = potential.advance(state, token)
        assert potential.complete(state) == 0.0, f"not in the grammar: {b''.join(text)!r}"
    return np.array(times).T


def _document() -> str:
    entries = [{"query": q, "length": len(q), "tags": ["sql", None]} for q in QUERIES]
    return json.dumps(entries, separators=(",", ":"))
