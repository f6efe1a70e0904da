"""Grammars of programming languages under a server's limits: made, and masked through a program."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import lark
import numpy as np
import pytest

from potentials import Grammar
from potentials.grammar.mask_potential import MaskPotential
from smc.errors import GrammarError
from smc.integrations.constraints import constraints, request_limits
from smc.integrations.server.sandboxed_validation import SandboxedValidation
from smc.model import Vocabulary, unpack_mask
from tests.potentials.masking import vocabulary_of

FOLDER = Path(__file__).parent / "languages"
LANGUAGES = ("c", "go", "lua", "python", "sql")
LONGEST_TOKEN = 6


def source(language: str) -> str:
    return (FOLDER / f"{language}.lark").read_text("utf-8")


def program(language: str) -> str:
    return (FOLDER / f"{language}.txt").read_text("utf-8")


@cache
def grammar(language: str) -> Grammar:
    (made,) = constraints(grammar=source(language), limits=request_limits())
    assert isinstance(made, Grammar)
    return made


@cache
def vocabulary() -> Vocabulary:
    """Every byte, and every short piece of every program."""
    texts = [program(language).encode() for language in LANGUAGES]
    pieces = {
        text[i : i + n]
        for text in texts
        for i in range(len(text))
        for n in range(2, LONGEST_TOKEN + 1)
    }
    return vocabulary_of([*(bytes([b]) for b in range(256)), *sorted(pieces)])


def allowed(potential: MaskPotential, text: bytes) -> np.ndarray:
    """`[V]` booleans."""
    mask = potential.token_scores([potential.advance(potential.start(), text)]).mask
    assert mask is not None
    return unpack_mask(mask, len(vocabulary()))[0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_server_can_make_it(language):
    validation = SandboxedValidation()
    try:
        validation("grammar", source(language))
    finally:
        validation.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_masks_let_a_program_through_and_nothing_that_cannot_follow(language):
    """A mask is compared with reading the text and the token, which asks for no mask."""
    text, tokens = program(language).encode(), vocabulary().tokens
    reader = grammar(language)
    bound, rng = reader.bind(vocabulary()), random.Random(7)
    at = 0
    while at < len(text):
        mask = allowed(bound, text[:at])
        fitting = [i for i, token in enumerate(tokens) if token and text.startswith(token, at)]
        assert mask[fitting].all(), text[:at]
        if rng.random() < 0.05:  # reading begins at the first byte
            others = rng.sample(range(len(tokens) - 1), 5)
            longer = [
                reader.advance(reader.start(), text[:at] + (tokens[i] or b"")) for i in others
            ]
            assert [bool(mask[i]) for i in others] == [
                x == 0.0 for x in reader.batch_prefix(longer)
            ]
        at += len(tokens[rng.choice(fitting)] or b"")
    assert allowed(bound, text)[list(vocabulary().eos_ids)].all()


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_the_language_of_lark(language):
    """Of the program, and of it with a character lost, doubled or put elsewhere."""
    carried, text, rng = grammar(language), program(language), random.Random(8)
    assert "parser='lalr'" in repr(carried)
    parser = lark.Lark(source(language), parser="lalr")
    texts = [text]
    for _ in range(40):
        i, j = rng.randrange(len(text)), rng.randrange(len(text))
        texts += [text[:i] + text[i + 1 :], text[:i] + text[i] + text[i:], text[:i] + text[j:]]
    found = carried.batch_complete([carried.advance(carried.start(), t.encode()) for t in texts])
    expected = [parses(parser, t) for t in texts]
    assert [x == 0.0 for x in found] == expected
    assert any(expected[1:]) and not all(expected)


def parses(parser: lark.Lark, text: str) -> bool:
    try:
        parser.parse(text)
    except lark.exceptions.LarkError:
        return False
    return True


def test_a_grammar_that_meets_a_limit_says_what_to_change():
    """One rule for declarations in and outside of functions: what may follow one is uncertain."""
    merged = source("c").replace("?item: local", "?item: global")
    merged = "\n".join(x for x in merged.splitlines() if not x.startswith("local:"))
    (made,) = constraints(grammar=merged, limits=request_limits())
    assert isinstance(made, Grammar)
    with pytest.raises(GrammarError) as error:
        made.bind(vocabulary())
    for said in (
        "step_max_items=",
        "after CHAR, 'A' may follow or may go on into NAME",
        "Let what",
    ):
        assert said in str(error.value)
