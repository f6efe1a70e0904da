"""`smc demo`: the methods side by side on a domain, a table, and a page."""

from __future__ import annotations

import argparse
import textwrap
import time
from collections.abc import Sequence
from typing import Any

from rich.console import Console

from smc.cli.demo_domain import DemoDomain, default_domain, find_domain
from smc.cli.demo_page import demo_page
from smc.cli.demo_result import MethodResult
from smc.cli.files import check_writable
from smc.cli.live import LiveParticles
from smc.cli.output import quiet_libraries, show_table
from smc.errors import SettingsError
from smc.intervals import mean_interval
from smc.model import LanguageModel
from smc.pages.markup import one_line
from smc.posterior import Posterior
from smc.sampling import sample_batch
from smc.settings import METHODS, Settings, method_settings

_COLUMNS = 80


def demo(options: argparse.Namespace) -> bool:
    """Run the command; return False, for an extinct prompt is a row of the table here."""
    methods = _methods(options.methods)
    if options.prompts is not None and options.prompts < 1:
        raise SettingsError(f"--prompts: expected a whole number above 0, got {options.prompts}.")
    domain = find_domain(options.domain or default_domain())
    settings = Settings(
        num_particles=domain.particles if options.particles is None else options.particles,
        ess_threshold=domain.ess_threshold,
    )
    check_writable(options.out, "--out")
    console = Console()
    _say(f"{domain.title}: {domain.summary}")
    quiet_libraries()
    from smc import load

    model = load(str(domain.model))
    items = domain.items(options.prompts or domain.prompts)
    print(
        f"{len(items)} prompts, {settings.num_particles} particles each, seed {options.seed}.\n",
        flush=True,
    )
    _warm_up(domain, model, items[0])
    results = [
        _run(console, domain, model, items, method, settings, options.seed) for method in methods
    ]
    print()
    _table(console, results)
    print()
    _say(
        "Means over prompts of the posterior mean, with 95% intervals; an invalid text scores 0. "
        f"{domain.note} Methods whose intervals overlap are not told apart by this run."
    )
    page = demo_page(domain, items, results, settings.ess_threshold)
    options.out.write_text(page, encoding="utf-8")
    print(f"\npage: {options.out}")
    return False


def _say(text: str) -> None:
    """Print a paragraph that fits a terminal of the usual width."""
    print(textwrap.fill(text, _COLUMNS))


def _methods(names: str) -> list[str]:
    chosen = [name.strip() for name in names.split(",") if name.strip()]
    for name in chosen:
        method_settings(name, Settings())
    if not chosen:
        raise SettingsError(f"--methods: got none; expected some of {', '.join(METHODS)}.")
    return list(dict.fromkeys(chosen))


def _warm_up(domain: DemoDomain, model: LanguageModel, item: Any) -> None:
    """Load what is loaded at first use, so that no method is charged for it."""
    sample_batch(
        model,
        [item.prompt],
        [domain.potentials(item)],
        num_particles=2,
        max_tokens=domain.max_tokens,
        stop=domain.stop,
    )


def _run(
    console: Console,
    domain: DemoDomain,
    model: LanguageModel,
    items: Sequence[Any],
    method: str,
    settings: Settings,
    seed: int,
) -> MethodResult:
    threshold = method_settings(method, settings).ess_threshold
    begun = time.perf_counter()
    with LiveParticles(console, method, threshold) as live:
        posteriors = sample_batch(
            model,
            [item.prompt for item in items],
            [domain.potentials(item) for item in items],
            num_particles=settings.num_particles,
            max_tokens=domain.max_tokens,
            stop=domain.stop,
            method=method,
            seeds=seed,
            ess_threshold=settings.ess_threshold,
            resample_at=domain.resample_at,
            on_step=live,
        )
    seconds = time.perf_counter() - begun - live.seconds
    means = [_scores(domain, item, p) for item, p in zip(items, posteriors, strict=True)]
    scores = {name: mean_interval([m[name] for m in means]) for name in domain.scores}
    result = MethodResult(method, tuple(posteriors), seconds, scores)
    print(f"{method:7s} {seconds:6.1f} s  {_example(domain, items, posteriors)}", flush=True)
    return result


def _example(domain: DemoDomain, items: Sequence[Any], posteriors: Sequence[Posterior]) -> str:
    """Return the best text of the first prompt, with what is worth saying of it, on one line."""
    best = posteriors[0].best
    if best is None:
        return "extinct"
    remark = domain.remark(items[0], best)
    return f"e.g. {one_line(best.strip(), _COLUMNS - 25 - len(remark))}  {remark}"


def _scores(domain: DemoDomain, item: Any, posterior: Posterior) -> dict[str, float]:
    totals = dict.fromkeys(domain.scores, 0.0)
    for text, probability in posterior.probabilities().items():
        for name, value in domain.score(item, text).items():
            totals[name] += probability * value
    return totals


def _table(console: Console, results: Sequence[MethodResult]) -> None:
    names = list(results[0].scores)
    header = ["method", *(column for name in names for column in (name, "95% interval"))]
    rows = []
    for result in results:
        cells = []
        for name in names:
            interval = result.scores[name]
            cells += [f"{interval.mean:.3f}", f"{interval.low:.3f} to {interval.high:.3f}"]
        rows.append([result.method, *cells, f"{result.tokens:.0f}", f"{result.seconds:.1f}"])
    header += ["tokens/prompt", "seconds"]
    show_table(console, header, rows, numeric=range(1, len(header)))
