"""Sequential revisions: chains of attempts, each written with the last few before it in sight."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from smc.errors import SettingsError
from smc.model import Prompt
from smc.steps import StepModel, StepScorer
from smc.strategies.aggregate import Answer, Selection, select
from smc.strategies.arguments import at_least_one
from smc.strategies.ledger import DRAFT, Ledger
from smc.strategies.options import Options
from smc.strategies.results import StrategyResult
from smc.strategies.trajectories import Trajectory
from smc.strategies.writing import Template, Writer, as_writer, question_of

Revise = Callable[[Prompt, Sequence[str]], Prompt]
"""From the prompt and the last attempts, the oldest first, to the prompt of the next attempt."""

REVISION = Template(
    "{question}\n\nEarlier attempts, of which some or all may be wrong:\n\n{attempts}\n\nWrite a "
    "new attempt from beginning to end. Put right what is wrong in the earlier ones.",
    fields=("question", "attempts"),
)
"""How a model that was not trained to revise is asked to."""


def revise_by(template: Template = REVISION) -> Revise:
    """Return a function that shows the attempts, numbered, in a template."""

    def revise(prompt: Prompt, attempts: Sequence[str]) -> Prompt:
        shown = "\n\n".join(f"Attempt {i}:\n{text}" for i, text in enumerate(attempts, 1))
        return template.like(prompt, {"question": question_of(prompt), "attempts": shown})

    return revise


def revisions(
    model: StepModel | Writer,
    prompt: Prompt,
    scorer: StepScorer | None = None,
    *,
    num_solutions: int = 16,
    chains: int = 4,
    context: int = 4,
    revise: Revise | None = None,
    judged_in_context: bool = False,
    options: Options | None = None,
) -> StrategyResult:
    """Write K chains of N/K attempts; each attempt sees the last few of its chain.

    A chain does not stop at an attempt that is right, since it cannot know: a good part of right
    answers is revised into wrong ones, so the answer is chosen over all attempts. With a judge in
    two stages: within each chain best-of-N weighted, and among the chains' winners again. Votes
    (`selection="majority"`, the default without a judge) are counted over all attempts at once,
    where two stages would hurt. K = N is best-of-N.

    Args:
        model: A writer, or a step model whose texts are drawn to their ends.
        prompt: The problem.
        scorer: Judges whole attempts; None: votes.
        num_solutions: N; a multiple of K.
        chains: K. Few and long for easy problems, more of them for hard ones.
        context: Attempts in sight of the next; 4 in the paper.
        revise: Makes the prompt of an attempt from those before it; default: `revise_by()`, for
            models that follow instructions. A model trained to revise has a format of its own.
        judged_in_context: Whether the judge sees the prompt with the attempts before, as the
            paper's does, in place of the bare prompt.
        options: See `Options`; `selection="best"` takes the attempt of largest value of all.

    Returns:
        The answer, all attempts in the order in which they were written (place i is of chain
        i mod K), and what they cost.

    Raises:
        SettingsError: K does not divide N, or a number is below 1.

    Source: Snell et al. (2024), "Scaling LLM test-time compute optimally", section 6.
    """
    at_least_one(num_solutions=num_solutions, chains=chains, context=context)
    if num_solutions % chains:
        raise SettingsError(
            f"num_solutions: {num_solutions} is no multiple of chains={chains}; expected chains of "
            "the same length."
        )
    chosen, writer, ask = options or Options(), as_writer(model), revise or revise_by()
    ledger = Ledger(chosen.seed, scorer, chosen.watch)
    attempts: list[list[Trajectory]] = [[] for _ in range(chains)]
    for length in range(num_solutions // chains):
        seen = [_texts(chain)[-context:] for chain in attempts]
        prompts = [ask(prompt, texts) if texts else prompt for texts in seen]
        role = DRAFT if length == 0 else "revision"
        texts = ledger.write(writer, role, prompts, temperature=chosen.temperature)
        if length == 0:
            ledger.require(texts)
        if judged_in_context:
            pairs = zip(prompts, texts, strict=True)
            written = [t for asked, text in pairs for t in ledger.trajectories(asked, [text])]
        else:
            written = ledger.trajectories(prompt, texts)
        for chain, trajectory in zip(attempts, written, strict=True):
            chain.append(trajectory)
        ledger.record(written, ())
    everything = [trajectory for round_ in zip(*attempts, strict=True) for trajectory in round_]
    selection = chosen.select_by("majority" if scorer is None else "weighted")
    result = ledger.result(everything, chosen.answer, selection)
    if selection == "weighted":
        return _in_two_stages(result, attempts, chosen.answer)
    return result


def _texts(chain: Sequence[Trajectory]) -> list[str]:
    """What an attempt can be shown: not those that failed or are empty."""
    return [t.text for t in chain if t.text.strip() and t.error is None]


def _in_two_stages(
    result: StrategyResult, attempts: Sequence[Sequence[Trajectory]], answer: Answer | None
) -> StrategyResult:
    """Choose the answer by best-of-N weighted within each chain, then among the winners."""
    how: Selection = "weighted"
    winners: list[tuple[int, Trajectory]] = []
    for place, chain in enumerate(attempts):
        _, best, _ = select(chain, answer, how)
        if best is not None:
            winners.append((best * len(attempts) + place, chain[best]))
    settled, chosen, votes = select([t for _, t in winners], answer, how)
    return dataclasses.replace(
        result,
        answer=settled,
        chosen=None if chosen is None else winners[chosen][0],
        votes=votes,
    )
