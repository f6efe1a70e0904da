"""Masks near the end of the slots: against every completion there is, and against the target.

As in `tests/test_exactness.py`: z = 4, seeds fixed before the first look.
"""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest

import smc
from potentials import Grammar, JSONSchema, Regex
from potentials.grammar.completion import byte_grammar
from potentials.grammar.completion.earley import Recogniser
from potentials.grammar.completion.narrowing import Narrowing
from potentials.grammar.completion.shortest import SearchLimits
from potentials.grammar.mask_potential import MaskPotential
from smc.engine import run
from smc.engine.stop_tokens import stop_table
from smc.model import unpack_mask
from smc.potential import TokenPotential
from tests.engine.test_last_slot import Pairs
from tests.exact import estimates, z_scores
from tests.test_exactness import Z, problems, settings

SEED = 20_291
MAX_TOKENS = {"regex": 5, "brackets": 4, "left": 5}
HITS = 100
"""Runs that must have seen a text by itself: weights are skewed where the proposal is hot."""
PAIR = {"type": "object", "properties": {"a": {"type": "integer", "maximum": 1}}}

WORLDS = {
    "regex": (lambda: Regex(r"a+b{2,3}(ab)?"), ("a", "b", "ab", "bb", "bab")),
    "brackets": (
        lambda: Grammar('start: "x" | "(" start ")" | "[" start "," start "]"'),
        ("x", "(", ")", "[", "]", ",", "((", "))", "x)", ",x]"),
    ),
    "ignored": (
        lambda: Grammar('start: "a" "b"+\n%ignore " "\n'),
        ("a", "b", " ", "ab", " b", "  "),
    ),
    "left": (
        lambda: Grammar('start: start "+" T | T\nT: "aa" | "b"'),
        ("a", "b", "+", "aa", "+b", "a+"),
    ),
    "schema": (
        lambda: JSONSchema(PAIR | {"required": ["a"], "additionalProperties": False}),
        ("{", "}", '"', "a", ":", "1", "0", "-", '{"', '":', "0}", ' "'),
    ),
    "accents": (lambda: Regex(r"(é|ü){2}!"), ("é", "ü", "\xc3", "\xa9", "!", "é!")),
}


def tokens_of(name: str) -> tuple[bytes, ...]:
    texts = WORLDS[name][1]
    single = name == "accents"
    return tuple(t.encode("latin-1") if single and t in "\xc3\xa9" else t.encode() for t in texts)


TOKENS = {name: tokens_of(name) for name in WORLDS}
TOKENS["accents"] = ("é".encode(), "ü".encode(), b"\xc3", b"\xa9", b"!", "é!".encode())


def world(name: str) -> tuple[MaskPotential, smc.TableModel]:
    """A language, and an asymmetric model over tokens that straddle its parts."""
    tokens = TOKENS[name]
    vocabulary = smc.Vocabulary((*tokens, None, None), (len(tokens), len(tokens) + 1))

    @functools.cache
    def next_probs(prefix: tuple[int, ...]) -> tuple[float, ...]:
        row = np.random.default_rng([11, len(prefix), *prefix]).gamma(np.full(len(vocabulary), 4.0))
        return tuple(row / row.sum())

    return WORLDS[name][0](), smc.TableModel(vocabulary, next_probs)


def mask_of(bound, text: bytes, slots: int | None = None) -> np.ndarray:
    state = bound.advance(bound.start(), text)
    mask = bound.token_scores_within([state], [slots]).mask
    assert mask is not None
    return mask


class Unnarrowed:
    """In the place of `MaskPotential.token_scores_within`: what was before."""

    within = TokenPotential.token_scores_within


@pytest.mark.parametrize("name", WORLDS)
def test_a_token_stays_if_and_only_if_a_sentence_fits_behind_it(name):
    potential, model = world(name)
    bound, tokens = potential.bind(model.vocabulary), TOKENS[name]

    @functools.cache
    def fits(text: bytes, slots: int) -> bool:
        state = bound.advance(bound.start(), text)
        if bound.prefix(state) < 0:
            return False
        if bound.complete(state) == 0:
            return True
        return slots > 0 and any(fits(text + t, slots - 1) for t in tokens)

    removed = 0
    for length in range(4):
        for parts in itertools.product(tokens, repeat=length):
            text = b"".join(parts)
            state = bound.advance(bound.start(), text)
            if bound.prefix(state) < 0:
                continue
            before = unpack_mask(mask_of(bound, text), len(model.vocabulary))[0]
            for slots in range(5):
                mask = unpack_mask(mask_of(bound, text, slots), len(model.vocabulary))[0]
                expected = [slots > 0 and fits(text + t, slots - 1) for t in tokens]
                assert mask[: len(tokens)].tolist() == expected, (text, slots)
                assert (mask[len(tokens) :] == before[len(tokens) :]).all()
                removed += int((before & ~mask).sum())
    assert removed > 20


@pytest.mark.parametrize("name", WORLDS)
def test_without_bounds_masks_are_as_they_were(name):
    potential, model = world(name)
    bound = potential.bind(model.vocabulary)
    assert (mask_of(bound, b"") == bound.token_scores([bound.start()]).mask).all()


PROPOSALS = {
    "local": smc.LocalProposal(),
    "hot": smc.LocalProposal(temperature=1.7),
    "rejection": smc.RejectionProposal(),
    "draft": smc.DraftProposal,
}


class FewLetters(smc.Potential):
    """Soft: each further character costs."""

    def prefix(self, text: str) -> float:
        return -0.1 * len(text)


def sampled(name: str, how: str, proposal: str, runs: int = 1000) -> list[smc.Posterior]:
    potential, model = world(name)
    factors = [potential, FewLetters()]
    size = len(model.vocabulary)
    flat = smc.TableModel(model.vocabulary, lambda prefix: (1 / size,) * size)
    chosen = PROPOSALS[proposal]
    config = settings(
        max_tokens=MAX_TOKENS[name],
        at_max_tokens=how,
        ess_threshold=0.6,
        proposal=chosen(flat, block=2) if proposal == "draft" else chosen,
    )
    return run(model, problems(factors, SEED, runs), config)


@functools.cache
def gamma_of(name: str, how: str) -> dict[str, float]:
    """γ of every text with mass; beginnings that no sentence has are not gone into."""
    potential, model = world(name)
    eos = list(model.vocabulary.eos_ids)
    gamma: dict[str, float] = {}

    def add(ids: tuple[int, ...], prob: float, raw: bytes) -> None:
        state = potential.advance(potential.start(), raw)
        if potential.prefix(state) < 0:
            return
        cut = how == "cut" and len(ids) == MAX_TOKENS[name]
        probs = model.next_probs(ids)
        if potential.complete(state) == 0:
            text = raw.decode()
            ends = prob if cut else prob * sum(probs[i] for i in eos)
            gamma[text] = gamma.get(text, 0.0) + ends * np.exp(FewLetters().complete(text))
        if len(ids) < MAX_TOKENS[name] - (how == "end"):
            for i, token in enumerate(TOKENS[name]):
                add((*ids, i), prob * probs[i], raw + token)

    add((), 1.0, b"")
    return gamma


def worst_z(name: str, how: str, proposal: str) -> tuple[float, int]:
    """The largest |z| over texts, rare ones as one, and over Ẑ; and how many particles died."""
    posteriors, gamma = sampled(name, how, proposal), gamma_of(name, how)
    found = estimates(iter(posteriors), list(gamma))
    exact = np.array(list(gamma.values()))
    rare = (found > 0).sum(axis=0) < HITS
    columns = [found[:, ~rare], found.sum(axis=1)]
    means = [exact[~rare], [exact.sum()]]
    if rare.any() and (found[:, rare] > 0).any(axis=1).sum() >= HITS:
        columns.append(found[:, rare].sum(axis=1))
        means.append([exact[rare].sum()])
    assert (~rare).sum() >= 2
    dead = sum(int(np.isneginf(p.log_weights).sum()) for p in posteriors)
    z = np.abs(z_scores(np.column_stack(columns), np.concatenate(means)))
    return float(z.max()), dead


@pytest.mark.parametrize("proposal", PROPOSALS)
@pytest.mark.parametrize("how", ["cut", "end"])
@pytest.mark.parametrize("name", list(MAX_TOKENS))
def test_the_target_is_the_same_and_fewer_die(name, how, proposal, monkeypatch):
    narrowed, dead = worst_z(name, how, proposal)
    assert narrowed < Z
    if proposal != "rejection":  # FewLetters never refuses
        assert dead == 0
    monkeypatch.setattr(MaskPotential, "token_scores_within", Unnarrowed.within)
    before, dead_before = worst_z(name, how, proposal)
    assert before < Z
    assert dead_before > dead


@pytest.mark.parametrize("how", ["cut", "end"])
def test_control_a_bound_that_is_too_tight_changes_the_target(how, monkeypatch):
    narrow = Narrowing.narrow

    def tight(self, texts, slots, masks):
        return narrow(self, texts, [None if s is None else max(s - 1, 0) for s in slots], masks)

    monkeypatch.setattr(Narrowing, "narrow", tight)
    assert worst_z("brackets", how, "local")[0] > 2 * Z


@pytest.mark.parametrize("how", ["cut", "end"])
def test_a_stop_string_may_end_a_text_that_could_not_be_finished(how):
    """After "a#" no sentence fits in the last slot, but "a" is one, and "#" ends it."""
    model = smc.TableModel.constant({"a": 0.4, "#": 0.1, "a#": 0.3}, eos=0.2)
    language = Regex(r"a(#a{3})?")
    posterior = smc.sample(
        model,
        "",
        [language],
        stop=("#",),
        max_tokens=2,
        at_max_tokens=how,
        num_particles=400,
        method="is",
        seed=SEED,
    )
    # "a" and an end of sequence or "#" behind it, or both in one token.
    exact = 0.4 * 0.2 + 0.4 * 0.1 + 0.3
    assert set(posterior.probabilities()) == {"a"}
    assert np.exp(posterior.log_evidence) == pytest.approx(exact, abs=0.08)


def test_methods_without_weights_keep_their_masks(monkeypatch):
    asked = []
    narrow = Narrowing.narrow

    def spy(self, texts, slots, masks):
        asked.extend(slots)
        return narrow(self, texts, slots, masks)

    monkeypatch.setattr(Narrowing, "narrow", spy)
    potential, model = world("regex")
    for method in ("lcd", "rerank"):
        smc.sample(model, "", [potential], max_tokens=4, method=method, seed=1)
        assert set(asked) <= {None}
    smc.sample(model, "", [potential], max_tokens=4, method="smc", seed=1)
    assert {4, 1} <= set(asked)


def test_a_search_that_gives_up_takes_nothing_away():
    potential, model = world("brackets")
    bound = potential.bind(model.vocabulary)
    text = b"[("
    masks = mask_of(bound, text)
    spent = Narrowing(bound._source, model.vocabulary, "g", SearchLimits(visits=0, states=0))
    whole = Narrowing(bound._source, model.vocabulary, "g")
    kept = [unpack_mask(n.narrow([text], [3], masks), 12)[0].sum() for n in (spent, whole)]
    assert kept[0] > kept[1]


def test_a_grammar_that_cannot_be_read_is_left_alone_with_a_warning():
    potential, model = world("regex")
    masks = mask_of(potential.bind(model.vocabulary), b"")
    strange = Narrowing("start: <odd>\n", model.vocabulary, "Odd")
    with pytest.warns(UserWarning, match="Odd: the grammar has '<odd>' in a rule"):
        assert strange.narrow([b""], [1], masks) is masks


def test_a_mask_that_the_larger_language_refuses_switches_narrowing_off():
    potential, model = world("regex")
    masks = mask_of(potential.bind(model.vocabulary), b"")
    wrong = Narrowing("start: /b/\n", model.vocabulary, "Wrong")
    with pytest.warns(UserWarning, match="Wrong: it allows tokens"):
        assert wrong.narrow([b""], [1], masks) is masks


def test_users_potentials_know_nothing_of_slots():
    model = smc.TableModel.constant({"a": 0.5, "b": 0.3}, eos=0.2)
    product = smc.product(Pairs(), Regex("[ab]{2,}"))
    posterior = smc.sample(model, "", [product], max_tokens=4, num_particles=30, seed=3)
    assert {len(text) % 2 for text in posterior.probabilities()} == {0}


@pytest.mark.parametrize(("how", "slots"), [("cut", 2), ("end", 1)])
def test_a_population_that_no_sentence_fits_dies_at_once_and_is_told_why(how, slots):
    model = smc.TableModel.constant({"a": 0.6, "aa": 0.2}, eos=0.2)
    posterior = smc.sample(model, "", [Regex("a{5}")], max_tokens=2, at_max_tokens=how, seed=1)
    assert posterior.status.name == "EXTINCT" and len(posterior.history) == 1
    told = f"Regex allows no next token after '' with {slots} slots left of max_tokens=2"
    assert posterior.reason == told


def test_the_law_of_slots_is_checked():
    smc.check_potential(Regex("a+b{2,3}(ab)?"), ["abb", "aabbbab", "abab"])

    class Tight(Regex):
        def token_scores_within(self, states, slots):
            return super().token_scores_within(states, [s and s - 1 for s in slots])

    with pytest.raises(AssertionError, match="with 2 slots left"):
        smc.check_potential(Tight("a+b{2,3}(ab)?"), ["abb", "aabbbab"])


@pytest.mark.parametrize(
    "texts", [(" CC(C)=O", " C1CC1"), (" [NH4+]", " c1ccccc1")], ids=["chains", "rings"]
)
def test_molecules_keep_the_law_of_slots(texts):
    from potentials.molecule import smiles_grammar

    smc.check_potential(Grammar(smiles_grammar()), texts)


def test_queries_keep_the_law_of_slots(tmp_path):
    import sqlite3

    from potentials.sql import Schema, schema_grammar

    path = str(tmp_path / "shop.db")
    with sqlite3.connect(path) as shop:
        shop.execute("CREATE TABLE customer (name TEXT, age INTEGER)")
    shop.close()
    grammar = Grammar(schema_grammar(Schema.from_sqlite(path)))
    smc.check_potential(grammar, [" SELECT name FROM customer"])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("[1,", "[true,2,"),
        ('{"a": [1,', '{"b": [null,'),
        ("[[1],", "[[],[2],"),
        ('"abc', '"é'),
    ],
)
def test_texts_that_may_go_on_alike_are_one_state(one, other):
    recogniser = Recogniser(byte_grammar.read(JSONSchema({})._source))
    states = [recogniser.read(recogniser.start, text.encode()) for text in (one, other)]
    assert states[0] == states[1] >= 0


@pytest.mark.parametrize("name", WORLDS)
def test_the_recogniser_has_every_sentence_and_how_far_it_is(name):
    potential = WORLDS[name][0]()
    recogniser = Recogniser(byte_grammar.read(potential._source))
    sentences: set[bytes] = set()

    def add(raw: bytes, slots: int) -> None:
        state = potential.advance(potential.start(), raw)
        if potential.prefix(state) == 0:
            if potential.complete(state) == 0:
                sentences.add(raw)
            for token in TOKENS[name] if slots else ():
                add(raw + token, slots - 1)

    add(b"", 4)
    assert sentences
    for sentence in sentences:
        for cut in range(len(sentence) + 1):
            state = recogniser.read(recogniser.start, sentence[:cut])
            assert state >= 0
            assert 0 <= recogniser.distance[state] <= len(sentence) - cut


@pytest.mark.parametrize(
    "pattern, tokens, slack, z",
    [
        # "ab" in two tokens, and "aab" in three, whose last part is no token of its own.
        ("a{1,2}b", ("a", "b#"), None, 1 / 9 + 1 / 27),
        # "aabc" fits in three slots only where its stop string ends it.
        ("a{2}bc", ("a", "b", "c", "bc#"), 1, 1 / 125),
    ],
    ids=["unspelt", "spelt"],
)
def test_a_text_may_end_in_the_middle_of_its_last_token(pattern, tokens, slack, z):
    """By hand, under a uniform model: each sentence has as many factors as tokens."""
    raw = tuple(t.encode() for t in tokens)
    vocabulary = smc.Vocabulary((*raw, None), (len(raw),))
    model = smc.TableModel(vocabulary, lambda prefix: [1 / len(vocabulary)] * len(vocabulary))
    assert stop_table(vocabulary, ("#",)).slack == slack
    posterior = smc.sample(
        model, "", [Regex(pattern)], stop=("#",), max_tokens=3, num_particles=4000, seed=5
    )
    # Of 4000 particles a share of 1/3 has a standard error of 0.0075, so Z one of 2.3% at most.
    assert posterior.log_evidence == pytest.approx(np.log(z), abs=4 * 0.023)
    assert all(text.endswith(("b", "c")) for text in posterior.probabilities())
