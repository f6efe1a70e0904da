"""`python -m benchmarks.micro NAME [--json]`."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from importlib import import_module

from benchmarks.argument_types import counts
from benchmarks.micro.timing import Options, Result

NAMES = (
    "engine_vs_generate",
    "engine_vs_genlm",
    "engine_vs_vllm",
    "step",
    "long_prompt",
    "few_shot_prefill",
    "mask",
    "sql_mask",
    "draw",
    "writing",
    "resample",
    "potential_cost",
    "beside",
    "reward_model",
    "rejection",
    "draft",
    "sandbox",
)


def main(arguments: list[str] | None = None) -> int:
    """Run one benchmark or all; print lines to read, or one JSON object (a list of all)."""
    args = _parser().parse_args(arguments)
    given = {f.name: getattr(args, f.name) for f in dataclasses.fields(Options)}
    options = Options(**given)
    names = NAMES if args.name == "all" else (args.name,)
    results: list[Result] = []
    missing = []
    for name in names:
        try:
            result = import_module(f"benchmarks.micro.{name}").run(options)
        except FileNotFoundError as error:
            missing.append(name)
            print(f"{name}: skipped: {error}", file=sys.stderr)
            continue
        results.append(result)
        if not args.json:
            print(_line(result), flush=True)
    if args.json:
        found = [r.as_dict() for r in results]
        if args.name == "all":
            print(json.dumps(found, indent=2))
        elif found:
            print(json.dumps(found[0], indent=2))
    return 1 if missing and args.name != "all" else 0


def _line(result: Result) -> str:
    other = f"peer {result.peer:,.4g}" if result.peer is not None else f"limit {result.limit:,.4g}"
    between = ""
    if result.interval is not None:
        between = " [{:.2f}, {:.2f}]".format(*result.interval)
    return (
        f"{result.name}: ours {result.ours:,.4g}, {other} {result.unit}; "
        f"ratio {result.ratio:.2f}{between}\n    {result.setting}"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.micro", description="Speed, as ratios against a peer."
    )
    parser.add_argument("name", choices=(*NAMES, "all"), metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    for field in dataclasses.fields(Options):
        if field.name == "clock":
            parser.add_argument("--clock", choices=("wall", "cpu"), default=field.default)
        elif field.name == "model":
            parser.add_argument("--model", default=field.default, help="folder or name")
        elif field.name == "compile":
            parser.add_argument("--compile", action="store_true", help="our step, as smc.load does")
        elif field.name == "sizes":
            parser.add_argument("--sizes", type=_sizes, default=field.default, metavar="N,N,…")
        else:
            name = field.name.replace("_", "-")
            parser.add_argument(f"--{name}", type=int, default=field.default)
    return parser


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(counts(text))


if __name__ == "__main__":
    sys.exit(main())
