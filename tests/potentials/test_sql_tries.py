"""Prefix trees of words, and identifiers that are none of them, against brute force."""

from __future__ import annotations

import itertools
import random
import re

import pytest

from potentials.sql import tries
from potentials.sql.tries import choices, either, identifiers


@pytest.mark.parametrize("most", [8, 20, 60, 2000])
def test_words_are_matched_and_kept_out_whatever_they_begin_alike(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(tries, "MOST_NODES", most)
    rng = random.Random(most)
    texts = ["".join(t) for n in range(1, 5) for t in itertools.product("abB_1z", repeat=n)]
    for _ in range(25):
        alphabet = "abA_1"[: rng.choice([2, 5])]
        words = {
            rng.choice("aAb_") + "".join(rng.choice(alphabet) for _ in range(rng.randint(0, 4)))
            for _ in range(rng.randint(1, 12))
        }
        lowered = {w.lower() for w in words}
        matching = [re.compile(e) for e in choices(words)]
        others = [re.compile(e) for e in identifiers("*", words)]
        for text in texts:
            among = text.lower() in lowered
            assert any(e.fullmatch(text) for e in matching) == among, (words, text)
            identifier = re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", text) is not None
            found = sum(e.fullmatch(text) is not None for e in others)
            assert found == (identifier and not among), (words, text)


def test_a_word_that_is_all_of_the_rest_of_another_is_kept_out() -> None:
    (expression,) = identifiers("{0,2}", ["set", "sets"])
    matched = [
        t for t in ("s", "se", "set", "sets", "setsx", "setx") if re.fullmatch(expression, t)
    ]
    assert matched == ["s", "se", "setsx", "setx"]


def test_only_ascii_letters_have_two_cases() -> None:
    assert re.fullmatch(either(["Größe", "s"]), "gRößE")
    assert not re.fullmatch(either(["Größe"]), "GRÖSSE")
    assert not re.fullmatch(either(["s"]), "ſ")


def test_long_words_need_no_depth_of_recursion() -> None:
    word = "x" * 20_000
    assert re.fullmatch(either([word]), word.upper())
