"""Prompt tokens that a network reads for questions behind one few-shot beginning.

Spider's questions come one after the other, as a benchmark runs them; what they begin with alike is
in the prefix tree from the first on. Counted are the tokens of all forward passes, on a random
network of the tokenizer's size (what its weights hold does not matter). The limit is a share of
what the prompts have together. Needs the data set; with `--model FOLDER` that folder's tokenizer.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.micro.models import CACHE, model_folder
from benchmarks.micro.timing import Options, Result
from benchmarks.tasks import find_data
from smc.backends.transformers import TransformersModel
from smc.model import Prompt

NAME = "few_shot_prefill"
QUESTIONS = 20
SHARE = 0.45


def run(options: Options, cache: Path = CACHE) -> Result:
    """Count, see the module.

    Raises:
        FileNotFoundError: The data set is not there.
    """
    import transformers

    from domains.spider.task import TASK

    every = [item.prompt for item in TASK.items(data=find_data(None))]
    prompts = every[:: len(every) // QUESTIONS][:QUESTIONS]
    folder = options.model or str(model_folder(options, cache))
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    read, whole = prefill_tokens(tokenizer, prompts)
    near, near_whole = prefill_tokens(tokenizer, every[:QUESTIONS])
    limit = SHARE * whole
    return Result(
        name=NAME,
        ours=float(read),
        limit=limit,
        ratio=limit / read,
        unit="prompt tokens",
        setting=(
            f"{len(prompts)} questions of Spider spread over its databases, {TASK.shots} shots, "
            "tokenizer of "
            f"{options.model or 'the random Llama'}; limit: {SHARE:.0%} of the {whole:,} tokens "
            "that their prompts have"
        ),
        details={
            "share": read / whole,
            "tokens_of_prompts": whole,
            "share_of_neighbours": near / near_whole,  # the first, which also share a schema
        },
    )


def prefill_tokens(tokenizer: Any, prompts: Sequence[Prompt]) -> tuple[int, int]:
    """Return the tokens that are read for prompts that come one by one, and what they have.

    Args:
        tokenizer: A `transformers` tokenizer.
        prompts: In their order.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=1 << 15,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    network = LlamaForCausalLM(config).eval()
    model = TransformersModel(network, tokenizer)
    model.start(["x " * 200], model.vocabulary, 1)  # whether it can share is tried once
    read = 0

    def count(_module: Any, args: Any, kwargs: Any) -> None:
        nonlocal read
        ids = kwargs["input_ids"] if "input_ids" in kwargs else args[0]
        read += ids.numel()

    whole = sum(len(model.encode(prompt, 1)) for prompt in prompts)
    hook = network.register_forward_pre_hook(count, with_kwargs=True)
    for prompt in prompts:
        model.start([prompt], model.vocabulary, 1)
    hook.remove()
    return read, whole
