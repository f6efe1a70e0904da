"""`smc demo`: the methods side by side on a domain, a table, and a page."""

from __future__ import annotations

import argparse
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


def demo(options: argparse.Namespace) -> bool:
    """Run the command; return False, for an extinct prompt is a row of the table here."""
    methods = _methods(options.methods)
    settings = Settings(num_particles=options.particles)
    if options.prompts is not None and options.prompts < 1:
        raise SettingsError(f"--prompts: expected a whole number above 0, got {options.prompts}.")
    domain = find_domain(options.domain or default_domain())
    check_writable(options.out, "--out")
    console = Console()
    print(f"{domain.title}: {domain.summary}")
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
    print("\nMeans over prompts of the posterior mean, with 95% intervals; an invalid")
    print(f"text scores 0. {domain.note}")
    print("Methods whose intervals overlap are not told apart by this run.")
    page = demo_page(domain, items, results, settings.ess_threshold)
    options.out.write_text(page, encoding="utf-8")
    print(f"\npage: {options.out}")
    return False


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
            on_step=live,
        )
    seconds = time.perf_counter() - begun - live.seconds
    means = [_scores(domain, item, p) for item, p in zip(items, posteriors, strict=True)]
    scores = {name: mean_interval([m[name] for m in means]) for name in domain.scores}
    result = MethodResult(method, tuple(posteriors), seconds, scores)
    best = posteriors[0].best
    shown = "extinct" if best is None else f"e.g. {one_line(best.strip())}  {domain.remark(best)}"
    print(f"{method:7s} {seconds:6.1f} s  {shown}", flush=True)
    return result


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
