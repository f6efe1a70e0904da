"""Page of a strategy's run: its answer and votes, its solutions, every text it had written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from smc.pages.markup import document, escape, number, visible
from smc.pages.sections import table
from smc.pages.solution_tree import state_of, tree_section
from smc.pages.summary import prompt_text

if TYPE_CHECKING:
    from smc.strategies.results import StrategyResult
    from smc.strategies.trajectories import Trajectory
    from smc.strategies.writing import Call

_MOST_SOLUTIONS = 50
_MOST_CALLS = 500


def strategy_page(result: StrategyResult, *, title: str) -> str:
    """Return a page of its own.

    Args:
        result: Of any strategy; those that write many prompts have calls to show.
        title: Its heading.
    """
    return document(title, f"<h1>{escape(title)}</h1>\n{strategy_section(result)}")


def strategy_section(result: StrategyResult) -> str:
    """Return answer, cost, solutions and calls as one block of HTML."""
    tree = tree_section(result)
    parts = [
        _facts(result),
        *(f'<p class="smc-reason">{escape(message)}</p>' for message in result.errors),
        *(f"<p>{escape(note)}</p>" for note in result.notes),
        "<h2>Votes</h2>" + _votes(result) if result.votes else "",
        "<h2>Steps</h2>" + tree if tree else "",
        "<h2>Solutions</h2>" + _solutions(result.trajectories, result.chosen),
        "<h2>Calls</h2>" + _calls(result.calls) if result.calls else "",
    ]
    return '<div class="smc-posterior">\n' + "\n".join(p for p in parts if p) + "\n</div>"


def _facts(result: StrategyResult) -> str:
    budget = result.budget
    facts = {
        "answer": "none" if result.answer is None else str(result.answer),
        "solutions": f"{sum(result.finished)} of {len(result.trajectories)} finished",
        "calls": str(len(result.calls)),
        "model tokens": str(budget.model_tokens),
        "model passes": str(budget.model_passes),
        "reward passes": str(budget.reward_passes),
        "reward tokens": str(budget.reward_tokens),
    }
    items = "".join(f"<div><dt>{k}</dt><dd>{visible(v, 60)}</dd></div>" for k, v in facts.items())
    return f'<dl class="smc-facts">{items}</dl>'


def _votes(result: StrategyResult) -> str:
    rows = [[_code(str(own)), number(weight, 3)] for own, weight in result.votes.items()]
    return table(["answer", "weight"], rows[:_MOST_SOLUTIONS], 1)


def _solutions(trajectories: Sequence[Trajectory], chosen: int | None) -> str:
    rows = [
        [
            ("★ " if i == chosen else "") + _code(t.text),
            _state(t),
            " ".join(number(score) for score in t.scores),
            number(t.value, 3),
        ]
        for i, t in enumerate(trajectories[:_MOST_SOLUTIONS])
    ]
    return table(["solution", "", "scores", "value"], rows, 2) + _more(
        len(trajectories) - _MOST_SOLUTIONS, "solutions"
    )


def _calls(calls: Sequence[Call]) -> str:
    rows = [
        [
            str(i + 1),
            escape(call.role),
            f"<details><summary>{visible(prompt_text(call.prompt), 60)}</summary>"
            f"{_code(_whole(call))}</details>",
            _code(call.written.text)
            if call.written.error is None
            else f'<span class="smc-reason">{escape(str(call.written.error))}</span>',
            escape(str(call.written.num_tokens)),
        ]
        for i, call in enumerate(calls[:_MOST_CALLS])
    ]
    return table(["", "role", "prompt", "text", "tokens"], rows, 1) + _more(
        len(calls) - _MOST_CALLS, "calls"
    )


def _whole(call: Call) -> str:
    if isinstance(call.prompt, str):
        return call.prompt
    parts = [f"{m['role']}: {m['content']}" if isinstance(m, dict) else str(m) for m in call.prompt]
    return "\n\n".join(parts)


def _state(trajectory: Trajectory) -> str:
    if trajectory.error is not None:
        return escape(f"failed: {trajectory.error}")
    return state_of(trajectory)


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>" if text else "<i>empty</i>"


def _more(count: int, what: str) -> str:
    return f"<p>… and {count} more {what}.</p>" if count > 0 else ""
