"""Long analytical queries over a shop's warehouse: everything at once, nested at any depth."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from potentials import Grammar
from potentials.sql import Schema, SQLScope, schema_grammar
from smc.potential import log_complete, log_prefix

DDL = """
CREATE TABLE day (day_id INTEGER, on_date TEXT, year INTEGER, quarter INTEGER, month INTEGER,
    weekday TEXT);
CREATE TABLE shop (shop_id INTEGER, name TEXT, city TEXT, state TEXT, area REAL);
CREATE TABLE item (item_id INTEGER, title TEXT, brand TEXT, category TEXT, price REAL);
CREATE TABLE client (client_id INTEGER, first TEXT, last TEXT, born INTEGER, state TEXT);
CREATE TABLE sale (day_id INTEGER, shop_id INTEGER, item_id INTEGER, client_id INTEGER,
    ticket INTEGER, amount INTEGER, paid REAL, profit REAL);
CREATE TABLE refund (day_id INTEGER, shop_id INTEGER, item_id INTEGER, client_id INTEGER,
    ticket INTEGER, refunded REAL);
"""

QUERIES = (
    """
    WITH client_total AS (
        SELECT r.client_id AS ctr_client, r.shop_id AS ctr_shop, sum(r.refunded) AS total_refund
        FROM refund r, day d
        WHERE r.day_id = d.day_id AND d.year = 2000
        GROUP BY r.client_id, r.shop_id)
    SELECT c.client_id
    FROM client_total ctr1, shop s, client c
    WHERE ctr1.total_refund > (SELECT avg(total_refund) * 1.2 FROM client_total ctr2
                               WHERE ctr1.ctr_shop = ctr2.ctr_shop)
        AND s.shop_id = ctr1.ctr_shop AND s.state = 'TN' AND ctr1.ctr_client = c.client_id
    ORDER BY c.client_id LIMIT 100
    """,
    """
    WITH weekly AS (
        SELECT d.year AS sold_year, d.quarter,
            sum(CASE WHEN d.weekday = 'Sunday' THEN s.paid ELSE NULL END) sunday_sales,
            sum(CASE WHEN (d.weekday = 'Monday') THEN s.paid END) AS monday_sales
        FROM (SELECT day_id, paid FROM sale UNION ALL SELECT day_id, -refunded FROM refund) s, day d
        WHERE d.day_id = s.day_id GROUP BY d.year, d.quarter),
    compared AS (
        SELECT y.sold_year, round(y.sunday_sales / nullif(z.sunday_sales, 0), 2) AS ratio
        FROM weekly y JOIN weekly z ON y.quarter = z.quarter AND y.sold_year = z.sold_year - 1)
    SELECT sold_year, ratio, rank() OVER (ORDER BY ratio DESC NULLS LAST) AS place
    FROM compared ORDER BY place, sold_year
    """,
    """
    SELECT channel, part, return_ratio, return_rank FROM (
        SELECT 'shops' AS channel, in_shop.part, in_shop.return_ratio, in_shop.return_rank
        FROM (
            SELECT part, return_ratio, rank() OVER (ORDER BY return_ratio) AS return_rank
            FROM (
                SELECT sale.item_id AS part,
                    CAST(sum(coalesce(refund.refunded, 0)) AS DECIMAL(15,4))
                        / CAST(sum(coalesce(sale.paid, 0)) AS DECIMAL(15, 4)) AS return_ratio
                FROM sale LEFT OUTER JOIN refund ON (sale.ticket = refund.ticket
                    AND sale.item_id = refund.item_id), day
                WHERE refund.refunded > 10000 AND sale.profit > 1 AND sale.day_id = day.day_id
                GROUP BY sale.item_id) ratios) in_shop
        WHERE (in_shop.return_rank <= 10)
        UNION SELECT 'none', NULL, 0.0, 0) x
    ORDER BY 1, 4, 2 LIMIT 100
    """,
    """
    SELECT last_name, first_name, bought_in, amount_paid, profit_made
    FROM (SELECT ticket AS ticket_number, client_id AS buyer, shop.city bought_in,
            sum(paid) amount_paid, sum(profit) profit_made
        FROM sale, day, shop
        WHERE sale.day_id = day.day_id AND sale.shop_id = shop.shop_id
            AND day.weekday IN ('Saturday', 'Sunday') AND day.year IN (1999, 1999 + 1, 1999 + 2)
            AND shop.city IN ('Fairview', 'Midway')
        GROUP BY ticket, client_id, shop.city) trips,
        (SELECT client_id AS who, last AS last_name, first AS first_name FROM client) people
    WHERE buyer = who ORDER BY last_name, first_name, bought_in, amount_paid LIMIT 50
    """,
    """
    SELECT i.brand, sum(paid) total_paid, sum(paid) * 100.0 / sum(sum(paid)) OVER (
        PARTITION BY i.category) AS share_of_category
    FROM sale JOIN item i USING (item_id) JOIN day d ON d.day_id = sale.day_id
    WHERE i.category IN ('Books', 'Home') AND d.on_date BETWEEN '1999-02-22' AND '1999-03-24'
        AND NOT EXISTS (SELECT * FROM refund r WHERE r.ticket = sale.ticket
            AND r.refunded > (SELECT avg(r2.refunded) FROM refund r2 WHERE r2.item_id = r.item_id))
    GROUP BY i.brand, i.category HAVING count(*) FILTER (WHERE paid > 0) > 3
    ORDER BY i.category COLLATE NOCASE, share_of_category DESC
    """,
    """
    WITH RECURSIVE months(m) AS (VALUES (1) UNION ALL SELECT m + 1 FROM months WHERE m < 12),
    sold AS (SELECT d.month AS m, count(DISTINCT s.ticket) AS tickets FROM sale s
        INNER JOIN day AS d ON s.day_id = d.day_id AND d.year = 2001 GROUP BY 1)
    SELECT months.m, ifnull(sold.tickets, 0) AS tickets_sold, avg(sold.tickets) OVER w AS smooth
    FROM months LEFT JOIN sold ON sold.m = months.m
    WINDOW w AS (ORDER BY months.m ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) ORDER BY months.m;
    """,
)


@pytest.fixture(scope="module")
def schema() -> Schema:
    return Schema.from_ddl(DDL)


@pytest.fixture(scope="module")
def grammar(schema: Schema) -> Grammar:
    return Grammar(schema_grammar(schema))


@pytest.mark.parametrize("query", QUERIES)
def test_it_gets_through_grammar_scope_and_sqlite(
    grammar: Grammar, schema: Schema, query: str
) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(DDL)
        connection.execute(f"EXPLAIN {query}").close()
    scope = SQLScope(schema)
    cuts = [query[:n] for n in range(0, len(query), 11)]
    assert [cut for cut in cuts if log_prefix(grammar, cut) != 0.0] == []
    assert [cut for cut in cuts if scope.prefix(cut) != 0.0] == []
    assert log_complete(grammar, query) == 0.0
    assert scope.complete(query) == 0.0


def test_depth_has_no_bound(grammar: Grammar) -> None:
    query = "SELECT max(amount) AS depth_0 FROM sale"
    for depth in range(1, 25):
        query = f"SELECT avg(depth_{depth - 1}) + 1 AS depth_{depth} FROM ({query})"
    assert log_complete(grammar, query) == 0.0
    assert log_complete(grammar, query.replace("depth_7)", "depth_7")) == float("-inf")
