"""One problem: S*, and what samples of their own give at as many tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from domains.functions.judging import judge
from domains.functions.problem import FunctionProblem
from domains.functions.task import FunctionItem
from smc.steps import Budget
from smc.strategies import Options
from smc.strategies.ledger import DRAFT, Ledger
from smc.strategies.program_selection import INPUTS, inputs_of
from smc.strategies.programs import ProgramRunner
from smc.strategies.s_star import s_star
from smc.strategies.writing import Writer, question_of

Judge = Callable[[FunctionProblem, Sequence[str]], list[bool]]
"""Which texts pass the hidden tests."""


def hidden_tests(problem: FunctionProblem, texts: Sequence[str]) -> list[bool]:
    """Return which texts pass the hidden tests, each distinct program run once."""
    programs = {problem.program(text): text for text in texts}
    results = judge([(problem, text, problem.hidden) for text in programs.values()])
    passed = {program: r.ok for program, r in zip(programs, results, strict=True)}
    return [passed[problem.program(text)] for text in texts]


def trial(
    item: FunctionItem,
    writer: Writer,
    runner: ProgramRunner,
    *,
    solutions: int,
    repairs: int,
    seed: int,
    temperature: float,
    passes: Judge = hidden_tests,
) -> dict[str, Any]:
    """Return the record of a problem.

    First S*; then samples with the same seed (so the first N are its drafts) until they have taken
    as many tokens as S* did, its judge's included, and votes by outputs and best-of-N among these.

    Args:
        item: The problem; it has public tests.
        writer: The model.
        runner: Of programs.
        solutions: N of S*.
        repairs: R of S*.
        seed: Of the run.
        temperature: Of the drafts, repairs and samples.
        passes: The hidden tests.
    """
    problem = item.problem
    star = s_star(
        writer,
        item.prompt,
        runner,
        problem.examples,
        num_solutions=solutions,
        repairs=repairs,
        code=problem.program,
        options=Options(seed=seed, temperature=temperature),
    )
    samples, inputs, budget = _samples(item, writer, star.budget.model_tokens, seed, temperature)
    repaired = [t.text for t in star.trajectories]
    right = passes(problem, [*samples, *repaired])
    of_samples, of_star = right[: len(samples)], right[len(samples) :]
    shares = _public_shares(problem, samples, runner)
    best = max(range(len(samples)), key=lambda i: shares[i])
    voted = _voted(problem, samples, shares, inputs, runner)
    return {
        "item": item.id,
        "level": problem.level,
        "seed": seed,
        "star_tokens": star.budget.model_tokens,
        "sample_tokens": budget.model_tokens,
        "samples": len(samples),
        "pass_rate": sum(of_samples) / len(samples),
        "first": of_samples[0],
        "coverage_samples": any(of_samples),
        "coverage_star": any(of_star),
        "best_of_n": of_samples[best],
        "votes": of_samples[voted],
        "star": star.chosen is not None and of_star[star.chosen],
        "star_errors": len(star.errors),
    }


def _samples(
    item: FunctionItem, writer: Writer, tokens: int, seed: int, temperature: float
) -> tuple[list[str], list[str], Budget]:
    """As many samples as the tokens allow, one at least, and inputs that the model writes."""
    ledger = Ledger(seed)
    asked = INPUTS.like(item.prompt, {"question": question_of(item.prompt)})
    (written,) = ledger.write(writer, "inputs", [asked], temperature=temperature)
    texts: list[str] = []
    while not texts or ledger.budget.model_tokens < tokens:
        left = tokens - ledger.budget.model_tokens
        mean = max(1, ledger.budget.model_tokens // (len(texts) + 1))
        count = max(1, min(16, left // mean))
        prompts = [item.prompt] * count
        drafts = ledger.write(writer, DRAFT, prompts, temperature=temperature)
        texts += [t.text for t in drafts]
    return texts, inputs_of(written.text), ledger.budget


def _public_shares(
    problem: FunctionProblem, texts: Sequence[str], runner: ProgramRunner
) -> list[float]:
    """The share of public tests that each text passes."""
    tests = problem.examples
    runs = runner.run([(problem.program(text), t.input) for text in texts for t in tests])
    shares = []
    for k in range(len(texts)):
        own = runs[k * len(tests) : (k + 1) * len(tests)]
        shares.append(sum(t.passed(r) for t, r in zip(tests, own, strict=True)) / len(tests))
    return shares


def _voted(
    problem: FunctionProblem,
    texts: Sequence[str],
    shares: Sequence[float],
    inputs: Sequence[str],
    runner: ProgramRunner,
) -> int:
    """The first text of the largest cluster by outputs, of those that pass most public tests."""
    among = [i for i, share in enumerate(shares) if share == max(shares)]
    programs = [problem.program(texts[i]) for i in among]
    runs = runner.run([(program, given) for program in programs for given in inputs])
    behaviour = [
        tuple((r.ok, r.output.strip()) for r in runs[k * len(inputs) : (k + 1) * len(inputs)])
        for k in range(len(programs))
    ]
    largest, _ = Counter(behaviour).most_common(1)[0]
    return among[behaviour.index(largest)]
