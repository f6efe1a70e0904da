"""The command line's arguments."""

from __future__ import annotations

import argparse
from importlib import metadata
from pathlib import Path

from smc.backends.load_arguments import add_load_arguments
from smc.cli.engine_options import BOUNDARIES, PROPOSALS
from smc.cli.serve_arguments import MODEL, add_serve
from smc.cli.solve_arguments import add_calibrate, add_solve
from smc.resampling import RESAMPLERS
from smc.settings import METHODS

_DESCRIPTION = "Constrained generation from language models by sequential Monte Carlo."

_DEMO = """\
Runs the methods on a handful of prompts with the model that comes with the package, prints a table
and writes a page with the genealogy of the particles. Needs no network and no GPU.
"""

_GENERATE = """\
Draws a weighted set of texts from the model times the constraints and prints it.

Exit status: 0 if some text satisfies the constraints, 3 if every particle died (the reason is
printed), 2 if the input is at fault.
"""

_EXAMPLES = """\
examples:
  smc generate --model gpt2 --prompt "The capital of France is" --regex " [A-Z][a-z]+"
  smc generate --model Qwen/Qwen2.5-0.5B-Instruct --chat --prompt "Invent a person, in JSON." \\
      --json-schema person.json --particles 20 --html person.html
  smc generate --model gpt2 --prompt "Is water wet?" --choice yes --choice no
  smc generate --model Qwen/Qwen2.5-0.5B-Instruct --system "Answer in JSON." --prompt "Who?" \\
      --output-type ./people.py:Person
  smc generate --model embedded:molecules --prompt "Molecule:" --grammar smiles.lark --stop '\\n' \\
      --potential potentials.molecule:SMILESValidity --potential ./mine.py:NoRings
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    top = argparse.ArgumentParser(prog="smc", description=_DESCRIPTION)
    top.add_argument("--version", action="version", version=f"smc {_version()}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_demo(commands)
    _add_generate(commands)
    add_solve(commands)
    add_calibrate(commands)
    add_serve(commands)
    return top


def _version() -> str:
    try:
        return metadata.version("smc-lm")
    except metadata.PackageNotFoundError:
        return "(not installed)"


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    demo = commands.add_parser(
        "demo", help="small language models, steered: table and page", description=_DEMO
    )
    add = demo.add_argument
    add(
        "domain",
        nargs="?",
        metavar="DOMAIN",
        help="molecules, sql (each with the extra of its name), goals, arithmetic or json; "
        "default: molecules, or goals without that extra",
    )
    add(
        "--particles",
        type=int,
        metavar="N",
        help="for each prompt (default 10, or 20 for arithmetic and json)",
    )
    add(
        "--prompts",
        type=int,
        metavar="P",
        help="how many (default: as many as take less than a minute on two cores)",
    )
    add(
        "--methods",
        default=",".join(METHODS),
        metavar="A,B,…",
        help=f"of {', '.join(METHODS)} (default: all)",
    )
    add("--seed", type=int, default=0, help="same seed, same texts (default 0)")
    add(
        "--out",
        type=Path,
        default=Path("out/demo.html"),
        metavar="FILE",
        help="where the page is written (default out/demo.html)",
    )


def _add_generate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    generate = commands.add_parser(
        "generate",
        help="texts from a model under constraints",
        description=_GENERATE,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    group = generate.add_argument_group("model and prompt")
    add = group.add_argument
    add("--model", required=True, help=MODEL)
    add("--prompt", required=True, help="text to go on from; - reads it from standard input")
    add("--chat", action="store_true", help="the prompt is a user's message to a chat model")
    add("--system", metavar="TEXT", help="system message before the prompt; implies --chat")
    add_load_arguments(group)

    group = generate.add_argument_group("constraints (each may be repeated)")
    add = group.add_argument
    add("--grammar", action="append", default=[], metavar="FILE", help="a Lark grammar")
    add("--regex", action="append", default=[], help="for the whole text")
    add("--json-schema", action="append", default=[], metavar="FILE", help="a JSON schema")
    add(
        "--choice",
        action="append",
        default=[],
        metavar="TEXT",
        help="the whole text is one of those that are given so",
    )
    add(
        "--output-type",
        metavar="WHERE:NAME",
        help="what the text stands for, as JSON: a pydantic class, dataclass, Enum, function, …",
    )
    add(
        "--potential",
        action="append",
        default=[],
        metavar="WHERE:NAME",
        help="module:Name or path/to/file.py:Name; a class is made an instance without arguments",
    )

    group = generate.add_argument_group("sampling")
    add = group.add_argument
    add("--particles", type=int, default=10, metavar="N", help="default 10")
    add("--max-tokens", type=int, default=64, metavar="T", help="end included (default 64)")
    add(
        "--at-max-tokens",
        default="cut",
        metavar="HOW",
        help="a text that has not ended by then is taken as it is (cut, the default), or its last "
        "token is an end whose probability counts (end)",
    )
    add(
        "--retries",
        type=int,
        default=0,
        metavar="R",
        help="where all particles die, try again with twice as many, so often (default 0)",
    )
    add("--method", default="smc", help=f"{', '.join(METHODS)} (default smc)")
    add(
        "--ess-threshold",
        type=float,
        default=0.5,
        metavar="F",
        help="resample when the effective sample size is under F·N (default 0.5)",
    )
    add("--resampling", default="systematic", help=f"{', '.join(RESAMPLERS)}")
    add("--resample-at", metavar="WHERE", help=f"where particles wait: {BOUNDARIES}")
    add("--proposal", metavar="HOW", help=f"how tokens are drawn: {PROPOSALS}")
    add(
        "--resample-among",
        default="all",
        metavar="WHOM",
        help="all particles, or alike: finished texts take no places from the others (default all)",
    )
    add(
        "--stop",
        action="append",
        default=[],
        metavar="TEXT",
        help=r"ends a text; may be repeated; \n, \t and \\ are understood",
    )
    add("--seed", type=int, default=0, help="same seed, same texts (default 0)")

    group = generate.add_argument_group("output")
    add = group.add_argument
    add("--json", action="store_true", help="print the whole posterior as JSON")
    add("--html", type=Path, metavar="FILE", help="also write a page: genealogy, weights, texts")
