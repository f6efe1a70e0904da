"""What each ratio of chains to length answers, by the strategy itself on what was drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.revising.drawing import Drawn
from domains.arithmetic.revising import CONTEXT, revise
from domains.arithmetic.steps import answer, split
from smc.errors import ModelError
from smc.model import Prompt
from smc.steps import Solution, StepScorer
from smc.strategies import Options
from smc.strategies.revisions import revisions
from smc.strategies.writing import WrittenText


class Replay:
    """A writer that gives what was drawn, and checks that it was drawn for what is asked.

    Args:
        chains: Of them the first K are given.
    """

    def __init__(self, chains: Sequence[Sequence[str]]) -> None:
        self._chains = chains
        self._place = 0
        self.passes = 0

    def write(
        self,
        prompts: Sequence[Prompt],
        *,
        rngs: Sequence[np.random.Generator],
        temperature: float | None = None,
        max_tokens: int | None = None,
    ) -> list[WrittenText]:
        """Return the next attempt of each chain; see `Writer.write`.

        Raises:
            ModelError: A prompt is not the one that the attempt was drawn for.
        """
        texts = [chain[self._place] for chain in self._chains[: len(prompts)]]
        for prompt, chain in zip(prompts, self._chains, strict=False):
            seen = [t for t in chain[: self._place] if t.strip()][-CONTEXT:]
            if seen and not str(prompt).startswith(revise("", seen)):
                raise ModelError(f"replay: asked for {prompt!r}; expected the attempts {seen!r}.")
        self._place += 1
        return [WrittenText(t, finished=True, num_tokens=len(t) + 1) for t in texts]


class ByLine:
    """A judge of steps for whole texts: each is split into its lines, and the last score counts.

    Args:
        scorer: Judges lines.
    """

    def __init__(self, scorer: StepScorer) -> None:
        self._scorer = scorer

    @property
    def passes(self) -> int:
        """Forward passes so far; see `StepScorer`."""
        return self._scorer.passes

    @property
    def tokens(self) -> int:
        """Tokens read so far; see `StepScorer`."""
        return self._scorer.tokens

    def scores(self, prompt: Prompt, solutions: Sequence[Solution]) -> list[tuple[float, ...]]:
        """Return one score of each text; 0 of an empty one."""
        lines = [split("".join(solution)) for solution in solutions]
        found = iter(self._scorer.scores(prompt, [own for own in lines if own]))
        return [(next(found)[-1],) if own else (0.0,) for own in lines]


def answered(drawn: Drawn, chains: int, solutions: int, scorer: StepScorer | None) -> bool:
    """Say whether K chains of N/K revisions answer rightly.

    Args:
        drawn: What was drawn of the problem.
        chains: K.
        solutions: N.
        scorer: Judges the lines of attempts; None: votes.
    """
    result = revisions(
        Replay(drawn.chains),
        drawn.problem,
        None if scorer is None else ByLine(scorer),
        num_solutions=solutions,
        chains=chains,
        context=CONTEXT,
        revise=revise,
        options=Options(answer=answer),
    )
    return result.answer == drawn.parsed.answer


def sampled(drawn: Drawn, solutions: int, scorer: StepScorer | None) -> bool:
    """Say whether N samples of the policy answer rightly, chosen in the same way."""
    own = Drawn(drawn.level, drawn.problem, tuple((t,) for t in drawn.parallel), ())
    return answered(own, solutions, solutions, scorer)
