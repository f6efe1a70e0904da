"""The mask engine's wrapper: ids, limits, threads, caches."""

import numpy as np
import pytest

from potentials.grammar import matchers, scheduling
from potentials.grammar.llguidance import NO_FORCING
from potentials.grammar.mask_limits import MaskLimits
from potentials.grammar.mask_potential import MaskPotential
from potentials.grammar.matchers import GrammarState, Matchers
from smc.errors import GrammarError, PotentialError, SettingsError
from smc.model import Vocabulary, unpack_mask
from tests.potentials.masking import mask_of, vocabulary_of

NESTED = NO_FORCING + 'start: list\nlist: "[" (item ("," item)*)? "]"\nitem: list | /[0-9]+/\n'
AMBIGUOUS = NO_FORCING + 'start: s\ns: s s | "a"\n'


def language(source: str, **options: object) -> MaskPotential:
    return MaskPotential(NO_FORCING + source, **options)  # type: ignore[arg-type]


def test_mask_allows_the_viable_tokens_and_nothing_else() -> None:
    vocabulary = vocabulary_of([b"a", b"b", b"ab", None, b"", b"abc", b"\xff", b"ab"])
    bound = language('start: "ab" "a"*\n').bind(vocabulary)
    allowed = mask_of(bound, b"", vocabulary)
    assert [vocabulary.tokens[i] for i in np.flatnonzero(allowed)] == [b"a", b"ab", b"ab"]


def test_all_eos_ids_are_set_exactly_where_the_text_is_a_sentence() -> None:
    vocabulary = vocabulary_of([b"a", b"b"], ends=3)
    bound = language('start: "ab" "a"*\n').bind(vocabulary)
    ends = list(vocabulary.eos_ids)
    assert not mask_of(bound, b"a", vocabulary)[ends].any()
    assert mask_of(bound, b"ab", vocabulary)[ends].all()
    assert mask_of(bound, b"aba", vocabulary)[ends].all()


def test_a_stop_token_is_an_end_and_never_text() -> None:
    plain = vocabulary_of([b"a", b"\n", b"\na"])
    stopping = plain.ending_with(["\n"])
    grammar = language('start: "a" "\\n"? "a"?\n')
    assert mask_of(grammar.bind(plain), b"a", plain).tolist() == [True, True, True, True]
    assert mask_of(grammar.bind(stopping), b"a", stopping).tolist() == [True, True, True, True]
    # "\n" continues the text of the plain vocabulary, and ends that of the other.
    assert mask_of(grammar.bind(plain), b"", plain).tolist() == [True, False, False, False]
    only = language('start: "a" "\\n" "a"\n')
    assert mask_of(only.bind(plain), b"a", plain).tolist() == [False, True, True, False]
    assert not mask_of(only.bind(stopping), b"a", stopping).any()


def test_eos_bytes_are_not_text_when_a_grammar_spells_them() -> None:
    vocabulary = Vocabulary((b"a", b"</s>", b"</", b"s>"), (1,))
    bound = language('start: "a</s>"\n').bind(vocabulary)
    assert mask_of(bound, b"a", vocabulary).tolist() == [False, False, True, False]
    assert mask_of(bound, b"a</s>", vocabulary).tolist() == [False, True, False, False]


def test_tokens_that_look_special_are_text_like_any_other() -> None:
    tokens = [b"<s>", b"<|end|>", b"<0x0A>", b"[1]", b"<end>", b"<", b"\xff[1]", b"\x00", b"</s>"]
    vocabulary = vocabulary_of(tokens)
    bound = language('start: "<" /[^\\n]/*\n').bind(vocabulary)
    assert [tokens[i] for i in np.flatnonzero(mask_of(bound, b"", vocabulary))] == [
        b"<s>",
        b"<|end|>",
        b"<0x0A>",
        b"<end>",
        b"<",
        b"</s>",
    ]
    after = [vocabulary.tokens[i] for i in np.flatnonzero(mask_of(bound, b"<", vocabulary))]
    assert after == [t for t in tokens if b"\xff" not in t] + [None]


def test_prefix_and_complete_of_texts_outside_the_language() -> None:
    grammar = language('start: "ab"+\n')
    states = [grammar.advance(grammar.start(), t) for t in (b"", b"a", b"ab", b"b", b"abb", b"aba")]
    inf = float("inf")
    assert grammar.batch_prefix(states) == [0.0, 0.0, 0.0, -inf, -inf, 0.0]
    assert grammar.batch_complete(states) == [-inf, -inf, 0.0, -inf, -inf, -inf]


def test_an_impossible_text_has_an_empty_mask_for_ever() -> None:
    vocabulary = vocabulary_of([b"a", b"b"])
    bound = language('start: "ab"+\n').bind(vocabulary)
    for text in (b"b", b"ba", b"bab"):
        assert not mask_of(bound, text, vocabulary).any()


def test_forced_text_keeps_every_way_to_spell_it() -> None:
    vocabulary = vocabulary_of([b"h", b"he", b"hel", b"hello", b"e", b"l", b"o"])
    bound = language('start: "hello"\n').bind(vocabulary)
    assert mask_of(bound, b"", vocabulary)[:4].all()


def test_a_dead_end_is_not_an_end() -> None:
    vocabulary = vocabulary_of([b"x", b"y"])
    bound = language('start: "x" NOTHING\nNOTHING: /[^\\s\\S]/\n').bind(vocabulary)
    assert not mask_of(bound, b"x", vocabulary).any()


def test_a_language_without_a_sentence_is_refused() -> None:
    with pytest.raises(GrammarError, match="no text at all"):
        language("start: /[^\\s\\S]/\n")


def test_a_language_of_the_empty_text_alone_is_not_refused() -> None:
    grammar = language("start: \n")
    assert grammar.complete(grammar.start()) == 0.0


def test_an_exceeded_limit_raises_and_never_ends_the_text() -> None:
    vocabulary = vocabulary_of([b"a"])
    tight = MaskLimits(max_items_in_row=20, step_max_items=200)
    bound = MaskPotential(AMBIGUOUS, limits=tight).bind(vocabulary)
    with pytest.raises(PotentialError, match=r"after 'a+'.*[Ll]imits"):
        for n in range(1, 60):
            assert mask_of(bound, b"a" * n, vocabulary).all()
    # The same text raises again, and short ones still work.
    with pytest.raises(PotentialError):
        mask_of(bound, b"a" * 59, vocabulary)
    assert mask_of(bound, b"a", vocabulary).all()


def test_a_limit_met_in_complete_raises_too() -> None:
    potential = MaskPotential(AMBIGUOUS, limits=MaskLimits(max_items_in_row=20, step_max_items=200))
    with pytest.raises(PotentialError, match="MaskPotential"):
        potential.complete(GrammarState(b"a" * 59))


# Its automaton costs more to build than the fuel of the tests below, but not at one byte.
DEAR = NO_FORCING + "start: S\nS: /([^ ]+ +){0,19}[^ ]+/ & /(.|\\n){0,200}/\n"
WORDS = " ".join("abcdefghij"[n % 7 :] for n in range(20)).encode()


@pytest.mark.parametrize("fuel", [300, 1_000, 3_000, 10_000, 100_000])
def test_reading_without_masks_is_right_or_raises(fuel: int) -> None:
    vocabulary = vocabulary_of([b"a", b" "])
    roomy = MaskPotential(DEAR)
    texts = [b"a b", WORDS, WORDS + b"  ", WORDS + b" a", WORDS[:50], b"c d"]
    states = [roomy.advance(roomy.start(), text) for text in texts]
    answered = 0
    for tight in (
        MaskPotential(DEAR, limits=MaskLimits(step_lexer_fuel=fuel)),
        MaskPotential(DEAR, limits=MaskLimits(step_lexer_fuel=fuel)).bind(vocabulary),
    ):
        for state in states:
            for ask in ("prefix", "complete"):
                try:
                    answer = getattr(tight, ask)(state)
                except PotentialError as error:
                    assert "step_lexer_fuel" in str(error)
                else:
                    answered += 1
                    assert answer == getattr(roomy, ask)(state), (ask, state.text)
        assert tight.complete(states[0]) == 0.0
    assert answered == 4 * len(states) or fuel < 10_000


def test_many_texts_do_not_use_up_the_fuel_of_each() -> None:
    tight = MaskPotential(DEAR, limits=MaskLimits(step_lexer_fuel=100_000))
    rng = np.random.default_rng(1)
    for _ in range(200):
        words = [bytes(rng.integers(97, 123, 6).tolist()) for _ in range(15)]
        assert tight.complete(GrammarState(b" ".join(words))) == 0.0


def test_a_lexer_with_too_many_states_is_named_and_started_afresh() -> None:
    source = NO_FORCING + "start: /[a-z]{0,60}x[a-z]{12}y/\n"
    tight = MaskPotential(source, limits=MaskLimits(max_lexer_states=300))
    rng = np.random.default_rng(2)
    raised = 0
    for _ in range(60):
        text = bytes(rng.choice([ord("x"), ord("a")], 50).tolist())
        try:
            assert tight.prefix(GrammarState(text)) == 0.0
        except PotentialError as error:
            raised += 1
            assert "max_lexer_states" in str(error)
        assert tight.prefix(GrammarState(b"aaax")) == 0.0
    assert raised < 60


def test_the_default_limits_do_not_stop_that_text() -> None:
    potential = MaskPotential(AMBIGUOUS)
    assert potential.complete(GrammarState(b"a" * 59)) == 0.0


def test_masks_need_a_vocabulary() -> None:
    grammar = language('start: "a"\n')
    with pytest.raises(PotentialError, match="bind"):
        grammar.token_scores([grammar.start()])


@pytest.mark.parametrize("threads", [0, -1])
def test_max_threads_must_be_positive(threads: int) -> None:
    with pytest.raises(SettingsError, match="max_threads"):
        language('start: "a"\n', max_threads=threads)


def test_limits_must_be_positive() -> None:
    with pytest.raises(SettingsError, match="step_max_items"):
        MaskLimits(step_max_items=0)


def test_malformed_source_is_named() -> None:
    with pytest.raises(GrammarError, match="refuses"):
        language("start: nowhere\n")


NESTED_TOKENS = [b"[", b"]", b",", b"1", b"23", b"[[", b"]]", b"],[", b"],", b",4", b"[1,", b"]x"]


def _walk(bound: MaskPotential, vocabulary: Vocabulary, steps: int, width: int) -> list[bytes]:
    """Masks of a population that grows, forks and dies, as text and bits."""
    rng = np.random.default_rng(5)
    states = [bound.start()]
    seen: list[bytes] = []
    for _ in range(steps):
        scores = bound.token_scores(states)
        assert scores.mask is not None
        seen += [s.text + b"|" + m.tobytes() for s, m in zip(states, scores.mask, strict=True)]
        children = []
        for state, mask in zip(states, unpack_mask(scores.mask, len(vocabulary)), strict=True):
            ids = np.flatnonzero(mask[:-1])
            for i in rng.choice(ids, min(3, len(ids)), replace=False):
                children.append(bound.advance(state, vocabulary.tokens[i] or b""))
        unique = list({c.text: c for c in children}.values())
        keep = rng.permutation(len(unique))[:width]
        states = [unique[i] for i in keep]
    return seen


def _fresh(bound: MaskPotential, vocabulary: Vocabulary, text: bytes) -> bytes:
    return np.packbits(mask_of(bound, text, vocabulary), bitorder="little").tobytes()


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_forks_and_hand_overs_give_what_a_fresh_matcher_gives(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduling, "WORTH_A_THREAD_SECONDS", 0.0)
    vocabulary = vocabulary_of(NESTED_TOKENS)
    walked = _walk(MaskPotential(NESTED, max_threads=threads).bind(vocabulary), vocabulary, 12, 24)
    assert len(walked) > 150
    for line in walked[::7]:
        text, bits = line.split(b"|", 1)
        alone = MaskPotential(NESTED, max_threads=1).bind(vocabulary)
        assert _fresh(alone, vocabulary, text) == bits[: (len(vocabulary) + 7) // 8], text


def test_nothing_depends_on_what_the_caches_still_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    vocabulary = vocabulary_of(NESTED_TOKENS)
    roomy = _walk(MaskPotential(NESTED).bind(vocabulary), vocabulary, 12, 12)
    monkeypatch.setattr(matchers, "_CACHED_MATCHER_BYTES", 20_000)
    monkeypatch.setattr(matchers, "_CACHED_ROW_BYTES", 500)
    tight = MaskPotential(NESTED).bind(vocabulary)
    assert _walk(tight, vocabulary, 12, 12) == roomy
    assert len(tight._matchers._held) <= 3
    assert len(tight._matchers._known) <= 5


def test_a_parent_can_be_asked_again_after_its_matcher_was_handed_on() -> None:
    vocabulary = vocabulary_of(NESTED_TOKENS)
    bound = MaskPotential(NESTED).bind(vocabulary)
    parent = bound.advance(bound.start(), b"[1,")
    before = bound.token_scores([parent]).mask
    bound.token_scores([bound.advance(parent, b"23")])
    bound._matchers._known.clear()
    after = bound.token_scores([parent, bound.advance(parent, b"1")]).mask
    assert before is not None and after is not None
    assert np.array_equal(before[0], after[0])


def test_batch_equals_single_with_repeats_and_parents_beside_children() -> None:
    vocabulary = vocabulary_of(NESTED_TOKENS)
    texts = [b"[1,", b"[", b"[1", b"[1,", b"x", b"[1,2", b"[1]", b""]
    bound = MaskPotential(NESTED).bind(vocabulary)
    states = [bound.advance(bound.start(), t) for t in texts]
    batch = bound.token_scores(states).mask
    assert batch is not None
    for text, row in zip(texts, batch, strict=True):
        alone = MaskPotential(NESTED).bind(vocabulary)
        single = alone.token_scores([alone.advance(alone.start(), text)]).mask
        assert single is not None
        assert np.array_equal(single[0], row), text


def test_a_text_is_worth_the_same_however_it_was_split() -> None:
    vocabulary = vocabulary_of(NESTED_TOKENS)
    bound = MaskPotential(NESTED).bind(vocabulary)
    whole = bound.advance(bound.start(), b"[[1,23],[")
    for cut in range(10):
        pieces = bound.advance(bound.advance(bound.start(), whole.text[:cut]), whole.text[cut:])
        assert pieces == whole
        assert hash(pieces) == hash(whole)
        fresh = MaskPotential(NESTED).bind(vocabulary)
        half = fresh.advance(fresh.start(), whole.text[:cut])
        fresh.token_scores([half])
        a = fresh.token_scores([fresh.advance(half, whole.text[cut:])]).mask
        b = bound.token_scores([whole]).mask
        assert a is not None and b is not None
        assert np.array_equal(a, b)


def test_bind_is_remembered_and_shares_nothing_between_vocabularies() -> None:
    grammar = language('start: "ab"\n')
    one, two = vocabulary_of([b"a", b"ab"]), vocabulary_of([b"ab"])
    assert grammar.bind(one) is grammar.bind(one)
    assert grammar.bind(two).bind(one) is grammar.bind(one)
    assert mask_of(grammar.bind(one), b"", one).tolist() == [True, True, False]
    assert mask_of(grammar.bind(two), b"", two).tolist() == [True, False]


def test_work_goes_to_several_threads_when_it_is_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduling, "WORTH_A_THREAD_SECONDS", 0.0)
    engine = Matchers(NESTED, (b"[", b"]"), name="nested", max_threads=3)
    engine.judge([GrammarState()], rows=True)
    engine.judge([GrammarState(b"[" * n) for n in range(1, 12)], rows=True)
    assert sorted(engine._roots) == [0, 1, 2]


def test_an_error_in_a_thread_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduling, "WORTH_A_THREAD_SECONDS", 0.0)
    tight = MaskLimits(max_items_in_row=20, step_max_items=200)
    engine = Matchers(AMBIGUOUS, (b"a",), name="amb", limits=tight, max_threads=2)
    engine.judge([GrammarState(b"a")], rows=True)
    with pytest.raises(PotentialError, match="amb"):
        engine.judge([GrammarState(b"a" * n) for n in (2, 3, 50, 51)], rows=True)
