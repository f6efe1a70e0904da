"""Grammars as token masks, against every sentence of small languages."""

import json
import random
import re
from pathlib import Path

import lark
import numpy as np
import pytest

import smc
from potentials.grammar import Grammar
from smc.backends.table import TableModel
from smc.errors import GrammarError
from smc.model import Vocabulary, unpack_mask
from tests.potentials.masking import (
    byte_walk,
    disagreements,
    mask_of,
    sentences,
    straddling,
    vocabulary_of,
)

# name -> (grammar, alphabet, longest sentence to list, deepest text whose mask is compared).
# The longest one is long enough that every beginning of `depth` + token length has an end in it.
SMALL = {
    "finite": ('start: "a" ("b" | "c") "a"?\n', "abc", 4, 4),
    "choice of words": ('start: "aba" | "abb" | "b"\n', "ab", 4, 4),
    "left recursion": ('start: start "," "x" | "x"\n', ",x", 9, 5),
    "right recursion": ('start: "x" "," start | "x"\n', ",x", 9, 5),
    "nesting": ('start: "(" start? ")" | "x"\n', "(x)", 8, 1),
    "ignored blanks": ('start: "a" "b"+\n%ignore " "\n', "ab ", 8, 3),
    "longest match": ("start: A B?\nA: /a+/\nB: /b/\n", "ab", 7, 4),
    "keyword or name": ('start: "ab" "," NAME\nNAME: /[ab]+/\n', "ab,", 7, 4),
    "case": ('start: "aB"i "b"\n', "aAbB", 4, 4),
    "template": ('start: pair{"a", "b"}\npair{x, y}: x y x?\n', "ab", 4, 4),
    "repeat": ('start: ("a" ~ 2..3 "b") ~ 1..2\n', "ab", 8, 6),
    "no text at all": ('start: "a"*\n', "ab", 6, 3),
    "accents": ('start: "é" ("è" | "e")+\n', "éèe", 6, 4),
}


@pytest.mark.parametrize("name", SMALL)
def test_every_bit_of_every_mask_agrees_with_the_sentences_that_lark_accepts(name: str) -> None:
    source, alphabet, longest, depth = SMALL[name]
    parser = lark.Lark(source, parser="lalr")

    def accepts(text: str) -> bool:
        try:
            parser.parse(text)
        except lark.exceptions.UnexpectedInput:
            return False
        return True

    known = sentences(accepts, alphabet, longest)
    assert known
    wrong = disagreements(Grammar(source), straddling(alphabet, 3), known, depth)
    assert not wrong, wrong[:10]


def test_the_oracle_sees_a_mask_that_admits_one_token_too_many() -> None:
    known = {b"ab", b"abb"}
    vocabulary = straddling("ab", 2)
    assert not disagreements(Grammar('start: "ab" "b"?\n'), vocabulary, known, 3)
    assert disagreements(Grammar('start: "ab" "b"? "b"?\n'), vocabulary, known, 3)
    assert disagreements(Grammar('start: "ab"\n'), vocabulary, known, 3)


@pytest.mark.parametrize("name", ["nesting", "accents", "ignored blanks", "longest match"])
def test_laws(name: str) -> None:
    source, alphabet, _, _ = SMALL[name]
    rng = random.Random(3)
    texts = ["".join(rng.choices(alphabet, k=5)) for _ in range(6)]
    good = {"nesting": "((x))", "accents": "éèeè", "ignored blanks": "a b b", "longest match": "ab"}
    smc.check_potential(Grammar(source), [good[name], *texts], vocabulary=straddling(alphabet, 2))


def test_unbound_states_are_texts() -> None:
    grammar = Grammar('start: "é" "!"\n')
    half = grammar.advance(grammar.start(), "é".encode()[:1])
    assert grammar.prefix(half) == 0.0
    assert grammar.complete(half) == float("-inf")
    whole = grammar.advance(half, "é!".encode()[1:])
    assert grammar.complete(whole) == 0.0
    assert {whole, grammar.advance(grammar.start(), "é!".encode())} == {whole}


def test_start_rule_and_imports(tmp_path: Path) -> None:
    (tmp_path / "words.lark").write_text('word: "a" | "b"\n')
    main = tmp_path / "main.lark"
    main.write_text('%import .words.word\nlist: word ("," word)*\n')
    for grammar in (
        Grammar.from_file(main, start="list"),
        Grammar(
            '%import words.word\nlist: word ("," word)*\n', start="list", import_paths=[tmp_path]
        ),
    ):
        assert grammar.complete(grammar.advance(grammar.start(), b"a,b")) == 0.0
        assert grammar.complete(grammar.advance(grammar.start(), b"a,")) == float("-inf")


@pytest.mark.parametrize(
    "source",
    ['start: "a\n', "start: missing\n", 'begin: "a"\n', 'start: "x" start\n', ""],
    ids=["unclosed", "undefined", "no start", "no sentence", "empty"],
)
def test_malformed_grammars_are_refused(source: str) -> None:
    with pytest.raises(GrammarError):
        Grammar(source)


@pytest.fixture(scope="module")
def gpt2(request: pytest.FixtureRequest) -> Vocabulary:
    """GPT-2's tokens as bytes."""
    path = request.getfixturevalue("data_dir") / "tokenizers" / "gpt2" / "vocab.json"
    if not path.is_file():
        pytest.skip(f"no GPT-2 vocabulary at {path}")
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [b for b in range(256) if b not in visible]
    byte_of = {chr(b): b for b in visible} | {chr(256 + i): b for i, b in enumerate(hidden)}
    ids: dict[str, int] = json.loads(path.read_text(encoding="utf-8"))
    tokens: list[bytes | None] = [None] * len(ids)
    for word, i in ids.items():
        if word != "<|endoftext|>":
            tokens[i] = bytes(byte_of[c] for c in word)
    return Vocabulary(tuple(tokens), (ids["<|endoftext|>"],))


LARGER = {
    "json": (
        'start: value\nvalue: "{" [pair ("," pair)*] "}" | "[" [value ("," value)*] "]" | STRING\n'
        '     | NUMBER | "true" | "false" | "null"\npair: STRING ":" value\n'
        'STRING: /"([^"\\\\\\x00-\\x1f]|\\\\["\\\\\\/bfnrt])*"/\n'
        "NUMBER: /-?(0|[1-9][0-9]*)(\\.[0-9]+)?/\n",
        ["", "{", '{"a', '{"a":1', "[tr", '["é\\', "[-", "[0"],
    ),
    "query": (
        'start: "SELECT" cols "FROM" NAME ("WHERE" NAME "=" NUMBER)? ";"\n'
        'cols: NAME ("," NAME)*\nNAME: /[a-z_]+/\nNUMBER: /[0-9]+/\n%ignore /[ \\n]+/\n',
        ["", "SEL", "SELECT", "SELECT a", "SELECT a, ", "SELECT a FROM b", "SELECT a FROM b WHERE"],
    ),
    "molecule": (
        "start: ATOM (BOND? ATOM)*\nATOM: /Cl|Br|[BCNOPSFI]|[bcnops]/\nBOND: /[-=#]/\n",
        ["", "C", "CC=", "c1"[:1], "Cl"],
    ),
}


@pytest.mark.data
@pytest.mark.parametrize("name", LARGER)
def test_large_vocabulary_masks_equal_a_walk_byte_by_byte(name: str, gpt2: Vocabulary) -> None:
    source, texts = LARGER[name]
    grammar = Grammar(source)
    bound = grammar.bind(gpt2)
    eos = gpt2.eos_ids[0]
    for text in texts:
        found = mask_of(bound, text.encode(), gpt2)
        complete = grammar.complete(grammar.advance(grammar.start(), text.encode()))
        assert found[eos] == (complete == 0.0)
        # Every 31st token: all of them take a minute a grammar, and differ nowhere either.
        expected = byte_walk(grammar, text.encode(), gpt2.tokens[::31])
        wrong = [gpt2.tokens[31 * i] for i in np.flatnonzero(found[::31] != expected)]
        assert not wrong, (text, wrong[:10])


def test_whatever_is_drawn_from_the_masks_ends_in_a_sentence() -> None:
    vocabulary = vocabulary_of([b"a", b"b", b"ab", b"ba"])
    rng = np.random.default_rng(0)
    bound = Grammar('start: "ab" "a"?\n').bind(vocabulary)
    for _ in range(40):
        state, text = bound.start(), b""
        for _ in range(6):
            scores = bound.token_scores([state])
            assert scores.mask is not None
            allowed = np.flatnonzero(unpack_mask(scores.mask, len(vocabulary))[0])
            token = int(rng.choice(allowed))
            if token in vocabulary.eos_ids:
                break
            text += vocabulary.tokens[token] or b""
            state = bound.advance(state, vocabulary.tokens[token] or b"")
        assert text in (b"ab", b"aba")


def test_the_evidence_is_the_probability_of_the_language() -> None:
    model = TableModel.constant({"a": 0.3, "b": 0.2, "ab": 0.15, "c": 0.1, "ba": 0.1}, eos=0.15)
    tokens = model.vocabulary.tokens
    grammar = Grammar('start: "ab" ("a" | "b") ~ 0..3\n')
    exact = 0.0
    for ids, probability in model.enumerate(max_tokens=5):
        text = b"".join(tokens[i] or b"" for i in ids).decode()
        exact += probability if re.fullmatch("ab[ab]{0,3}", text) else 0.0
    runs = [
        smc.sample(
            model, "", [grammar], num_particles=4, max_tokens=5, at_max_tokens="end", seed=seed
        )
        for seed in range(200)
    ]
    evidence = np.exp([run.log_evidence for run in runs])
    assert abs(evidence.mean() - exact) < 4 * evidence.std() / np.sqrt(len(runs))
    texts = {text for run in runs for text in run.probabilities()}
    assert texts and all(re.fullmatch("ab[ab]{0,3}", text) for text in texts)
