"""The load test, for some seconds, and what it calls a leak."""

from __future__ import annotations

import dataclasses
import json

import pytest

from benchmarks.server_load.__main__ import Seen, main
from benchmarks.server_load.ends import GRACE_SECONDS
from benchmarks.server_load.process import Held
from benchmarks.server_load.report import comparison, page, summary
from benchmarks.server_load.requests import KINDS

MIB = 2**20
IDLE = Held(
    seconds=0.0,
    rss=500 * MIB,
    files=10,
    threads=4,
    processes=2,
    particles=0,
    batches=0,
    queued=0,
    tokens=0.0,
)


def at(seconds, **changes):
    return dataclasses.replace(IDLE, seconds=seconds, **changes)


def found(*held):
    seen = Seen()
    seen.seconds["chat"] += [1.0, 2.0, 3.0]
    seen.extinct["chat"] += 1
    return summary(seen, [IDLE, *held])


def test_latencies_and_tokens():
    figures = found(at(300.0, rss=600 * MIB, particles=9), at(600.0, rss=610 * MIB, tokens=6e4))
    assert figures["leaks"] == []
    assert figures["requests"] == 3
    assert figures["particle_tokens_per_second"] == 100.0
    assert figures["kinds"]["chat"]["p50"] == 2.0 and figures["kinds"]["chat"]["extinct"] == 1
    assert figures["held"]["most"]["particles"] == 9
    assert figures["rss_mib_by_minute"] == [500.0, 600.0, 610.0]


@pytest.mark.parametrize(
    "change, name",
    [
        ({"particles": 1}, "particles"),
        ({"batches": 1}, "batches"),
        ({"queued": 1}, "queued"),
        ({"files": 30}, "files"),
        ({"processes": 3}, "processes"),
        ({"rss": 700 * MIB}, "memory"),
    ],
)
def test_what_is_left_over_is_a_leak(change, name):
    assert found(at(300.0), at(600.0, **change))["leaks"] == [name]


@pytest.mark.slow
def test_a_short_load(tmp_path, capsys):
    out = tmp_path / "server.md"
    status = main(["--clients", "10", "--minutes", "0.2", "--json", "--out", str(out)])
    figures = json.loads(capsys.readouterr().out)
    assert status == 0, (figures["errors"], figures["leaks"])
    assert figures["unexpected_errors"] == 0
    kinds = figures["kinds"]
    assert set(kinds) == set(KINDS)
    assert all(kinds[k]["answered"] for k in KINDS if k != "slow grammar")
    assert out.read_text() == page(figures)


def test_what_hostile_clients_changed():
    calm, beside = found(at(300.0), at(600.0)), found(at(300.0), at(600.0))
    beside["all"]["p95"] = 2 * calm["all"]["p95"]
    figures = {**calm, "hostile": comparison(calm, beside, {"silent": {"closed": 3}}, ["files"])}
    assert figures["hostile"]["ratio"] == 2.0 and figures["hostile"]["unexpected_errors"] == 0
    assert figures["hostile"]["leaks"] == ["files"]


@pytest.mark.slow
def test_a_short_hostile_load(capsys):
    """Few clients for a short time tell no latencies, but whether anybody is harmed."""
    main(["--clients", "8", "--minutes", "0.1", "--hostile", "--ends", "1", "--json"])
    figures = json.loads(capsys.readouterr().out)
    hostile = figures["hostile"]
    assert hostile["unexpected_errors"] == 0, hostile["errors"]
    assert hostile["leaks"] == []
    assert hostile["requests"] > 0 and hostile["refused"] == 0
    expected = {
        "large prompts": {"413"},
        "deep JSON": {"400"},
        "many stop strings": {"400"},
        "hanging potential": {"503"},
        "spinning potential": {"503"},
        "silent": {"closed"},
        "half a body": {"408"},
        "slow headers": {"closed"},
    }
    assert {"large prompts", "deep JSON", "many stop strings"} <= set(hostile["answers"])
    for kind, counts in hostile["answers"].items():
        assert set(counts) <= expected[kind], (kind, counts)
    ((end,),) = (figures["ends"],)
    assert end["seconds"] <= GRACE_SECONDS + 5 and end["status"] == 0
