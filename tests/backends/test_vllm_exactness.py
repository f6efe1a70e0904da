"""The engine over a real vLLM, against brute force on the same weights."""

import pytest
import transformers

from tests.backends.small_world import (
    CHANGES,
    PADDED,
    PROMPTS,
    RUNS,
    check_draws,
    check_unbiased,
    run_prompts,
    small_llama,
    tables_of,
    worst_z,
)
from tests.backends.vllm_engines import engine, needs_vllm
from tests.models import byte_level_tokenizer

pytestmark = needs_vllm

ROOM = {"max_num_seqs": 2 * RUNS * 4, "max_num_batched_tokens": 2 * RUNS * 8, "max_model_len": 16}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("world")
    # Heads of size 32: vLLM's attention on a CPU knows no smaller ones.
    sizes = {"hidden_size": 64, "initializer_range": 0.15, "bos_token_id": 0, "eos_token_id": 3}
    small_llama(**sizes).save_pretrained(made)
    byte_level_tokenizer().save_pretrained(made)  # the engine wants one; nothing is encoded
    return made


@pytest.fixture(scope="module")
def model(folder):
    return engine(folder, vocabulary=PADDED, engine_args=ROOM)


@pytest.fixture(scope="module")
def tables(folder):
    network = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype="float32").eval()
    return tables_of(network)


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_unbiased_for_prompts_of_unequal_length_in_one_batch(model, tables, changes):
    check_unbiased(model, tables, changes)


def test_rows_that_were_mixed_up_would_be_noticed(model, tables):
    """What the test above must not let through: the runs of one prompt against another's target."""
    posteriors = run_prompts(model, PROMPTS[:1], ess_threshold=0.5)
    assert worst_z(posteriors, tables[PROMPTS[0]])[0] < 4
    assert worst_z(posteriors, tables[PROMPTS[1]])[0] > 10


def test_the_table_and_vllm_agree_draw_by_draw(model, tables):
    check_draws(model, tables)
