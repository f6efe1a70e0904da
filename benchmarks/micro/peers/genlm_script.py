"""The other side of `engine_vs_genlm`; runs in an environment of its own, and imports nothing here.

Reads lines of a seed and a number of tokens, runs SMC once for each, and answers each with one JSON
line: `tokens` (drawn over all particles), `wall` and `cpu` (seconds), `log_evidence`. Before the
first it prints one JSON line with its versions. Loading, compiling and printing are not timed.
"""

import argparse
import asyncio
import gc
import importlib.metadata
import json
import random
import sys
import time

import numpy as np
import torch
from genlm.control import AWRS, SMC, BoolFSA, PromptedLLM, direct_token_sampler


def main() -> None:
    args = _arguments()
    if args.threads:
        torch.set_num_threads(args.threads)
    llm = PromptedLLM.from_name(args.model, backend="hf", batch_size=args.batch_size)
    llm.prompt_ids = [int(i) for i in args.prompt.split(",")]
    constraint = BoolFSA.from_regex(args.regex)
    coerced = constraint.coerce(llm, f=b"".join)
    direct = args.sampler == "direct"
    sampler = direct_token_sampler(llm * coerced) if direct else AWRS(llm, coerced)
    smc = SMC(sampler)
    _answer(
        {
            name: importlib.metadata.version(name)
            for name in ("genlm-control", "genlm-backend", "torch", "transformers")
        }
    )
    loop = asyncio.new_event_loop()
    for line in sys.stdin:
        seed, most = map(int, line.split())
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        # Its caches grow without end; a fresh start each time keeps runs alike. The prompt's keys
        # and values are what a user would cache once.
        llm.model.clear_cache()
        constraint.clear_cache()
        gc.collect()
        if args.cache_prompt:
            llm.model.cache_kv(llm.prompt_ids)
        wall, cpu = time.perf_counter(), time.process_time()
        sequences = loop.run_until_complete(
            smc(n_particles=args.particles, ess_threshold=0.5, max_tokens=most)
        )
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        tokens = sum(len(context) for context in sequences.contexts)
        _answer({"tokens": tokens, "wall": wall, "cpu": cpu, "log_evidence": sequences.log_ml})


def _answer(found: dict) -> None:
    print(json.dumps(found), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="folder of the model and its tokenizer")
    parser.add_argument("--regex", required=True)
    parser.add_argument("--prompt", required=True, help="token ids, with commas")
    parser.add_argument("--sampler", choices=("awrs", "direct"), required=True)
    parser.add_argument("--particles", type=int, default=32)
    parser.add_argument("--batch_size", type=int, default=20, help="of its model; 20 is its own")
    parser.add_argument("--cache_prompt", action="store_true")
    parser.add_argument("--threads", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
