"""The command `run`: a task's items through the methods, resumed where a run before it stopped."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import provenance
from benchmarks.adopting import adopt
from benchmarks.live_summary import LiveSummary
from benchmarks.methods import AT_MAX_TOKENS, PAPER_RESAMPLING, RunSettings, parse_methods
from benchmarks.progress import RunProgress
from benchmarks.ray.cluster import LOCAL, check_address
from benchmarks.ray.pool import ray_team
from benchmarks.ray.worker import Setup, code_digest, items_digest
from benchmarks.rewards import RewardOptions, add_reward_arguments, reward_options
from benchmarks.selection import Selection
from benchmarks.store import Store
from benchmarks.tasks import (
    current_name,
    default_model,
    find_data,
    load_items,
    load_model,
    load_task,
    task_names,
)
from benchmarks.work import Here, Workplace, pending_units, ways
from domains.base import Item, Task
from smc.backends.load_arguments import add_load_arguments, load_options
from smc.backends.load_options import LoadOptions
from smc.errors import SettingsError
from smc.settings import METHODS

_VLLM_ROWS = 256
"""What vLLM takes at once by itself."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `run`."""
    parser.add_argument(
        "domain",
        help=f"the task: {', '.join(task_names())}, or the dotted name of a module with a task",
    )
    parser.add_argument("--methods", default=",".join(METHODS), help="default: %(default)s")
    parser.add_argument("--model", help="folder, name on the Hub, or module:function")
    parser.add_argument("--particles", type=int, default=10, help="N (default: 10)")
    parser.add_argument("--seeds", type=int, default=1, help="how many: 0 to K-1 (default: 1)")
    parser.add_argument("--limit", type=int, help="the first so many items (default: all)")
    parser.add_argument(
        "--sample", type=int, help="so many of these, spread over the data (default: all)"
    )
    parser.add_argument(
        "--items", type=_ids, help="ids of the items, separated by commas (default: all)"
    )
    parser.add_argument("--data", type=Path, help="root of the data sets (default: SMC_DATA)")
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    parser.add_argument(
        "--adopt",
        type=Path,
        metavar="FILE",
        help="a file that `report --records` wrote: what it holds is taken over into an --out that "
        "has nothing yet, and not run again",
    )
    parser.add_argument("--ess-threshold", type=float, default=0.9, help="default: 0.9")
    parser.add_argument("--resampling", help="default: what the paper used in the domain")
    parser.add_argument(
        "--retries",
        type=int,
        default=0,
        help="tries with twice the particles where all died; N is then two halves (default: 0)",
    )
    parser.add_argument("--max-tokens", type=int, help="of an answer (default: the domain's)")
    parser.add_argument("--batch", type=int, default=10, help="items at once (default: 10)")
    add_reward_arguments(parser)
    add_load_arguments(parser)
    parser.add_argument(
        "--ray",
        nargs="?",
        const=LOCAL,
        metavar="ADDRESS",
        help="spread over Ray workers: of this machine, or of the cluster at auto, HOST:PORT or "
        "ray://HOST:PORT",
    )
    parser.add_argument(
        "--ray-workers", type=int, help="how many (default: one a GPU, else as cores allow)"
    )


def main(arguments: argparse.Namespace) -> None:
    """Do what the command line asks.

    Raises:
        SettingsError: An argument is out of its range, or does not fit the results in `--out`.
    """
    console = Console(stderr=True)
    for name in ("seeds", "batch", "ray_workers"):
        if (value := getattr(arguments, name)) is not None and value < 1:
            raise SettingsError(
                f"--{name.replace('_', '-')}: expected a whole number above 0, got {value}."
            )
    if arguments.ray is not None:
        check_address(arguments.ray)
        if ":" in (arguments.device or ""):
            raise SettingsError(
                f"--device: got {arguments.device!r} with --ray, where each worker sees GPUs of "
                "its own; expected --device cuda."
            )
    elif arguments.ray_workers is not None:
        raise SettingsError("--ray-workers: got a number without --ray; expected both or neither.")
    most_particles = arguments.particles * 2 ** max(arguments.retries, 0)
    loading = with_room(load_options(arguments), most_particles * arguments.batch)
    methods = parse_methods(arguments.methods)
    arguments = argparse.Namespace(**{**vars(arguments), "domain": current_name(arguments.domain)})
    task = load_task(arguments.domain)
    reward = reward_options(arguments, task)
    settings = RunSettings(
        num_particles=arguments.particles,
        max_tokens=task.max_tokens if arguments.max_tokens is None else arguments.max_tokens,
        ess_threshold=arguments.ess_threshold,
        resampling=arguments.resampling or PAPER_RESAMPLING.get(task.name, "multinomial"),
        retries=arguments.retries,
        stop=tuple(task.stop),
    )
    data = find_data(arguments.data)
    selection = Selection(arguments.limit, arguments.sample, arguments.items or ())
    items = load_items(task, selection, data)
    model_name = arguments.model or default_model(task)
    resample_at, proposal = ways(task)
    store = Store(arguments.out)
    runs = arguments.seeds * len(methods)
    most = runs * math.ceil(len(items) / arguments.batch)
    with (
        store.locked(),
        _workplace(
            arguments, loading, task, reward, selection, items, settings, data, most, console
        ) as workplace,
    ):
        common = {
            "domain": task.name,
            "variant": arguments.domain.partition(":")[2] or None,
            "primary": task.primary,
            "model": provenance.shown_model(model_name),
            "model_digest": provenance.model_digest(model_name),
            "backend": loading.get("backend", "transformers"),
            "dtype": "auto",
            "temperature": 1.0,
            **_of_the_target(loading),
            "data": "examples" if data is None else data.name,
            "resample_at": _named(resample_at),
            "proposal": _named(proposal),
            "at_max_tokens": AT_MAX_TOKENS,
            **({} if reward is None else reward.stated()),
            **asdict(settings),
        }
        start = {
            "command": provenance.full_command(
                arguments,
                methods=",".join(methods),
                model=provenance.shown_model(model_name),
                data=None if arguments.data is None or data is None else data.name,
                out=arguments.out.name,
                adopt=None if arguments.adopt is None else arguments.adopt.name,
                resampling=settings.resampling,
                max_tokens=settings.max_tokens,
                items=",".join(arguments.items) if arguments.items else None,
                reward=None if reward is None else provenance.shown_model(reward.name),
                # no host's name
                ray=arguments.ray if arguments.ray in (None, LOCAL) else "auto",
            ),
            "date": provenance.now(),
            "commit": provenance.commit(),
            **workplace.provenance(),
            "methods": methods,
            "seeds": arguments.seeds,
            "items": len(items),
            "batch": arguments.batch,
        }
        if arguments.adopt is not None:
            adopt(store, arguments.adopt, items, common)
        store.begin(common, start)
        units = pending_units(
            store, items, methods=methods, seeds=arguments.seeds, batch=arguments.batch
        )
        total = runs * len(items)
        summary = LiveSummary(store)
        missing = sum(len(unit.items) for unit in units)
        with RunProgress(console, task.name, total, total - missing) as progress:
            for unit, records in workplace.results(units):
                store.append(unit.method, unit.seed, records)
                summary.update()
                progress.advance(len(unit.items), f"{task.name} {unit.method} seed {unit.seed}")
        summary.update(last=True)
    console.print(
        f"Results in {arguments.out}; see them with: python -m benchmarks report {arguments.out}",
        highlight=False,
        soft_wrap=True,
    )


def _ids(text: str) -> tuple[str, ...]:
    return tuple(i for i in text.split(",") if i)


def _named(what: object) -> str | None:
    """Return what stands in run.json for an object of a task's; None: the usual."""
    return None if what is None else type(what).__name__


def with_room(loading: LoadOptions, rows: int) -> LoadOptions:
    """Have vLLM take all rows of a batch at once, where nothing else is said.

    Its own bound is 256 on a CPU: rows beyond would take turns, which is many times slower.
    """
    given = loading.get("engine_args") or {}
    if loading.get("backend") != "vllm" or rows <= _VLLM_ROWS or "max_num_seqs" in given:
        return loading
    return {**loading, "engine_args": {**given, "max_num_seqs": rows}}


def _of_the_target(loading: LoadOptions) -> dict[str, Any]:
    """Return the options that the model's distribution depends on, within rounding or beyond it.

    Where it runs is told by the command; folders of before these options hold none of them.
    """
    elsewhere = ("device", "backend", "tensor_parallel_size", "engine_args", "trust_remote_code")
    return {n: v for n, v in loading.items() if n not in elsewhere}


def _workplace(
    arguments: argparse.Namespace,
    loading: LoadOptions,
    task: Task[Any],
    reward: RewardOptions | None,
    selection: Selection,
    items: Sequence[Item],
    settings: RunSettings,
    data: Path | None,
    most: int,
    console: Console,
) -> AbstractContextManager[Workplace]:
    """Return where units, `most` at most, are run: here, or by Ray's workers."""
    if arguments.ray is None:
        model = load_model(arguments.model or default_model(task), loading)
        judged = task if reward is None else reward.given_to(task)
        return nullcontext(Here(judged, model, settings))
    given: str | None = arguments.model
    if given is not None and Path(given).exists():
        given = str(Path(given).resolve())
    setup = Setup(
        domain=arguments.domain,
        selection=selection,
        data=None if data is None else str(data.resolve()),
        model=given,
        options=loading,
        settings=settings,
        items_digest=items_digest(items),
        model_digest=provenance.model_digest(given or default_model(task)),
        code=None if arguments.ray == LOCAL else code_digest(),
        reward=None if reward is None else reward.resolved(),
    )
    return ray_team(
        arguments.ray, setup, workers=arguments.ray_workers, at_most=most, console=console
    )
