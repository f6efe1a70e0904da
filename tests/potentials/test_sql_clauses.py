"""The boundary at the end of a clause."""

import random

import pytest

from potentials.sql import sql_clauses


def fired(text: str) -> list[str]:
    """Return what stands before each boundary, read one character at a time."""
    boundary = sql_clauses()
    state, out = boundary.start(), []
    for at, char in enumerate(text):
        state, fires = boundary.advance(state, char)
        if fires:
            out.append(text[:at].split()[-1] if char != ")" else ")")
    return out


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT a FROM t WHERE b = 1", ["WHERE"]),
        (
            "select a from t where b group by c having d order by e limit 3",
            ["where", "group", "having", "order", "limit"],
        ),
        ("SELECT a FROM t UNION SELECT b FROM u EXCEPT SELECT 1", ["UNION", "EXCEPT"]),
        ("SELECT a FROM t INTERSECT\nSELECT 2", ["INTERSECT"]),
        ("SELECT a FROM t;", ["t"]),
        ("SELECT a FROM (SELECT b FROM t WHERE(c))", ["WHERE", ")"]),
        ("SELECT a FROM ( select b FROM t )", [")"]),
        ("SELECT a FROM (/* x */ SELECT b FROM t)", [")"]),
        ("SELECT count(*), (a) FROM t WHERE (a) IN (1)", ["WHERE"]),
        ("SELECT selected, (selection) FROM t", []),
        ("SELECT ' WHERE ', \" LIMIT \", ` ORDER `, [ GROUP ] FROM t", []),
        ("SELECT 'it''s WHERE ' FROM t WHERE a", ["WHERE"]),
        ("SELECT a -- WHERE b\nFROM t WHERE c", ["WHERE"]),
        ("SELECT a /* WHERE ) ' */ FROM t WHERE c", ["WHERE"]),
        ("SELECT a - - b / * WHERE c", ["WHERE"]),
        ("SELECT ')' FROM (SELECT ')' FROM t)", [")"]),
        ("SELECT somewhere, wherever, limit_1, t.order FROM t", []),
        ("SELECT (SELECT (a) FROM t), (b)", [")"]),
        (")) WHERE ", ["WHERE"]),
    ],
)
def test_it_fires_at_the_end_of_clauses_and_nowhere_else(text: str, expected: list[str]) -> None:
    assert fired(text) == expected


def test_a_keyword_counts_once_it_cannot_go_on() -> None:
    boundary = sql_clauses()
    state, fires = boundary.advance(boundary.start(), "SELECT a FROM t WHERE")
    assert not fires
    assert not boundary.advance(state, "ver b")[1]
    assert not boundary.advance(state, "")[1]
    assert boundary.advance(state, " b")[1]
    assert boundary.advance(state, "(b")[1]


def test_how_a_text_is_cut_into_tokens_changes_nothing_but_where_it_is_seen() -> None:
    text = (
        "SELECT '--', a FROM (SELECT b /* ' */ FROM t WHERE c = 'x''y') -- (\nGROUP BY d LIMIT 1;"
    )
    boundary = sql_clauses()
    rng = random.Random(2)
    whole = boundary.advance(boundary.start(), text)[0]
    for _ in range(50):
        cuts = sorted(rng.sample(range(1, len(text)), 8))
        state = boundary.start()
        count = 0
        for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True):
            state, fires = boundary.advance(state, text[a:b])
            count += fires
        assert state == whole
        assert 1 <= count <= len(fired(text)) == 5


def test_states_are_immutable_and_can_be_forked() -> None:
    boundary = sql_clauses()
    state, _ = boundary.advance(boundary.start(), "SELECT a FROM (SELECT b FROM t")
    assert boundary.advance(state, ")")[1]
    assert boundary.advance(state, ")")[1]
    hash(state)
