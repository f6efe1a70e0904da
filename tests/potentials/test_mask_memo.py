"""Masks by parser state: the same masks, filled once for texts that go on alike."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from potentials.grammar import Grammar, JSONSchema, matchers
from potentials.grammar.completion import byte_grammar
from potentials.grammar.llguidance import NO_FORCING
from potentials.grammar.mask_potential import MaskPotential
from potentials.grammar.matchers import GrammarState
from potentials.grammar.scheduling import GrammarVerdict
from potentials.grammar.states import mask_memo, parser_states
from potentials.grammar.states.mask_memo import MaskMemo
from potentials.grammar.states.parser_states import ParserStates
from potentials.sql import Schema, schema_grammar
from smc.errors import GrammarError
from smc.model import Vocabulary
from tests.potentials.masking import straddling, vocabulary_of
from tests.potentials.random_grammars import grammar
from tests.potentials.random_schemas import random_schema

SCHEMA = Schema.from_ddl(
    "CREATE TABLE pet (id INTEGER, name TEXT, age INTEGER); CREATE TABLE owner (id INTEGER);"
)
QUERIES = (
    "SELECT T1.name FROM pet AS T1 WHERE T1.age > 3 AND T1.id < 5",
    "SELECT T2.age, T2.id FROM pet AS T2 WHERE T2.age > 9 AND T2.name = 'x'",
    "SELECT x.name FROM pet AS x WHERE x.age > 1 AND x.age < 7",
    "SELECT id FROM owner WHERE id > 1 UNION SELECT age FROM pet WHERE age > 3",
)
WORDS = (
    "SELECT| FROM| WHERE| name| age| T1|.name|.age| pet| AS| > 3| AND|, |'x'| x|T2|(|)| = |er|wn|"
    "ag|me"
)
JSON = '{"a":|,"b":|{"|"}|"]|],|a"|b",|null|true|1,|-1|"a":1|ab|[1|}, "|": |1.5|é|\\u|\\u00|""|[['


def bytes_and(words: str) -> Vocabulary:
    return vocabulary_of([*(bytes([b]) for b in range(256)), *map(str.encode, words.split("|"))])


@pytest.fixture
def remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Masks are remembered by state from the first one on, however fast the machine is."""
    monkeypatch.setattr(matchers, "_SLOW_ROW_SECONDS", 0.0)
    monkeypatch.setattr(matchers, "_FEW_ROWS", 0)


@pytest.fixture
def filled_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """No mask is remembered by state."""
    monkeypatch.setattr(matchers, "_SLOW_ROW_SECONDS", float("inf"))


def walked(
    potential: MaskPotential, vocabulary: Vocabulary, *, walks: int, steps: int, seed: int = 0
) -> Iterator[tuple[bytes, bytes, GrammarVerdict]]:
    """Each text of some random walks, the token before it, and what the mask engine says."""
    rng = random.Random(seed)
    bound = potential.bind(vocabulary)
    for _ in range(walks):
        text, token = b"", b""
        for _ in range(steps):
            state = GrammarState(text, len(text) - len(token))
            verdict = bound._matchers.judge([state], rows=True)[0]
            yield text, token, verdict
            assert verdict.row is not None
            bits = np.unpackbits(verdict.row.view(np.uint8), bitorder="little")
            texts = [vocabulary.tokens[i] for i in np.flatnonzero(bits[: len(vocabulary)])]
            if not any(texts):
                break
            token = rng.choice([t for t in texts if t])
            text += token


def built(kind: str, seed: int) -> MaskPotential | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if kind == "lark":
                return Grammar(grammar(seed), max_threads=1)
            return JSONSchema(random_schema(random.Random(seed)), max_threads=1)
        except GrammarError:
            return None


@pytest.mark.usefixtures("filled_anew")
@pytest.mark.parametrize("kind", ["lark", "schema"])
def test_texts_at_one_state_have_one_mask_and_viability_is_the_engines(kind: str) -> None:
    vocabulary = straddling("abc ", 3) if kind == "lark" else bytes_and(JSON)
    shared = tried = 0
    for seed in range(24):
        potential = built(kind, seed)
        if potential is None:
            continue
        tried += 1
        states = ParserStates(byte_grammar.read(potential._source))
        known: dict[tuple[int, int], tuple[bytes, bool, bytes]] = {}
        for text, _, verdict in walked(potential, vocabulary, walks=12, steps=8, seed=seed):
            state = states.read(states.start, text)
            assert (state is not None) == verdict.viable, (kind, seed, text)
            if state is None or verdict.row is None:
                continue
            first, accepting, row = known.setdefault(
                state, (text, verdict.accepting, verdict.row.tobytes())
            )
            assert (accepting, row) == (verdict.accepting, verdict.row.tobytes()), (text, first)
            shared += first != text
    assert tried > 10
    assert shared > 500


def test_remembered_masks_are_those_of_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    source = schema_grammar(SCHEMA)
    vocabulary = bytes_and(WORDS)
    monkeypatch.setattr(matchers, "_SLOW_ROW_SECONDS", float("inf"))
    anew = Grammar(source, max_threads=1).bind(vocabulary)
    expected = {}
    for query in QUERIES:
        for end in range(len(query) + 1):
            state = anew.advance(anew.start(), query[:end].encode())
            mask = anew.token_scores([state]).mask
            assert mask is not None
            expected[state.text] = mask.tobytes()
    monkeypatch.setattr(matchers, "_SLOW_ROW_SECONDS", 0.0)
    remembering = Grammar(source, max_threads=1).bind(vocabulary)
    for query in QUERIES:
        state = remembering.start()
        for char in query.encode():
            mask = remembering.token_scores([state]).mask
            assert mask is not None
            assert mask.tobytes() == expected[state.text], state.text
            state = remembering.advance(state, bytes([char]))
        assert remembering.complete(state) == 0.0
    memo = remembering._matchers._memo
    assert memo is not None
    assert memo.serves
    assert memo._found > 60


@pytest.mark.usefixtures("remembered")
def test_after_remembered_masks_the_engine_goes_on_from_the_last_text_it_read() -> None:
    bound = Grammar(schema_grammar(SCHEMA), max_threads=1).bind(bytes_and(WORDS))
    for query in (QUERIES[0], QUERIES[2]):
        state = bound.start()
        for char in query.encode():
            bound.token_scores([state])
            state = bound.advance(state, bytes([char]))
    inner: Any = bound._matchers
    recalled = [t for t in inner._judged if t in inner._known]
    assert len(recalled) > 30
    for text in recalled:
        assert inner._nearest(GrammarState(text + b" ", len(text))) is not None, text


@pytest.mark.usefixtures("remembered")
def test_a_state_that_tells_too_little_is_found_out_and_no_longer_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ParserStates, "read", lambda self, state, text: self.start)
    vocabulary = vocabulary_of([b"a", b"b"])
    bound = MaskPotential(NO_FORCING + 'start: A B\nA: "ab"\nB: /a+/\n').bind(vocabulary)
    first = bound.start()
    bound.token_scores([first])
    with pytest.warns(UserWarning, match=r"remembered mask.*after b'a'"):
        scores = bound.token_scores([bound.advance(first, b"a")])
    assert scores.mask is not None
    assert scores.mask[0, 0] == 0b010
    memo = bound._matchers._memo
    assert memo is not None
    assert not memo.serves


def test_rows_that_are_remembered_stay_within_their_bytes() -> None:
    memo = MaskMemo("start: /a+b/ /a{1,60}/\n", "Grammar", most_bytes=5000)
    assert memo.serves
    for n in range(40):
        text = b"aba" + b"a" * n
        assert memo.recall(text, 0) is None
        memo.learn(GrammarVerdict(text, True, True, np.ones(100, np.uint32)))
    assert memo._verdicts.currsize <= 5000
    assert len(memo._verdicts) >= 5
    memo.learn(GrammarVerdict(b"aba", True, True, np.ones(5000, np.uint32)))  # is larger than that


@pytest.mark.parametrize(
    "source",
    [
        'start: /a*/ "b"\n',  # a lexeme may be empty
        "start: /a(?i:b)/\n",  # an expression that is not known to mean the same elsewhere
        "start: %json {}\n",
        'start: a\na: "x" b\n',  # `b` is not there
    ],
)
def test_grammars_whose_states_cannot_be_told_are_left_to_the_engine(source: str) -> None:
    memo = MaskMemo(source, "Grammar", most_bytes=10_000)
    assert not memo.serves
    assert memo.recall(b"ab", 0) is None
    memo.learn(GrammarVerdict(b"ab", True, True, np.ones(1, np.uint32)))


@pytest.mark.usefixtures("remembered")
def test_too_many_states_leave_all_masks_to_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser_states, "_MOST_STATES", 12)
    vocabulary = vocabulary_of([b"[", b"]", b"1", b","])
    source = NO_FORCING + 'start: list\nlist: "[" (item ("," item)*)? "]"\nitem: list | /[0-9]+/\n'
    bound = MaskPotential(source).bind(vocabulary)
    state = bound.start()
    for _ in range(20):
        scores = bound.token_scores([state])
        assert scores.mask is not None
        assert scores.mask[0, 0] & 0b0101 == (0b0101 if state.text else 0b0001)
        state = bound.advance(state, b"[")
    memo = bound._matchers._memo
    assert memo is not None
    assert not memo.serves


def test_a_memo_that_finds_nothing_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mask_memo, "_ENOUGH_TEXTS", 30)
    memo = MaskMemo("start: /a{1,100}/\n", "Grammar", most_bytes=10_000)
    for n in range(30):
        assert memo.serves
        assert memo.recall(b"a" * n, 0) is None
    assert not memo.serves


@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize("kind", ["queries", "lark", "schema"])
def test_what_may_end_after_a_remembered_mask_is_right(kind: str) -> None:
    """Beside stop strings many short texts are asked about: against a potential without memory."""
    if kind == "queries":
        vocabulary = bytes_and(WORDS)
        potential: MaskPotential | None = Grammar(schema_grammar(SCHEMA), max_threads=1)
        texts = [b"", b" ", b"5", b"'", b"x'", b")", b" pet", b" owner", b"e", b"\n", b"= 1"]
    else:
        vocabulary = straddling("abc ", 3) if kind == "lark" else bytes_and(JSON)
        texts = [t for t in vocabulary.tokens[-14:] if t] + [b""]
        potential = None
    compared = accepted = 0
    for seed in range(1 if kind == "queries" else 12):
        tried = potential or built(kind, seed)
        if tried is None:
            continue
        bound = tried.bind(vocabulary)
        again = Grammar(schema_grammar(SCHEMA), max_threads=1) if potential else built(kind, seed)
        assert again is not None
        plain = again.bind(vocabulary)  # asked for no masks, it remembers nothing by state
        states = [GrammarState(b"", 0)]
        for query in QUERIES if kind == "queries" else ():
            data = query.encode()
            states += [GrammarState(data[:k], k - 1) for k in range(1, len(data) + 1)]
        if kind != "queries":
            walks = walked(tried, vocabulary, walks=6, steps=6, seed=seed)
            states += [GrammarState(t, len(t) - len(token)) for t, token, _ in walks]
        for state in states:
            bound.token_scores([state])
            values = bound.complete_after(state, texts)
            expected = [plain.complete(GrammarState(state.text + t, 0)) for t in texts]
            assert values == expected, (kind, seed, state.text)
            compared += len(values)
            accepted += values.count(0.0)
    assert compared > 500 and 20 < accepted < compared


@pytest.mark.usefixtures("remembered")
def test_texts_after_a_remembered_mask_are_not_judged_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bound = Grammar(schema_grammar(SCHEMA), max_threads=1).bind(bytes_and(WORDS))
    texts = [f"{'x' * k}'".encode() for k in range(100)]
    judged: list[int] = []
    judge = matchers.GrammarRoot.judge

    def counting(root: Any, jobs: Any, refuel_every: int) -> None:
        judged.append(len(jobs))
        judge(root, jobs, refuel_every)

    monkeypatch.setattr(matchers.GrammarRoot, "judge", counting)
    for name in ("T1", "x", "abc", "y2"):
        text = f"SELECT {name}.name FROM pet AS {name} WHERE {name}.name = '".encode()
        state = GrammarState(text, len(text) - 1)
        bound.token_scores([state])
        assert bound.complete_after(state, texts) == [0.0] * 100
    assert sum(judged) < 20
