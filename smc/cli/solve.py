"""`smc solve`: one question, answered by a strategy of inference-time scaling."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import Any

from rich.console import Console

from smc.backends.load_arguments import load_options
from smc.cli.files import check_writable
from smc.cli.generate import unescape
from smc.cli.output import quiet_libraries, show_table
from smc.cli.progress import ProgressLine
from smc.errors import SettingsError
from smc.integrations.answers import answer_of
from smc.integrations.rewards import load_reward
from smc.integrations.solving import solve as solve_question
from smc.pages.markup import one_line
from smc.strategies.judges import as_judge
from smc.strategies.own_options import own_options, read_options
from smc.strategies.results import StrategyResult
from smc.strategies.solve import WRITING, strategy_name

_KEY = "OPENAI_API_KEY"
_LONGEST = 2048
"""Tokens of a text from an endpoint, by default."""


def solve(options: argparse.Namespace) -> bool:
    """Run the command; return whether no solution came to an answer."""
    judged = options.reward is not None or options.judge is not None
    name = strategy_name(options.strategy, judged)
    if options.option == ["help"]:
        return _show_options(name)
    settings = read_options(name, _pairs(options.option))
    answer_of(options.answer)  # before weights are read
    if options.reward_format and (options.reward is None or options.judge):
        raise SettingsError(
            "--reward-format: got one without a reward model; expected --reward, and no --judge."
        )
    question = sys.stdin.read() if options.question == "-" else options.question
    if options.html is not None:
        check_writable(options.html, "--html")
    loading = load_options(options)
    quiet_libraries()
    model = _model(options, name in WRITING, loading)
    reward = reward_by_options(options, model, loading)
    chat = True if options.chat is None and options.endpoint else options.chat
    progress = ProgressLine()
    began = time.monotonic()
    try:
        result = solve_question(
            model,
            question,
            reward=reward,
            strategy=name,
            budget=options.budget,
            answer=options.answer,
            instructions=options.instructions,
            chat=chat,
            seed=options.seed,
            mark=unescape(options.mark),
            max_tokens=options.max_tokens,
            settings=settings,
            watch=None if options.quiet else progress,
        )
    finally:
        progress.done()
    seconds = time.monotonic() - began
    if options.json:
        said = {"question": question, "strategy": name, "seed": options.seed, "seconds": seconds}
        print(json.dumps(said | json.loads(result.to_json()), ensure_ascii=False))
    else:
        _show(Console(), result, name, seconds)
    if options.html is not None:
        result.to_html(options.html, title=one_line(question.strip(), 80))
        print(f"page: {options.html}", file=sys.stderr if options.json else sys.stdout)
    return result.answer is None


def cost_line(result: StrategyResult, seconds: float) -> str:
    """Return in a line what a run has cost."""
    spent = result.budget
    judged = (
        f", {spent.reward_tokens} read or written by the judge in {spent.reward_passes} passes"
        if spent.reward_passes
        else ""
    )
    calls = f", {len(result.calls)} calls" if result.calls else ""
    return (
        f"cost: {spent.model_tokens} tokens written in {spent.model_passes} passes{calls}{judged}; "
        f"{seconds:.1f} s"
    )


def _show(console: Console, result: StrategyResult, name: str, seconds: float) -> None:
    if result.text is not None:
        print(result.text.strip() + "\n")
    if result.votes:
        rows = [[f"{weight:.3f}", one_line(str(own), 60)] for own, weight in result.votes.items()]
        show_table(console, ("weight", "answer"), rows[:10], numeric=(0,))
        print()
    print(f"answer: {'none' if result.answer is None else one_line(str(result.answer))}")
    count = len(result.trajectories)
    print(f"{name}: {sum(result.finished)} of {count} solutions finished")
    print(cost_line(result, seconds))
    cut = sum(t.truncated for t in result.trajectories)
    if cut:
        longest = max(t.num_tokens for t in result.trajectories if t.truncated)
        print(f"{cut} solutions were cut at {longest} tokens, and have no vote: --max-tokens")
    if result.answer is None and any(result.finished):
        print("no solution has an answer of that kind: try --answer text, or --instructions")
    for line in (*result.errors, *result.notes):
        print(one_line(line))


def _show_options(name: str) -> bool:
    for option in own_options(name).values():
        default = "" if option.default is None else f" (default {option.default})"
        print(f"--option {option.said}{default if option.kinds or option.choices else ''}")
    return False


def _pairs(given: list[str]) -> dict[str, str]:
    pairs = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise SettingsError(
                f"--option {text}: expected NAME=VALUE, such as width=4, or help for a list."
            )
        if name in pairs:
            raise SettingsError(f"--option {text}: {name} is given twice; expected it once.")
        pairs[name] = value
    return pairs


def _model(options: argparse.Namespace, writes: bool, loading: Any) -> Any:
    """The model, here or at an endpoint."""
    if options.endpoint is None:
        from smc import load

        return load(options.model, **loading)
    others = sorted(set(loading) - {"temperature"})
    if others:
        raise SettingsError(
            f"--{others[0].replace('_', '-')}: got it with --endpoint, whose server has loaded the "
            "model; expected one or the other."
        )
    key = os.environ.get(_KEY)
    if writes:
        from smc.strategies.writing.endpoint_writer import EndpointWriter

        extra = {n: v for n, v in loading.items() if n == "temperature"}
        longest = options.max_tokens or _LONGEST
        return EndpointWriter(
            options.model, options.endpoint, api_key=key, max_tokens=longest, extra=extra
        )
    from smc.steps.openai import OpenAISteps

    return OpenAISteps(
        options.model,
        options.endpoint,
        mark=unescape(options.mark),
        api_key=key,
        max_step_tokens=options.max_tokens or _LONGEST,
        temperature=loading.get("temperature"),
    )


def reward_by_options(options: argparse.Namespace, model: Any, loading: Any) -> Any:
    """Return the judge that --reward and --judge say; None: none."""
    if options.reward is None or options.reward == "self":
        how = options.judge or (None if options.reward is None else "prompted")
        return None if how is None else as_judge(model, how, options.seed)
    where = {n: v for n, v in loading.items() if n in ("device", "dtype", "trust_remote_code")}
    if options.judge is not None:
        from smc import load

        return as_judge(load(options.reward, **where), options.judge, options.seed)
    return load_reward(options.reward, options.reward_format, **where)
