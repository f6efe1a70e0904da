"""Many prompts written in one batch of the writing layer, beside the same one by one.

The embedded policy solves as many problems of chained arithmetic; each has a generator of its own,
so that both sides write the same texts.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path

from benchmarks.micro.models import CACHE
from benchmarks.micro.timing import Options, Result, interleaved, of_rates
from domains.arithmetic.splits import problems

NAME = "writing"
PROMPTS = 64


def run(options: Options, cache: Path = CACHE) -> Result:
    """Time both sides in particle-tokens per second."""
    import smc
    from smc.strategies.seeds import generators
    from smc.strategies.writing import TokenWriter

    writer = TokenWriter(
        smc.load("embedded:arithmetic"), max_tokens=2 * options.tokens, batch=PROMPTS
    )
    prompts = [problem.text for _, problem in islice(problems("test", 0, (3, 4)), PROMPTS)]

    def by(size: int) -> Callable[[int], float]:
        def once(seed: int) -> float:
            rngs = generators(seed, PROMPTS)
            began, tokens = options.now(), 0
            for first in range(0, PROMPTS, size):
                part = slice(first, first + size)
                texts = writer.write(prompts[part], rngs=rngs[part])
                tokens += sum(text.num_tokens for text in texts)
            return tokens / (options.now() - began)

        return once

    rates = interleaved([by(PROMPTS), by(1)], options.repeats)
    return of_rates(
        NAME,
        rates,
        f"{PROMPTS} problems of chained arithmetic, the embedded policy, at most "
        f"{2 * options.tokens} tokens each; peer: the same prompts one by one, the same texts "
        f"({options.clock} time)",
        {},
    )
