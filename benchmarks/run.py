"""Runs a domain's items through the methods, and goes on where a run before it stopped."""

from __future__ import annotations

import argparse
import shlex
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

import smc
from benchmarks import provenance
from benchmarks.methods import PAPER_RESAMPLING, RunSettings, generator, parse_methods
from benchmarks.records import Run, prompt_digest
from benchmarks.store import Store
from benchmarks.tasks import default_model, find_data, load_items, load_model, load_task
from domains.base import Item, Task
from smc.errors import SettingsError
from smc.model import LanguageModel
from smc.settings import METHODS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `run`."""
    parser.add_argument("domain", help="gdb17, …, or the dotted name of a module with a task")
    parser.add_argument("--methods", default=",".join(METHODS), help="default: %(default)s")
    parser.add_argument("--model", help="folder, name on the Hub, or module:function")
    parser.add_argument("--particles", type=int, default=10, help="N (default: 10)")
    parser.add_argument("--seeds", type=int, default=1, help="how many: 0 to K-1 (default: 1)")
    parser.add_argument("--limit", type=int, help="the first so many items (default: all)")
    parser.add_argument("--data", type=Path, help="root of the data sets (default: SMC_DATA)")
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--ess-threshold", type=float, default=0.9, help="default: 0.9")
    parser.add_argument("--resampling", help="default: what the paper used in the domain")
    parser.add_argument("--max-tokens", type=int, help="of an answer (default: the domain's)")
    parser.add_argument("--batch", type=int, default=10, help="items at once (default: 10)")
    parser.add_argument("--device", help="cpu, cuda, … (default: the backend's choice)")
    parser.add_argument("--dtype", default="auto", help="default: the model's own")
    parser.add_argument(
        "--temperature", type=float, default=1.0, help="of the model, so of the target (default: 1)"
    )


def main(arguments: argparse.Namespace) -> None:
    """Do what the command line asks.

    Raises:
        SettingsError: An argument is out of its range, or does not fit the results in `--out`.
    """
    console = Console(stderr=True)
    for name in ("seeds", "batch"):
        if getattr(arguments, name) < 1:
            raise SettingsError(
                f"--{name}: expected a whole number above 0, got {getattr(arguments, name)}."
            )
    methods = parse_methods(arguments.methods)
    task = load_task(arguments.domain)
    settings = RunSettings(
        num_particles=arguments.particles,
        max_tokens=task.max_tokens if arguments.max_tokens is None else arguments.max_tokens,
        ess_threshold=arguments.ess_threshold,
        resampling=arguments.resampling or PAPER_RESAMPLING.get(task.name, "multinomial"),
        stop=tuple(task.stop),
    )
    data = find_data(arguments.data)
    items = load_items(task, arguments.limit, data)
    model_name = arguments.model or default_model(task)
    store = Store(arguments.out)
    with store.locked():
        model = load_model(
            model_name,
            device=arguments.device,
            dtype=arguments.dtype,
            temperature=arguments.temperature,
        )
        common = {
            "domain": task.name,
            "primary": task.primary,
            "model": provenance.shown_model(model_name),
            "model_digest": provenance.model_digest(model_name),
            "dtype": arguments.dtype,
            "temperature": arguments.temperature,
            "data": "examples" if data is None else data.name,
            **asdict(settings),
        }
        start = {
            "command": _command(arguments, model_name, data, settings),
            "date": provenance.now(),
            "commit": provenance.commit(),
            "machine": provenance.machine(),
            "versions": provenance.versions(),
            "methods": methods,
            "seeds": arguments.seeds,
            "items": len(items),
            "batch": arguments.batch,
        }
        store.begin(common, start)
        run_all(
            task,
            items,
            model,
            settings,
            store,
            methods=methods,
            seeds=arguments.seeds,
            batch=arguments.batch,
            console=console,
        )
    console.print(
        f"Results in {arguments.out}; see them with: python -m benchmarks report {arguments.out}",
        highlight=False,
        soft_wrap=True,
    )


def run_all(
    task: Task[Any],
    items: Sequence[Item],
    model: LanguageModel,
    settings: RunSettings,
    store: Store,
    *,
    methods: Sequence[str],
    seeds: int,
    batch: int,
    console: Console,
) -> None:
    """Run what is not in the store yet: for each seed, each method, batches of items."""
    total = seeds * len(methods) * len(items)
    with _progress(console) as progress:
        bar = progress.add_task(task.name, total=total)
        for seed in range(seeds):
            for method in methods:
                pending = _pending(store, method, seed, items)
                progress.update(
                    bar,
                    advance=len(items) - len(pending),
                    description=f"{task.name} {method} seed {seed}",
                )
                for chosen in _batches(pending, batch):
                    records = run_batch(task, chosen, model, settings, method, seed)
                    store.append(method, seed, records)
                    progress.advance(bar, len(chosen))


def run_batch(
    task: Task[Any],
    items: Sequence[Item],
    model: LanguageModel,
    settings: RunSettings,
    method: str,
    seed: int,
) -> list[dict[str, Any]]:
    """Run one method on some items at once; return one record each."""
    potentials = [[*task.cheap(item), *task.expensive(item)] for item in items]
    began, cpu_began = time.perf_counter(), time.process_time()
    posteriors = smc.sample_batch(
        model,
        [item.prompt for item in items],
        potentials,
        num_particles=settings.num_particles,
        max_tokens=settings.max_tokens,
        ess_threshold=settings.ess_threshold,
        resampling=settings.resampling,
        resample_at=getattr(task, "resample_at", None),
        method=method,
        stop=settings.stop,
        seeds=[generator(seed, item) for item in items],
    )
    seconds = (time.perf_counter() - began) / len(items)
    cpu_seconds = (time.process_time() - cpu_began) / len(items)
    run = Run(task, method, seed, settings.max_tokens)
    return [run.record(i, p, seconds, cpu_seconds) for i, p in zip(items, posteriors, strict=True)]


def _pending(store: Store, method: str, seed: int, items: Sequence[Item]) -> list[Item]:
    """Return the items that have no result yet."""
    done = {r["item"]: r["prompt_digest"] for r in store.repair(method, seed)}
    for item in items:
        if item.id in done and done[item.id] != prompt_digest(item):
            raise SettingsError(
                f"--out: {store.path(method, seed)} has a result of the item {item.id!r} with "
                "another prompt, so the data differ. They cannot be mixed; give the data of "
                "before, or another folder."
            )
    return [item for item in items if item.id not in done]


def _batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    return (items[at : at + size] for at in range(0, len(items), size))


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )


def _command(
    arguments: argparse.Namespace, model: str, data: Path | None, settings: RunSettings
) -> str:
    """Return the command with all that it used, defaults too, and no folder of this machine."""
    shown = {
        "methods": ",".join(parse_methods(arguments.methods)),
        "model": provenance.shown_model(model),
        "data": None if arguments.data is None or data is None else data.name,
        "out": arguments.out.name,
        "resampling": settings.resampling,
        "max_tokens": settings.max_tokens,
    }
    words = ["python", "-m", "benchmarks", "run", arguments.domain]
    for name, value in vars(arguments).items():
        value = shown.get(name, value)
        if name not in ("domain", "command", "action") and value is not None:
            words += [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join(words)
