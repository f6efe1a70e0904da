"""One question, one answer: strategies, rewards and answers by name around any model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smc.errors import PromptError
from smc.integrations.answers import Answer, answer_of
from smc.integrations.rewards import reward_of
from smc.model import LanguageModel, Prompt
from smc.steps import StepModel, StepScorer
from smc.strategies.judges import JudgeKind
from smc.strategies.progress import Watch
from smc.strategies.results import StrategyResult
from smc.strategies.seeds import Seed
from smc.strategies.solve import WRITING, strategy_name
from smc.strategies.solve import solve as solve_by
from smc.strategies.writing import Writer

_LONGEST = 2048


def solve(
    model: LanguageModel | StepModel | Writer,
    question: Prompt,
    *,
    reward: StepScorer | LanguageModel | str | None = None,
    judge: JudgeKind | None = None,
    strategy: str | None = None,
    budget: int = 16,
    answer: str | Answer | None = "math",
    instructions: str | None = None,
    chat: bool | None = None,
    seed: Seed = 0,
    temperature: float | None = None,
    mark: str = "\n\n",
    max_tokens: int | None = None,
    settings: Mapping[str, Any] | None = None,
    watch: Watch | None = None,
) -> StrategyResult:
    r"""Answer a question with a strategy of inference-time scaling.

    Args:
        model: A language model (`smc.load`), a step model or a writer.
        question: Text, or chat messages.
        reward: The judge of solutions: one that is loaded (`smc.load_reward`, any `StepScorer`),
            the name of a published reward model, a language model that is asked, or `self`: the
            model itself is asked. None: none, unless there is a `judge`.
        judge: How a language model is asked, the one of `reward` (by name, or loaded) or without
            one the model itself. `prompted`: for a rating; `likelihood`: by the probability of
            "Yes".
        strategy: Of `smc.strategies.STRATEGIES`; default: `best_of_n` with a reward, else
            `majority_vote`, which stops as soon as the vote is decided.
        budget: Solutions' worth of search; see `smc.strategies.solve`.
        answer: What votes are counted by: `math` (the last `\boxed{…}`, "the answer is …", or
            number; equal ones are put together), `last_number`, `text`, `re:PATTERN`, or a
            function; None: the text as it is.
        instructions: How the model is told to answer. None: for `math`, if it is a chat model, to
            reason step by step and to put the answer into a box; else nothing.
        chat: Whether a text is asked as a user's message; None: if the model has a chat template.
        seed: Same seed, same model, same machine: same result.
        temperature: Of the model; None: its own.
        mark: What a step ends with.
        max_tokens: Of a solution; None: 2048, or what the model's context has room for. A solution
            that has no end by then has no vote.
        settings: Further arguments of the strategy, or of its `Options`.
        watch: Called with the `Progress` after every step that was drawn, and every round.

    Returns:
        Answer, votes, all solutions with their scores, and what they cost; `to_html` shows it.

    Raises:
        SettingsError: A value outside its range; the message says which.
        ModelError: A reward model cannot be loaded.

    Example:
        >>> from smc.backends.table import TableModel
        >>> model = TableModel.constant({"4": 0.3, "5": 0.1, "2+2=": 0.0}, eos=0.6)
        >>> solve(model, "2+2=", budget=40).answer
        '4'
    """
    read = answer_of(answer)
    scorer = reward_of(model, reward, judge, seed)
    prompt = asked(model, question, answer, instructions, chat)
    if max_tokens is None:
        name = strategy_name(strategy, scorer is not None)
        max_tokens = room_for(model, prompt, quotes=name in WRITING)
    return solve_by(
        model,
        prompt,
        reward=scorer,
        strategy=strategy,
        budget=budget,
        answer=read,
        seed=seed,
        temperature=temperature,
        mark=mark,
        max_tokens=max_tokens,
        settings=settings,
        watch=watch,
    )


def room_for(model: Any, prompt: Prompt, *, quotes: bool) -> int:
    """Return how long a solution may be: what the model's context has room for, up to 2048.

    Args:
        model: Any; one that does not tell has room.
        prompt: What is asked.
        quotes: Whether solutions are quoted in prompts, which then need as much room again.
    """
    context = getattr(model, "context", None)
    if context is None or not hasattr(model, "encode"):
        return _LONGEST
    room = context - len(model.encode(prompt, 1))
    return max(1, min(_LONGEST, room // 2 if quotes else room))


def asked(
    model: Any,
    question: Prompt,
    answer: str | Answer | None,
    instructions: str | None,
    chat: bool | None,
) -> Prompt:
    """Return the prompt that puts a question to a model; what is no text is left as it is."""
    if not isinstance(question, str):
        return question
    template = getattr(getattr(model, "tokenizer", None), "chat_template", None)
    if not (template if chat is None else chat):
        if instructions is None:
            return question
        return f"Problem:\n{question}\n\n{instructions}\n\nSolution:\n"
    if instructions is None and answer == "math":
        from potentials.mathematics import BOXED

        instructions = BOXED
    user = {"role": "user", "content": question}
    if not instructions:
        return [user]
    told = [{"role": "system", "content": instructions}, user]
    if not hasattr(model, "encode"):
        return told
    try:
        model.encode(told, 1)
    except PromptError:  # a template without system messages
        return [{"role": "user", "content": f"{question}\n\n{instructions}"}]
    return told
