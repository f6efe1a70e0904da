"""Options of a search that all strategies share: drawing, judging, deciding."""

from __future__ import annotations

from dataclasses import dataclass

from smc.depth import with_depth
from smc.model import Prompt
from smc.steps import StepModel, StepScorer
from smc.strategies.aggregate import Aggregate, Answer, Selection, check_choices
from smc.strategies.arguments import at_least_one
from smc.strategies.progress import Watch
from smc.strategies.search import Search
from smc.strategies.seeds import Seed


@dataclass(frozen=True)
class Options:
    """How a search is drawn, judged and decided, whatever its policy.

    Attributes:
        answer: From the text of a solution to its answer; None: the text itself is the answer.
        aggregate: From the scores of the steps to the value of a solution: `last`, `min`, `mean`,
            `product`, or `whole` (the judge reads the text so far as one step).
        selection: How an answer is chosen among the finished solutions: `best` of value,
            `weighted` (largest sum of values), `majority`; None: the strategy's own.
        temperature: Of the model; None: its own. The papers sample at 0.7 (Liu et al.) and 0.8
            (search-and-learn, Puri et al.).
        max_steps: Rounds of a search; in the last one, solutions are drawn to their ends.
        max_step_tokens: Of one step; None: the model's own limit.
        seed: Same seed, same model, same machine: same result.
        watch: Called with the `Progress` after every step that was drawn, and every round.
        depth: Iterations that the model thinks about each token, where that can be chosen
            (`smc.with_depth`); None: its own.

    Raises:
        SettingsError: A value outside its range.
    """

    answer: Answer | None = None
    aggregate: Aggregate = "last"
    selection: Selection | None = None
    temperature: float | None = None
    max_steps: int = 40
    max_step_tokens: int | None = None
    seed: Seed = 0
    watch: Watch | None = None
    depth: int | None = None

    def __post_init__(self) -> None:
        at_least_one(max_steps=self.max_steps)
        if self.max_step_tokens is not None:
            at_least_one(max_step_tokens=self.max_step_tokens)
        check_choices(self.aggregate, self.selection or "best")

    def search(self, model: StepModel, prompt: Prompt, scorer: StepScorer | None) -> Search:
        """Return the run of a strategy, about to begin."""
        return Search(
            model if self.depth is None else with_depth(model, self.depth),
            prompt,
            scorer,
            self.aggregate,
            temperature=self.temperature,
            max_step_tokens=self.max_step_tokens,
            watch=self.watch,
        )

    def select_by(self, default: Selection) -> Selection:
        """Return the selection, or a strategy's own."""
        return self.selection or default
