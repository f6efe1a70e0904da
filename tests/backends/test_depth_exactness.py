"""The engine over networks of chosen depth, against brute force on the same weights."""

from __future__ import annotations

import pytest

import smc
from smc.backends.depth.exits import Exit
from tests.backends.depth_models import inner_thinking, recurrent
from tests.backends.small_world import CHANGES, PADDED, check_draws, check_unbiased, tables_of

NETWORKS = {
    "recurrent": lambda: recurrent(vocab_size=len(PADDED)).with_depth(3),
    "inner-thinking": lambda: inner_thinking(vocab_size=len(PADDED)),
}
CHOSEN = [CHANGES[1], CHANGES[3], CHANGES[4]]


@pytest.fixture(scope="module", params=NETWORKS)
def network(request):
    return NETWORKS[request.param]()


@pytest.fixture(scope="module")
def tables(network):
    return tables_of(network)


@pytest.mark.parametrize("changes", CHOSEN, ids=str)
def test_weights_are_unbiased(network, tables, changes):
    """Prompts of unequal length in one batch, forks and reorders of the cache at a fixed depth."""
    check_unbiased(smc.TransformersModel(network, None, vocabulary=PADDED), tables, changes)


def test_draws_are_those_of_the_table(network, tables):
    check_draws(smc.TransformersModel(network, None, vocabulary=PADDED), tables)


def test_another_depth_is_another_target(tables):
    """The control: over rows of one depth, the weights of another are found out."""
    shallow = smc.TransformersModel(NETWORKS["recurrent"]().with_depth(1), None, vocabulary=PADDED)
    with pytest.raises(AssertionError):
        check_unbiased(shallow, tables, CHANGES[1])


@pytest.mark.filterwarnings("ignore:.*every step is recomputed")
def test_weights_are_unbiased_where_tokens_stop_apart():
    network = recurrent(vocab_size=len(PADDED)).with_depth(8).with_exit(Exit("latent", 0.3))
    model = smc.TransformersModel(network, None, vocabulary=PADDED)
    check_unbiased(model, tables_of(network), CHANGES[1])
