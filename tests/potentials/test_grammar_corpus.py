"""Every grammar of the corpus has exactly the language of Lark's named mode, or is refused."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterator

import pytest
from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper

from potentials.grammar.lark import TranslatedGrammar, translate
from smc.errors import GrammarError
from tests.potentials.corpus.case import Case
from tests.potentials.corpus.cuts import CUTS
from tests.potentials.corpus.languages import LANGUAGES
from tests.potentials.corpus.refused import REFUSED
from tests.potentials.corpus.small import SMALL
from tests.potentials.corpus.spelled import SPELLED
from tests.potentials.lark_oracle import reference_parser

CORPUS = (*SMALL, *CUTS, *LANGUAGES, *SPELLED, *REFUSED)
CARRIED = [c for c in CORPUS if c.mode is not None and c.pieces]
MOST_STRINGS = 1600
TO_REFUSE = [c for c in CORPUS if c.mode is None]


class Vocabulary:
    """All bytes, the tokens of a case, and one end-of-sequence token, as llguidance reads them."""

    def __init__(self, tokens: tuple[str, ...]) -> None:
        longer = [t.encode() for t in tokens if len(t.encode()) > 1]
        self.tokens = [bytes([b]) for b in range(256)] + longer + [b"<eos>"]
        self.eos_token_id = len(self.tokens) - 1
        self.bos_token_id = None
        self.special_token_ids = [self.eos_token_id]

    def __call__(self, text: str | bytes) -> list[int]:
        return list(text.encode() if isinstance(text, str) else text)

    def ways(self, text: str, seed: int) -> Iterator[list[int]]:
        """Yield the tokens of a text byte by byte, longest first, and split at random."""
        data = text.encode()
        yield list(data)
        by_bytes = {t: i for i, t in enumerate(self.tokens[:-1])}
        rng = random.Random(seed)
        for choose in (max, rng.choice):
            out, at = [], 0
            while at < len(data):
                fits = [t for n in range(1, 60) if (t := data[at : at + n]) in by_bytes]
                token = choose(fits) if choose is not max else max(fits, key=len)
                out.append(by_bytes[token])
                at += len(token)
            yield out


def matcher(case: Case, text: str) -> tuple[Vocabulary, LLMatcher]:
    vocabulary = Vocabulary(case.tokens)
    tokenizer = LLTokenizer(TokenizerWrapper(vocabulary), n_vocab=len(vocabulary.tokens))
    found = LLMatcher(tokenizer, LLMatcher.grammar_from_lark(text), log_level=0)
    assert not found.is_error(), found.get_error()
    return vocabulary, found


def accepts(found: LLMatcher, tokens: list[int]) -> bool:
    found.reset()
    return found.try_consume_tokens(tokens) == len(tokens) and found.is_accepting()


def translated_case(case: Case) -> TranslatedGrammar:
    return translate(case.source, start=case.start, base_path=case.base_path, parser=case.parser)


def strings(case: Case) -> list[str]:
    """Return every string of at most `length` pieces, a shorter length where they are too many."""
    found: dict[str, None] = {}
    for n in range(case.length + 1):
        if len(found) + len(case.pieces) ** n > MOST_STRINGS:
            break
        found.update(dict.fromkeys("".join(w) for w in itertools.product(case.pieces, repeat=n)))
    return [*found, *case.some_in]


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len(CORPUS) >= 40
    assert len({c.name for c in CORPUS}) == len(CORPUS)


@pytest.mark.parametrize("case", CARRIED, ids=lambda c: c.name)
def test_accepts_exactly_the_strings_that_lark_accepts(case: Case) -> None:
    translated = translate(
        case.source, start=case.start, base_path=case.base_path, parser=case.parser
    )
    assert translated.mode == case.mode
    in_lark = reference_parser(
        case.source, mode=case.mode, start=case.start, base_path=case.base_path
    )
    vocabulary, found = matcher(case, translated.llguidance)
    inside = {w for w in strings(case) if in_lark(w)}
    assert set(case.some_in) <= inside
    wrong = [
        (w, w in inside, tokens)
        for i, w in enumerate(strings(case))
        for tokens in vocabulary.ways(w, i)
        if accepts(found, tokens) != (w in inside)
    ]
    assert wrong == []


@pytest.mark.parametrize("case", CARRIED, ids=lambda c: c.name)
def test_no_token_that_leads_to_a_sentence_is_masked(case: Case) -> None:
    translated = translate(
        case.source, start=case.start, base_path=case.base_path, parser=case.parser
    )
    in_lark = reference_parser(case.source, mode=case.mode, start=case.start)
    vocabulary, found = matcher(case, translated.llguidance)
    rng = random.Random(7)
    inside = [w for w in strings(case) if in_lark(w)]
    for sentence in rng.sample(inside, min(12, len(inside))):
        for tokens in vocabulary.ways(sentence, rng.randrange(1000)):
            found.reset()
            for token in tokens:
                allowed = found.compute_bitmask()
                assert allowed[token // 8] >> token % 8 & 1, (sentence, token)
                assert found.consume_token(token)


@pytest.mark.parametrize("case", TO_REFUSE, ids=lambda c: c.name)
def test_refuses_with_name_line_and_remedy(case: Case) -> None:
    with pytest.raises(GrammarError) as caught:
        translate(case.source, start=case.start, base_path=case.base_path)
    message = str(caught.value)
    for part in case.refused:
        assert re.search(part, message), message
    assert message.startswith("Grammar, line ")
    assert message.rstrip().endswith("."), message
