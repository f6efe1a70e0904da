"""The arguments of `smc solve`."""

from __future__ import annotations

import argparse
from pathlib import Path

from smc.backends.load_arguments import add_load_arguments

STRATEGY_NAMES = (
    "majority_vote",
    "best_of_n",
    "weighted_best_of_n",
    "beam",
    "dvts",
    "lookahead",
    "particle_filter",
    "particle_gibbs",
    "tree_of_thoughts",
    "mcts",
    "rap",
    "coat",
    "revisions",
    "tpo",
    "feedback_edit",
    "feedback_trials",
    "backtracking",
)
"""Those of `smc.strategies`, which is too heavy to be asked for help; the tests compare."""
JUDGE_NAMES = ("prompted", "likelihood")
FORMAT_NAMES = ("math-shepherd", "rlhflow", "skywork", "qwen", "classifier")

_SOLVE = """\
Answers one question with a strategy of inference-time scaling: many solutions, searched or drawn,
judged or counted. Prints the answer, the votes, the solution that stands for it, and the cost.

Without a reward the answer is that of most solutions, and no more are drawn once the vote is
decided. Exit status: 0, 3 if no solution came to an answer, 2 if the input is at fault.
"""

_CALIBRATE = """\
Measures how difficult problems are for a model (pass@1), runs strategies on them at several
budgets, and stores which one is best for which difficulty and budget, cross-validated.
"""

_CALIBRATE_EXAMPLE = """\
example:
  smc calibrate problems.jsonl --model Qwen/Qwen2.5-Math-1.5B-Instruct \\
      --reward Qwen/Qwen2.5-Math-PRM-7B --budgets 1,4,16 --out choice.json
"""

_CALIBRATED = "majority_vote,best_of_n,weighted_best_of_n,beam,dvts,particle_filter"

_EXAMPLES = """\
examples:
  smc solve --model Qwen/Qwen2.5-Math-1.5B-Instruct "What is 17 * 23?"
  smc solve --model Qwen/Qwen2.5-Math-1.5B-Instruct --reward Qwen/Qwen2.5-Math-PRM-7B \\
      --strategy beam --budget 16 --option width=4 --html tree.html "How many primes are under 50?"
  smc solve --model ./model --judge likelihood --answer text --budget 8 "Is water wet?"
  smc solve --endpoint http://localhost:8000/v1 --model qwen --strategy particles \\
      --judge prompted "What is 17 * 23?"
"""


def add_solve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    solve = commands.add_parser(
        "solve",
        help="one question by a strategy: votes, beams, particles, trees, revisions",
        description=_SOLVE,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    group = solve.add_argument_group("model and question")
    add = group.add_argument
    add("question", help="text; - reads it from standard input")
    add("--model", required=True, help="a folder, a name on the Hub, or at the endpoint")
    add("--endpoint", metavar="URL", help="of an OpenAI-compatible server, up to and with /v1")
    _add_asking(group)
    add_load_arguments(group)

    group = solve.add_argument_group("search")
    add = group.add_argument
    add(
        "--strategy",
        metavar="NAME",
        help=f"{', '.join(STRATEGY_NAMES)}; particles is particle_filter (default: best_of_n with "
        "a reward or judge, else majority_vote)",
    )
    add("--budget", type=int, default=16, metavar="N", help="solutions' worth (default 16)")
    add(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="of the strategy; may be repeated; `--option help` lists them",
    )
    _add_steps(group)
    _add_reward(solve)

    group = solve.add_argument_group("output")
    add = group.add_argument
    add("--json", action="store_true", help="print answer, votes, solutions and cost as JSON")
    add("--html", type=Path, metavar="FILE", help="also write a page: tree of steps, scores, votes")
    add("--quiet", action="store_true", help="no progress on standard error")


def add_calibrate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command that measures which strategy is best."""
    calibrate = commands.add_parser(
        "calibrate",
        help="which strategy is best for which difficulty and budget",
        description=_CALIBRATE,
        epilog=_CALIBRATE_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    group = calibrate.add_argument_group("model and problems")
    add = group.add_argument
    add("problems", metavar="FILE", help="JSON lines with question (or problem) and answer")
    add("--model", required=True, help="a folder, or a name on the Hub")
    add("--limit", type=int, help="the first so many problems (default: all)")
    _add_asking(group)
    add_load_arguments(group)

    group = calibrate.add_argument_group("search")
    add = group.add_argument
    add("--strategies", default=_CALIBRATED, metavar="A,B,…", help="default: %(default)s")
    add("--budgets", default="1,4,16", metavar="N,N", help="in samples (default 1,4,16)")
    add("--depths", metavar="R,R", help="of recurrent depth: each strategy at each of these")
    add("--samples", type=int, default=16, help="to measure difficulty by (default 16)")
    add("--bins", type=int, default=5, help="of difficulty (default 5)")
    _add_steps(group)
    _add_reward(calibrate)

    group = calibrate.add_argument_group("output")
    add = group.add_argument
    add("--out", type=Path, required=True, metavar="FILE", help="where the choice is stored")
    add("--quiet", action="store_true", help="no progress on standard error")


def _add_asking(group: argparse._ArgumentGroup) -> None:
    """How a question is put to the model."""
    group.add_argument(
        "--instructions",
        metavar="TEXT",
        help="how to answer (default: of a chat model, for --answer math, steps and a box)",
    )
    how = group.add_mutually_exclusive_group()
    how.add_argument(
        "--chat",
        dest="chat",
        action="store_const",
        const=True,
        help="the question is a user's message (default: where there is a chat template)",
    )
    how.add_argument(
        "--text", dest="chat", action="store_const", const=False, help="the question is plain text"
    )


def _add_steps(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--mark", default="\\n\\n", metavar="TEXT", help=r"what a step ends with (default \n\n)")
    add(
        "--max-tokens",
        type=int,
        metavar="T",
        help="of a solution (default: 2048, or what the model's context has room for)",
    )
    add("--seed", type=int, default=0, help="same seed, same answer (default 0)")


def _add_reward(command: argparse.ArgumentParser) -> None:
    """What solutions are judged, and votes are counted by."""
    group = command.add_argument_group("reward and answer")
    add = group.add_argument
    add("--reward", metavar="NAME", help="a process reward model; with --judge a language model")
    add(
        "--reward-format",
        choices=FORMAT_NAMES,
        help="how it is shown a solution (default: what its name or config tells)",
    )
    add(
        "--judge",
        choices=JUDGE_NAMES,
        help="a language model as reward, that of --reward or the model itself: asked for a "
        'rating, or read how probable it finds "Yes"',
    )
    add(
        "--answer",
        default="math",
        metavar="HOW",
        help="what votes are counted by: math, last_number, text, re:PATTERN (default math)",
    )
