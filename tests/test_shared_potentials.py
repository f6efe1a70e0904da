"""One potential object named twice in a list counts twice."""

import pytest

import smc
from tests.exact import MAX_TOKENS, MODEL, SoftLength


def test_a_token_potential_named_twice_counts_as_two_equal_ones():
    twice = SoftLength()
    lists = ([twice, twice], [SoftLength(), SoftLength()])
    one, two = (smc.sample(MODEL, "", own, max_tokens=MAX_TOKENS, seed=3) for own in lists)
    assert one.log_evidence == pytest.approx(two.log_evidence, abs=1e-9)
