"""Writers and judges that remember: what is asked for again is not worked out anew.

Texts and scores are functions of what is asked and, of texts, the generator. Costs are those of
asking: a text has its tokens every time.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from smc.model import Prompt
from smc.steps import Solution, StepScorer
from smc.strategies.writing import Writer, WrittenText


@dataclass
class RememberingWriter:
    """Writes each text once: for a prompt, a generator, a temperature and a length.

    Attributes:
        writer: The writer.
    """

    writer: Writer
    _known: dict[Any, WrittenText] = field(default_factory=dict)

    @property
    def passes(self) -> int:
        """Of what was really written."""
        return self.writer.passes

    def write(
        self,
        prompts: Sequence[Prompt],
        *,
        rngs: Sequence[np.random.Generator],
        temperature: float | None = None,
        max_tokens: int | None = None,
    ) -> list[WrittenText]:
        """See `Writer.write`."""
        keys = [
            (json.dumps(prompt), _state(rng), temperature, max_tokens)
            for prompt, rng in zip(prompts, rngs, strict=True)
        ]
        new = {key: i for i, key in enumerate(keys) if key not in self._known}
        if new:
            texts = self.writer.write(
                [prompts[i] for i in new.values()],
                rngs=[rngs[i] for i in new.values()],
                temperature=temperature,
                max_tokens=max_tokens,
            )
            self._known |= zip(new, texts, strict=True)
        return [self._known[key] for key in keys]


@dataclass
class RememberingScorer:
    """A judge that is asked once about each solution of each problem.

    Attributes:
        scorer: The judge.
    """

    scorer: StepScorer
    _known: dict[tuple[str, Solution], tuple[float, ...]] = field(default_factory=dict)

    @property
    def passes(self) -> int:
        """Of what was really judged."""
        return self.scorer.passes

    @property
    def tokens(self) -> int:
        """Of what was really judged."""
        return self.scorer.tokens

    def scores(self, prompt: Prompt, solutions: Sequence[Solution]) -> list[tuple[float, ...]]:
        """Return the scores of each step; see `StepScorer`."""
        asked = json.dumps(prompt)
        new = list(dict.fromkeys(s for s in solutions if (asked, s) not in self._known))
        if new:
            for solution, scores in zip(new, self.scorer.scores(prompt, new), strict=True):
                self._known[asked, solution] = scores
        return [self._known[asked, s] for s in solutions]


def _state(rng: np.random.Generator) -> str:
    return json.dumps(rng.bit_generator.state, default=int)
