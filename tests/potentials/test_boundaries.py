"""Boundaries that need no grammar."""

from typing import Any

import pytest

from potentials.boundaries import after, every, lines, sentences, steps
from smc.errors import SettingsError
from smc.potential import Boundary


def fired(boundary: Boundary[Any], tokens: list[str]) -> list[bool]:
    state, out = boundary.start(), []
    for token in tokens:
        state, fires = boundary.advance(state, token)
        out.append(fires)
    return out


def test_lines_fire_in_the_token_with_the_newline() -> None:
    assert fired(lines(), ["a", "\n", "b\nc", "", "d"]) == [False, True, True, False, False]


def test_steps_see_a_mark_that_is_split_over_tokens() -> None:
    assert fired(steps(), ["a\n", "\nb", "c", "\n", "", "\n"]) == [
        False,
        True,
        False,
        False,
        False,
        True,
    ]


def test_a_mark_is_used_once() -> None:
    assert fired(steps(), ["\n\n", "\n", "\n"]) == [True, False, True]
    assert fired(steps("aa"), ["aaa", "a", "a"]) == [True, True, False]


def test_after_any_of_the_characters() -> None:
    assert fired(after(";)"), ["a;b", "b", ")x", "(", ""]) == [True, False, True, False, False]


def test_sentences_wait_for_the_white_space() -> None:
    tokens = ["Hi", ".", " There", '!"', " \n", "3.14", " x? y", "?", ")", "\n"]
    assert fired(sentences(), tokens) == [
        False,
        False,
        True,
        False,
        True,
        False,
        True,
        False,
        False,
        True,
    ]


def test_every_counts_tokens_even_empty_ones() -> None:
    assert fired(every(3), ["a", "", "b", "c", "d", "e"]) == [False, False, True] * 2
    assert fired(every(1), ["a", "b"]) == [True, True]


@pytest.mark.parametrize("make", [lambda: every(0), lambda: after(""), lambda: steps("")])
def test_senseless_settings_are_refused(make: Any) -> None:
    with pytest.raises(SettingsError, match="boundary"):
        make()


@pytest.mark.parametrize("boundary", [lines(), steps(), sentences(), every(2), after(";")])
def test_states_are_shared_safely(boundary: Boundary[Any]) -> None:
    start = boundary.start()
    one, _ = boundary.advance(start, "a.\n")
    hash(one)
    assert boundary.advance(start, "b; ") == boundary.advance(boundary.start(), "b; ")
    assert isinstance(boundary, Boundary)
