"""The engine over a real transformer, against brute force on the same weights."""

import pytest

import smc
from tests.backends.small_world import (
    CHANGES,
    PADDED,
    check_draws,
    check_unbiased,
    small_llama,
    tables_of,
)


@pytest.fixture(scope="module")
def network():
    return small_llama()


@pytest.fixture(scope="module")
def model(network):
    return smc.TransformersModel(network, None, vocabulary=PADDED)


@pytest.fixture(scope="module")
def tables(network):
    return tables_of(network)


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_unbiased_for_prompts_of_unequal_length_in_one_batch(model, tables, changes):
    check_unbiased(model, tables, changes)


def test_the_table_and_the_transformer_agree_draw_by_draw(model, tables):
    check_draws(model, tables)


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_unbiased_with_rejection(model, tables, threshold):
    """Checks in the proposal; redraws are from the same logits under a mask that grows."""
    proposal = smc.RejectionProposal()
    check_unbiased(model, tables, {"proposal": proposal, "ess_threshold": threshold})


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_unbiased_with_a_draft(model, tables, threshold):
    """Another network drafts; prompts of unequal length, blocks that end early, held rows."""
    draft = smc.TransformersModel(small_llama(initializer_range=0.2), None, vocabulary=PADDED)
    proposal = smc.DraftProposal(draft, block=3)
    check_unbiased(model, tables, {"proposal": proposal, "ess_threshold": threshold})
