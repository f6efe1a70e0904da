"""A posterior read from JSON: every leaf is checked, and what is read can be shown."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import re
from typing import Any

import numpy as np
import pytest

import smc
from smc.pages import posterior_page
from smc.posterior import DeathCount, Posterior, Step, TextSequence

EVIL = "<img src=x onerror=alert(1)>"


def whole() -> Posterior:
    """Two particles, two steps, one of them with a resampling and a dead particle."""
    return Posterior(
        sequences=(TextSequence("aé", (1, 4, 0), True), TextSequence("a<b", (1,), False)),
        log_weights=np.array([-1.25, -math.inf]),
        history=(
            Step(("a", "a"), (0.0, -0.5), 1.9, (0, 0), -0.2, {"grammar": (2, 0.5)}),
            Step(("é", "<b"), (-1.25, -math.inf), 1.0, None, -math.inf, {}),
        ),
        num_tokens=5,
        prompt=[{"role": "user", "content": "a<b> é"}],
        model="toy",
        seed=3,
        settings={"num_particles": 2, "stop": ["\n"], "method": None},
        deaths=(DeathCount(2, "grammar", "token", 1, ("a<",)),),
        tries=((1, 1), (1,)),
    )


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document, containers included."""
    if not isinstance(value, dict | list):
        return [path]
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    return [path, *(p for k, v in inner for p in leaves(v, (*path, k)))]


def replaced(record: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    changed = copy.deepcopy(record)
    at = changed
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = new
    return changed


RECORD = json.loads(whole().to_json())
PLACES = leaves(RECORD)
# What may stand in a place beside what stands there.
RUN = ("prompt", "model", "seed", "settings")
LATER = (*RUN, "deaths", "tries")
NULLS = {
    ("reason",),
    *((name,) for name in RUN),
    *(p for p in PLACES if "log_weights" in p and isinstance(p[-1], int)),
}
NULLS |= {p for p in PLACES if p[-1:] in (("ancestors",), ("log_evidence_increment",))}


def test_there_and_back():
    again = Posterior.from_json(whole().to_json())
    assert again.sequences == whole().sequences and again.history == whole().history
    np.testing.assert_array_equal(again.log_weights, whole().log_weights)
    assert again.num_tokens == 5 and again.reason is None
    for name in LATER:
        assert getattr(again, name) == getattr(whole(), name)


@pytest.mark.parametrize("prompt", ["", "text", [1, 2, 3], [{"role": "user", "content": "x"}]])
def test_prompts_of_every_kind_come_back(prompt):
    posterior = dataclasses.replace(whole(), prompt=prompt)
    assert Posterior.from_json(posterior.to_json()).prompt == prompt


def test_numbers_of_numpy_are_written_as_numbers():
    posterior = dataclasses.replace(
        whole(), prompt=np.array([4, 5]), seed=np.int64(7), settings={"x": np.float32(0.5)}
    )
    again = Posterior.from_json(posterior.to_json())
    assert (again.prompt, again.seed, again.settings) == ([4, 5], 7, {"x": 0.5})


@pytest.mark.parametrize(
    ("settings", "place"),
    [({"f": print}, "settings.f"), ({"a": {"b": math.nan}}, "settings.a.b"), ({1: 2}, "settings")],
    ids=["function", "nan", "key"],
)
def test_what_json_cannot_say_is_refused_by_name(settings, place):
    posterior = dataclasses.replace(whole(), settings=settings)
    with pytest.raises(smc.SettingsError, match=f"cannot be written: {re.escape(place)}: got"):
        posterior.to_json()


def test_a_file_of_an_older_release_is_read():
    record = {k: v for k, v in RECORD.items() if k not in LATER}
    again = Posterior.from_json(json.dumps(record))
    assert [getattr(again, name) for name in RUN] == [None] * 4
    assert again.deaths == again.tries == ()


def test_saved_and_loaded(tmp_path):
    path = tmp_path / "posterior.json"
    whole().save(path)
    assert Posterior.load(path).to_json() == whole().to_json() == path.read_text("utf-8").strip()
    with pytest.raises(smc.SettingsError, match="nowhere"):
        Posterior.load(tmp_path / "nowhere")
    path.write_bytes(b"\xff\xfe{")
    with pytest.raises(smc.SettingsError, match="to_json"):
        Posterior.load(path)


@pytest.mark.parametrize("path", PLACES, ids=lambda p: ".".join(map(str, p)) or "all")
@pytest.mark.parametrize(
    "new",
    [EVIL, math.nan, math.inf, -math.inf, 10**400, -1, 0.5, True, None, [], {}, [EVIL], [[0]]],
    ids=str,
)
def test_a_wrong_value_in_any_place_is_refused_or_harmless(path, new):
    """Either an error that names the format, or a posterior that can be shown and written."""
    text = json.dumps(replaced(RECORD, path, new))
    try:
        posterior = Posterior.from_json(text)
    except smc.SettingsError as error:
        assert "to_json" in str(error) and len(str(error)) < 400
        assert path not in NULLS or new is not None
        return
    page = posterior_page(posterior, title="t")
    assert "<img" not in page
    assert Posterior.from_json(posterior.to_json()).history == posterior.history


@pytest.mark.parametrize(
    ("path", "new", "place"),
    [
        (("num_tokens",), EVIL, "num_tokens"),
        (("num_tokens",), True, "num_tokens"),
        (("history", 0, "ess"), EVIL, "history[0].ess"),
        (("history", 0, "ess"), math.nan, "history[0].ess"),
        (("history", 0, "costs", "grammar", 0), EVIL, "history[0].costs.grammar[0]"),
        (("history", 0, "costs", "grammar", 1), -1, "history[0].costs.grammar[1]"),
        (("history", 0, "costs", "grammar"), [1], "history[0].costs.grammar"),
        (("history", 0, "ancestors"), [0, 2], "history[0].ancestors[1]"),
        (("history", 0, "ancestors"), [0, -1], "history[0].ancestors[1]"),
        (("history", 0, "pieces"), ["a"], "history[0].pieces"),
        (("history", 1, "log_weights"), [0.0], "history[1].log_weights"),
        (("sequences", 1, "text"), 7, "sequences[1].text"),
        (("sequences", 1, "text"), "a\ud800", "sequences[1].text"),
        (("sequences", 1, "tokens", 0), EVIL, "sequences[1].tokens[0]"),
        (("sequences", 1, "finished"), 1, "sequences[1].finished"),
        (("log_weights",), [0.0], "log_weights"),
        (("log_weights", 1), math.nan, "log_weights[1]"),
        (("log_weights", 1), math.inf, "log_weights[1]"),
        (("log_weights", 1), 10**400, "log_weights[1]"),
        (("sequences",), [], "sequences"),
        (("reason",), 3, "reason"),
        (("deaths", 0, "count"), -1, "deaths[0].count"),
        (("deaths", 0, "said"), "<b>", "deaths[0].said"),
        (("deaths", 0, "texts"), [1], "deaths[0].texts[0]"),
        (("deaths", 0, "cause"), None, "deaths[0].cause"),
        (("tries", 0, 1), "2", "tries[0][1]"),
    ],
)
def test_the_message_names_the_place(path, new, place):
    with pytest.raises(smc.SettingsError) as raised:
        Posterior.from_json(json.dumps(replaced(RECORD, path, new)))
    assert f": {place}: got " in str(raised.value)


@pytest.mark.parametrize("name", [n for n in RECORD if n not in LATER])
def test_a_member_that_is_missing_is_named(name):
    record = {k: v for k, v in RECORD.items() if k != name}
    with pytest.raises(smc.SettingsError, match=f"an object with '{name}'"):
        Posterior.from_json(json.dumps(record))


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"sequences":' * 100_000, "1" * 10_000, "\x00", "NaN", '"\ud800"', None,
     b"\xff"],
    ids=["lists", "objects", "digits", "control", "nan", "surrogate", "none", "bytes"],
)  # fmt: skip
def test_what_is_no_document_is_an_error_that_says_so(text):
    with pytest.raises(smc.SettingsError, match="to_json"):
        Posterior.from_json(text)


def test_more_members_than_are_known_are_let_be():
    """The command line writes probabilities beside them, a later release what it has to tell."""
    more = RECORD | {"status": "complete", "later": {"x": [1]}}
    assert Posterior.from_json(json.dumps(more)).sequences == whole().sequences


def test_a_potential_may_have_any_name():
    name = f'{EVIL}"\x1b[31m\u202e'
    step = json.loads(json.dumps(RECORD["history"][0])) | {"costs": {name: [1, 0.5]}}
    posterior = Posterior.from_json(json.dumps(replaced(RECORD, ("history", 0), step)))
    page = posterior_page(posterior, title="t")
    assert "<img" not in page and "\x1b" not in page and "\u202e" not in page
    wrong = json.dumps(replaced(RECORD, ("history", 0, "costs"), {name: EVIL}))
    with pytest.raises(smc.SettingsError) as raised:
        Posterior.from_json(wrong)
    assert "\x1b" not in str(raised.value) and "\u202e" not in str(raised.value)


@pytest.mark.parametrize("log_weights", [[0.0], [0.0, math.nan], [math.inf, 0.0], [[0.0], [0.0]]])
def test_weights_that_are_none_are_refused_wherever_they_come_from(log_weights):
    with pytest.raises(smc.SettingsError, match="log weights"):
        Posterior(whole().sequences, np.array(log_weights))


def test_a_page_escapes_what_was_built_by_hand():
    """Who fills the records by hand may put a text where a number belongs."""
    built = Posterior(whole().sequences, np.zeros(2), num_tokens=EVIL)  # type: ignore[arg-type]
    half = TextSequence("a\ud800", (1,), True)
    for posterior in (built, Posterior((half, half), np.zeros(2))):
        page = posterior_page(posterior, title="t\udfff")
        assert "<img" not in page
        page.encode()
