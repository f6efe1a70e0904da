"""Draws that a server makes ahead: exact by enumeration, each used once, bad answers refused."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import smc
from potentials import Regex
from potentials.boundaries import every
from smc.backends.http import Passing
from smc.backends.vllm_http.fields import DEAD, PROBE, Fields
from smc.backends.vllm_http.segments import Segment, probe, read_segment
from smc.backends.vllm_remote import RemoteVLLM
from smc.engine import Problem, Run, run
from smc.integrations.vllm_server.rows import TokenHistory, uniforms
from smc.model import HOLD, DrawRequest
from smc.settings import Settings
from tests.backends.remote_server import TableServer
from tests.exact import (
    MAX_TOKENS,
    MODEL,
    AfterB,
    Alternation,
    Judge,
    NoTripleA,
    SoftLength,
    estimates,
    target,
    with_boundary,
    z_scores,
)

RUNS = 2000
PATTERN = "(a|ab){0,3}b?"
FIELDS = Fields(seed=5, prompt=2, text=(1,), max_tokens=9, eos=(3,))


@pytest.mark.parametrize(
    ("segment", "changes"),
    [
        (1, {"ess_threshold": 0.5}),
        (2, {"ess_threshold": 1.0, "resample_at": every(2)}),
        (3, {"ess_threshold": 1.0, "resample_at": AfterB(), "resampling": "multinomial"}),
        (4, {"ess_threshold": 1.0}),
    ],
    ids=str,
)
@pytest.mark.parametrize("how", ["cut", "end"])
def test_the_unnormalised_posterior_is_unbiased(
    segment: int, changes: dict[str, Any], how: str
) -> None:
    """z = 4 over the mean of 2,000 runs, for every text and for Ẑ; seed fixed beforehand."""
    model = TableServer(MODEL, constraint=("regex", PATTERN), segment=segment)
    here = [with_boundary(Alternation(), AfterB()), with_boundary(Judge(), AfterB())]
    ends = {"max_tokens": MAX_TOKENS, "at_max_tokens": how}
    chosen = Settings(num_particles=4, **ends, **changes)
    rngs = [np.random.default_rng(s) for s in np.random.SeedSequence(20_271).spawn(RUNS)]
    posteriors = run(model, [Problem("", here, rng) for rng in rngs], chosen)
    gamma = target([Regex(PATTERN), *here], at_max_tokens=how)
    per_text = estimates(iter(posteriors), list(gamma))
    assert (per_text > 0).sum(axis=0).min() >= 20, "too few hits for a normal approximation"
    exact = np.array([*gamma.values(), sum(gamma.values())])
    both = np.column_stack([per_text, per_text.sum(axis=1)])
    assert np.abs(z_scores(both, exact)).max() < 4
    assert 10 < len(gamma) < len(target(here))


def test_masks_and_scores_of_the_prompts_weigh_what_comes() -> None:
    """They are not in the server's proposal; the target is the same. z = 4, seed fixed before."""
    model = TableServer(MODEL, segment=3)
    here = [NoTripleA(), SoftLength(), Judge()]
    chosen = Settings(
        num_particles=4, max_tokens=MAX_TOKENS, at_max_tokens="end", ess_threshold=0.5
    )
    rngs = [np.random.default_rng(s) for s in np.random.SeedSequence(20_272).spawn(RUNS)]
    posteriors = run(model, [Problem("", here, rng) for rng in rngs], chosen)
    gamma = target(here)
    per_text = estimates(iter(posteriors), list(gamma))
    assert np.abs(z_scores(per_text, np.array(list(gamma.values())))).max() < 4


def test_control_a_copy_that_goes_on_as_its_original_is_found() -> None:
    """What was drawn ahead, given out twice: independence is lost, and the draws show it."""
    model = TableServer(MODEL, segment=MAX_TOKENS)
    texts = set()
    for seed in range(20):
        decoding = model.start([[0]], model.vocabulary, MAX_TOKENS)
        first = decoding.draw(_plan([0], [0.05 * seed + 0.01]))
        if first.tokens[0] in model.vocabulary.eos_ids:
            continue
        decoding.advance(np.array([0]), first.tokens)
        both = decoding.draw(_plan([0, 0], [0.3, 0.9]))
        texts.add(tuple(both.tokens.tolist()))
    assert any(a != b for a, b in texts)
    assert len(model.asked) > 25  # a probe, then one for each first draw and one for each copy


def test_what_was_drawn_ahead_is_used_and_asked_for_once() -> None:
    model = TableServer(MODEL, segment=MAX_TOKENS)
    posterior = smc.sample(model, "", num_particles=8, max_tokens=MAX_TOKENS, seed=3)
    # A probe, one segment a particle, for nothing was resampled, and the last slot's token.
    asked = 1 + 8 + sum(len(s.tokens) == MAX_TOKENS for s in posterior.sequences)
    assert len(model.asked) == asked > 9
    assert sum(f.probe for f in model.asked) == 1
    assert len({f.seed for f in model.asked}) == asked
    again = smc.sample(model, "", num_particles=8, max_tokens=MAX_TOKENS, seed=3)
    assert again.sequences == posterior.sequences
    assert len(model.asked) == 2 * asked - 1


def test_rows_of_another_length_join_and_keep_what_was_drawn_ahead() -> None:
    """A problem that joins late is as alone: its own max_tokens goes with it."""
    model = TableServer(MODEL, constraint=("regex", PATTERN), segment=3)
    results = []
    for late in (True, False):
        engine = Run(model)
        for seed, length in enumerate([4, 3, 2]):
            chosen = Settings(num_particles=5, max_tokens=length, ess_threshold=1.0)
            problem = Problem("", [Judge()], np.random.default_rng(seed))
            if not late:
                engine = Run(model)
            number = engine.add(problem, chosen)
            engine.step()
            results.append((engine, number))
            while engine.running and not late:
                engine.step()
        while engine.running:
            engine.step()
    posteriors = [engine.posterior(number) for engine, number in results]
    for ours, theirs in zip(posteriors[:3], posteriors[3:], strict=True):
        assert ours.sequences == theirs.sequences
        np.testing.assert_array_equal(ours.log_weights, theirs.log_weights)
    other = TableServer(MODEL, constraint=("regex", PATTERN), segment=3)
    here = model.start([""], model.vocabulary, 4)
    assert not here.join(other.start([""], other.vocabulary, 4))


def test_a_held_row_keeps_what_was_drawn_ahead() -> None:
    model = TableServer(MODEL, segment=2)
    decoding = model.start([[0], [0]], model.vocabulary, MAX_TOKENS)
    drawn = decoding.draw(_plan([0, 1], [0.2, 0.7]))
    rest = [drawing[1] for row in decoding._rows for drawing in row.drawn]
    decoding.advance(np.array([0, 1]), drawn.tokens)
    decoding.advance(np.array([1, 0]), np.array([HOLD, HOLD]))
    asked = len(model.asked)
    following = decoding.draw(_plan([0, 1], [0.5, 0.5]))
    kept = [segment.tokens[0] for segment in reversed(rest) if segment.tokens]
    assert len(model.asked) == asked + 2 - len(kept)
    assert [t for t, s in zip(following.tokens, reversed(rest), strict=True) if s.tokens] == kept


def test_a_text_that_cannot_go_on_is_dead_and_extinction_is_a_result() -> None:
    model = TableServer(MODEL, constraint=("regex", "b{9}"))
    posterior = smc.sample(model, "", num_particles=4, max_tokens=MAX_TOKENS, seed=0)
    assert posterior.status is smc.Status.EXTINCT


def test_stop_strings_end_texts_at_the_server_too() -> None:
    model = TableServer(MODEL, segment=3)
    posterior = smc.sample(
        model, "", num_particles=30, max_tokens=MAX_TOKENS, stop=("b",), seed=4, ess_threshold=0
    )
    assert {s.text for s in posterior.sequences} <= {"", "a", "aa", "aaa", "aaaa"}
    assert model.asked[-1].eos == (1, 3, 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": -1}, "seed: got -1; expected a whole"),
        ({"seed": 1 << 53}, "below"),
        ({"prompt": 0}, "at least one token"),
        ({"max_tokens": 1}, "more than the text has"),
        ({"text": ("a",)}, "token ids"),
        ({"eos": ()}, "at least one token id"),
        ({"temperature": 0}, "above 0"),
        ({"top_p": 1.5}, r"in \(0, 1\]"),
        ({"top_k": -1}, "whole number"),
        ({"grammar": "x" * 50_001}, "at most 50,000"),
        ({"regex": "a", "json": "{}"}, "expected one constraint"),
        ({"seed": True}, "seed: got True"),
    ],
)
def test_fields_out_of_range_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(FIELDS, **change)


def test_fields_come_through_a_request() -> None:
    fields = replace(FIELDS, regex="a+", top_k=7, temperature=0.5)
    assert Fields.of_request({**fields.to_request(), "other": 1}) == fields
    assert Fields.of_request(None) is None and Fields.of_request({"other": 1}) is None
    with pytest.raises(ValueError, match=r"unknown \['sead'\], missing \['seed'\]"):
        Fields.of_request({"smc_sead": 1, "smc_prompt": 1, "smc_max_tokens": 1, "smc_eos": [1]})
    with pytest.raises(ValueError, match="expected a list of token ids"):
        Fields.of_request({**fields.to_request(), "smc_eos": 3})


def _reply(**changes: Any) -> Any:
    choice = {
        "token_ids": [0, 3],
        "logprobs": {"token_logprobs": [-0.5, -0.25]},
        "finish_reason": "stop",
    }
    return {"choices": [choice | changes]}


def test_answers_are_read_or_refused() -> None:
    assert read_segment(_reply(), (3,)) == Segment((0, 3), (-0.5, -0.25))
    dead = read_segment(_reply(logprobs={"token_logprobs": [-0.5, DEAD]}), (3,))
    assert dead == Segment((0, -1), (-0.5, -math.inf))
    for nonsense in (
        {},
        {"choices": []},
        _reply(token_ids=None),
        _reply(token_ids=[0]),
        _reply(token_ids=["0", "3"]),
        _reply(token_ids=[3, 0]),
        _reply(token_ids=[0, 0]),
        _reply(finish_reason="error"),
        _reply(logprobs=None),
        _reply(logprobs={"token_logprobs": [0.0, math.nan]}),
    ):
        with pytest.raises(Passing):
            read_segment(nonsense, (3,))


def test_a_server_without_the_processor_is_noticed() -> None:
    values = {"token_logprobs": [PROBE, PROBE]}
    assert probe(_reply(logprobs=values), (3,)).tokens == (0, 3)
    with pytest.raises(smc.ModelError, match=r"logprob -0\.5; expected -1234\.5.*SegmentProcessor"):
        probe(_reply(), (3,))


def test_bad_arguments_and_plans_are_refused() -> None:
    for arguments, message in (
        ({"segment": 0}, "segment"),
        ({"temperature": 0.0}, "temperature"),
        ({"constraint": ("sql", "x")}, "expected .*grammar"),
        ({"constraint": ("regex", "")}, "expected .*regex"),
    ):
        with pytest.raises(smc.SettingsError, match=message):
            RemoteVLLM("m", "http://localhost:1/v1", "m", **arguments)
    decoding = TableServer(MODEL).start([[0]], MODEL.vocabulary, MAX_TOKENS)
    with pytest.raises(smc.SettingsError, match="draws from the model itself"):
        decoding.draw(replace(_plan([0], [0.5]), temperature=2.0))
    with pytest.raises(smc.ModelError, match="sends no rows"):
        decoding.log_probs()


def test_uniforms_are_those_of_seed_and_place_alone() -> None:
    both = uniforms([7, 7, 8], [0, 1, 0])
    assert uniforms([7], [1])[0] == both[1] and len(set(both)) == 3
    many = uniforms([3] * 40_000, range(40_000))
    assert abs(many.mean() - 0.5) < 4 / math.sqrt(12 * 40_000)
    assert abs(np.corrcoef(many[:-1], many[1:])[0, 1]) < 4 / math.sqrt(40_000)


def test_a_request_that_is_taken_out_and_put_back_remembers_its_tokens() -> None:
    texts = TokenHistory()
    texts.of(FIELDS).append(2)
    assert texts.of(FIELDS) == [1, 2]
    assert texts.of(replace(FIELDS, seed=6)) == [1]


def test_requests_that_ask_for_the_same_do_not_share_their_tokens() -> None:
    """Two clients with one seed: what one draws must not stand in the other's text."""
    texts = TokenHistory()
    asked = FIELDS.to_request()
    first, second = (Fields.of_request(Fields.marked(asked)) for _ in range(2))
    assert first is not None and second is not None
    texts.of(first).append(2)
    assert texts.of(second) == [1]
    assert replace(first, request=0) == replace(second, request=0) == FIELDS
    texts.of(FIELDS).append(7)
    for other in (replace(FIELDS, regex="a+"), replace(FIELDS, temperature=0.5)):
        assert texts.of(other) == [1]


def _plan(rows: list[int], at: list[float]) -> DrawRequest:
    return DrawRequest(rows=np.array(rows), uniforms=np.array(at))
