"""Deaths: what killed how many particles, at which step and text, and what is said about it."""

from __future__ import annotations

import math

import numpy as np
import pytest

import smc
from smc.engine.deaths import Death, DeathTally, Stage
from smc.history import DeathCount
from smc.model import pack_mask
from smc.pages.deaths import causes, deaths_line, remedies
from smc.posterior import Posterior, TextSequence

MODEL = smc.TableModel.constant({"a": 0.5, "b": 0.25}, eos=0.25)


class NoB(smc.Potential):
    def prefix(self, text):
        return -math.inf if "b" in text else 0.0


class Three(smc.Potential):
    def complete(self, text):
        return 0.0 if len(text) == 3 else -math.inf


class Stuck(smc.TokenPotential[int]):
    """Nothing may follow two letters, not even an end."""

    def start(self):
        return 0

    def advance(self, state, new_bytes):
        return state + len(new_bytes)

    def complete(self, state):
        return -math.inf

    def token_scores(self, states):
        return smc.TokenScores(mask=pack_mask(np.array([[s < 2] * 2 + [False] for s in states])))


def never_resampled(potentials, **how):
    return smc.sample(
        MODEL, "", potentials, num_particles=40, max_tokens=3, ess_threshold=0.0, seed=5, **how
    )


def test_every_particle_that_died_is_counted_once_with_its_text():
    posterior = never_resampled([NoB(), Three()])
    dead = [
        s for s, w in zip(posterior.sequences, posterior.log_weights, strict=True) if w == -np.inf
    ]
    assert sum(d.count for d in posterior.deaths) == len(dead) > 0
    assert {d.cause for d in posterior.deaths} == {"NoB", "Three"}
    for death in posterior.deaths:
        if death.cause == "NoB":
            said = "complete" if death.step == 3 else "prefix"  # the last slot's is a final text
            assert death.said == said and all("b" in t for t in death.texts)
            expected = [s for s in dead if "b" in s.text and len(s.tokens) == death.step]
        else:
            assert death.said == "complete" and all("b" not in t for t in death.texts)
            expected = [s for s in dead if "b" not in s.text and len(s.tokens) == death.step]
        assert death.count == len(expected)
        assert set(death.texts) <= {s.text for s in expected}


def test_a_dead_end_is_named():
    posterior = never_resampled([Stuck()])
    (death,) = posterior.deaths
    assert death == DeathCount(3, "Stuck", "token", 40, death.texts)
    assert posterior.reason == f"Stuck allows no next token after {death.texts[-1]!r}" or (
        posterior.reason or ""
    ).startswith("Stuck allows no next token after")
    assert all(len(t) == 2 for t in death.texts) and len(death.texts) == 3


def test_an_end_that_cannot_be_is_the_last_slots():
    class NeverEnds(Stuck):
        def token_scores(self, states):
            return smc.TokenScores(mask=pack_mask(np.array([[True, True, False]] * len(states))))

    posterior = never_resampled([NeverEnds()], at_max_tokens="end")
    (death,) = posterior.deaths
    assert (death.step, death.cause, death.said) == (3, "max_tokens=3", "token")
    assert remedies(posterior)[0] == "more max_tokens, or at_max_tokens='cut'"


def test_a_refused_empty_text_kills_all_before_the_first_token():
    class No(smc.Potential):
        def prefix(self, text):
            return -math.inf

    posterior = never_resampled([No()])
    assert posterior.deaths == (DeathCount(0, "No", "prefix", 40, ("",)),)
    assert "refuses the empty text" in remedies(posterior)[0]


def test_a_draft_that_the_model_refuses_is_told_apart():
    large = smc.TableModel.constant({"a": 1.0, "b": 0.0}, eos=0.0)
    posterior = smc.sample(
        large,
        "",
        max_tokens=4,
        proposal=smc.DraftProposal(MODEL, block=2),
        num_particles=30,
        seed=1,
    )
    assert {(d.cause, d.said) for d in posterior.deaths} == {("the model", "model")}


def test_checks_of_a_rejection_proposal_are_named():
    class No(smc.Potential):
        def prefix(self, text):
            return -math.inf if text else 0.0

        def complete(self, text):
            return -math.inf

    posterior = never_resampled([No()], proposal=smc.RejectionProposal())
    assert posterior.deaths == (DeathCount(1, "No", "token", 40, ("",)),)


def test_deaths_are_counted_where_some_live_and_after_resampling():
    posterior = smc.sample(MODEL, "", [NoB()], num_particles=20, ess_threshold=1.0, seed=2)
    assert posterior.status is smc.Status.COMPLETE and posterior.reason is None
    assert sum(s.resampled for s in posterior.history) > 0 < len(posterior.deaths)
    line = deaths_line(posterior)
    assert line == f"{sum(d.count for d in posterior.deaths)} died of NoB"
    assert line in repr(posterior) and "NoB" in posterior.to_html()


def test_the_tally_is_bounded_and_loses_no_count():
    tally = DeathTally()
    for step in range(1, 500):
        for text in range(10):
            death = Death(
                "P", f"{step} " + "x" * 1000 + str(text), "…", Stage.BOUNDARY, 0, "prefix"
            )
            tally.add(death, step, 2)
    counts = tally.counts()
    assert sum(d.count for d in counts) == 499 * 20 and len(counts) == 499
    texts = [t for d in counts for t in d.texts]
    assert len(texts) <= 200 and max(map(len, texts)) <= 161 and texts[0].endswith("0")


def test_the_summary_says_why_everything_died_and_what_helps():
    posterior = never_resampled([NoB(), Three(), Stuck()])
    assert posterior.status is smc.Status.EXTINCT
    lines = repr(posterior).splitlines()
    table = lines[lines.index(next(n for n in lines if n.startswith("died"))) :]
    found = causes(posterior)
    assert [int(line.split()[0]) for line in table[1 : 1 + len(found)]] == [c.count for c in found]
    text, page = repr(posterior), posterior.to_html()
    for word in ("NoB", "Stuck", "check_potential", "num_particles=80"):
        assert word in text and word in page
    assert "RejectionProposal" in text and len(lines) < 20


def test_the_summary_stays_small_whatever_there_is():
    deaths = tuple(
        DeathCount(s, f"P{p}\n\x1b[31m" + "x" * 200, said, 7, ("\u202e" + "y" * 160,) * 3)
        for s in range(1, 60)
        for p in range(9)
        for said in ("token", "prefix", "complete", "model")
    )
    dead = Posterior(
        (TextSequence("a", (1,), False),),
        np.array([-np.inf]),
        reason="r",
        deaths=deaths,
        tries=((1, 2), (1, 2)),
        model="m",
    )
    lines = repr(dead).splitlines()
    assert len(lines) < 20 and max(map(len, lines)) <= 100
    assert "\x1b" not in repr(dead) and "\u202e" not in repr(dead)
    assert "36 more" not in dead.to_html() and "\u202e" not in dead.to_html()


def test_names_and_texts_are_escaped_on_the_page():
    deaths = (DeathCount(1, "<b>P", "prefix", 1, ("<script>",)),)
    dead = Posterior((TextSequence("", (), False),), np.array([-np.inf]), reason="r", deaths=deaths)
    page = dead.to_html()
    assert "&lt;b&gt;P" in page and "<b>P" not in page
    assert "&lt;script&gt;" in page and "'<script>'" not in page


def test_deaths_are_saved_and_read():
    posterior = never_resampled([NoB(), Three(), Stuck()])
    again = smc.Posterior.from_json(posterior.to_json())
    assert again.deaths == posterior.deaths and repr(again) == repr(posterior)


def test_the_run_is_kept_with_its_result():
    class Even(smc.Potential):
        def complete(self, text):
            return 0.0

    posterior = smc.sample(
        MODEL, "a", [Even()], num_particles=3, max_tokens=5, method="is", stop=("ab",), seed=9
    )
    assert (posterior.prompt, posterior.model, posterior.seed) == ("a", "TableModel", 9)
    assert posterior.max_tokens == 5
    kept = posterior.settings
    assert kept is not None
    assert kept["method"] == "is" and kept["ess_threshold"] == 0.0
    assert kept["at_max_tokens"] == "cut" and kept["stop"] == ["ab"]
    assert kept["potentials"] == ["Even"] and "retries" not in kept
    assert smc.Posterior.from_json(posterior.to_json()).settings == dict(kept)
    other = smc.sample(MODEL, "", num_particles=np.int64(3), resample_among="alike").settings
    assert other is not None and other["resample_among"] == "alike"
    assert "resample_among" not in kept and "expensive" not in kept


@pytest.mark.parametrize(
    ("seed", "kept"), [(7, 7), (np.int64(7), 7), (np.random.default_rng(7), None)], ids=str
)
def test_a_seed_is_kept_where_it_is_a_number(seed, kept):
    assert smc.sample(MODEL, "", seed=seed).seed == kept


def test_prompts_are_kept_where_json_can_write_them():
    ids = smc.sample(MODEL, np.array([0, 1]))
    assert ids.prompt == [0, 1] and smc.Posterior.from_json(ids.to_json()).prompt == [0, 1]
    derived = smc.sample_batch(MODEL, ["a", "b"], [[], []], seeds=3)
    assert [p.prompt for p in derived] == ["a", "b"] and [p.seed for p in derived] == [None, None]


def test_truncated_texts_are_told_with_their_share():
    posterior = smc.sample(MODEL, "", max_tokens=2, num_particles=40, seed=1)
    assert sum(posterior.truncated.values()) == pytest.approx(posterior.truncated_share)
    assert 0 < posterior.truncated_share < 1
    for text, share in posterior.truncated.items():
        assert len(text) == 2 and share == pytest.approx(posterior.probabilities()[text])
    assert "of the weight has texts that were cut at max_tokens=2" in repr(posterior)
    assert "cut at max_tokens=2" in posterior.to_html() and "(cut)" in repr(posterior)
    frame = posterior.to_frame()
    assert list(frame.truncated) == [s.truncated for s in posterior.sequences]
