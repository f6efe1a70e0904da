"""The arguments of `smc serve`."""

from __future__ import annotations

import argparse

from smc.backends.load_arguments import add_load_arguments
from smc.cli.serve_rewards import add_served_rewards

MODEL = "a folder, a name on the Hugging Face Hub, or embedded:NAME for one that comes along"

_SERVE = """\
Serves /v1/completions, /v1/chat/completions and /v1/responses, /v1/models, /tokenize, /detokenize,
/version, /health and /metrics (Prometheus); /docs and /openapi.json describe them.
Needs the extra `serve`.
"""

_SERVE_EXAMPLE = """\
example:
  smc serve --model embedded:molecules --name molecules \\
      --potential valid=potentials.molecule:SMILESValidity
  curl localhost:8000/v1/completions -H 'Content-Type: application/json' -d '{"model": "molecules",
      "prompt": "Molecule:", "stop": "\\n", "particles": 20, "potentials": ["valid"], "n": 3}'
"""


def add_serve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    serve = commands.add_parser(
        "serve",
        help="an OpenAI-compatible server",
        description=_SERVE,
        epilog=_SERVE_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = serve.add_argument
    add("--model", required=True, help=MODEL)
    add(
        "--served-model-name",
        "--name",
        action="extend",
        nargs="+",
        metavar="NAME",
        help="what clients call the model: any of these; answers say the one that was asked for "
        "(default: as --model)",
    )
    add_load_arguments(serve, sampling=False)
    add("--host", default="127.0.0.1", help="default 127.0.0.1: this machine alone")
    add("--port", type=int, default=8000, help="default 8000")
    add(
        "--potential",
        action="append",
        default=[],
        metavar="NAME=WHERE:NAME",
        help="clients may ask for it by the first name; the rest as in `smc generate`",
    )
    add_served_rewards(serve)
    add("--max-queue", type=int, default=256, help="prompts that may wait (default 256)")
    add("--max-particles", type=int, default=256, help="of one prompt (default 256)")
    add("--max-tokens", type=int, default=4096, help="of one text (default 4096)")
    add(
        "--potential-seconds",
        type=float,
        default=10.0,
        metavar="S",
        help="that a call of a potential may take; then its requests get a 503 (default 10)",
    )
    add(
        "--shutdown-seconds",
        type=float,
        default=10.0,
        metavar="S",
        help="from being told to end to the end of the process, whatever hangs; what runs may "
        "finish in all but the last four of them (default 10)",
    )
    add(
        "--max-prefill-tokens",
        type=int,
        default=512,
        metavar="T",
        help="of prompts that are read between two tokens of those that run (default 512)",
    )
    add("--max-connections", type=int, default=512, help="at a time (default 512)")
    add(
        "--api-key",
        action="append",
        default=[],
        metavar="KEY",
        help="one of which requests must carry; may be repeated (default: nobody is asked)",
    )
    add(
        "--max-model-len",
        type=int,
        metavar="T",
        help="tokens of a prompt and its text together (default: the model's context)",
    )
    group = serve.add_argument_group("the web")
    add = group.add_argument
    add(
        "--allowed-origins",
        nargs="+",
        default=[],
        metavar="ORIGIN",
        help="web pages whose scripts may ask, such as https://example.org; * means any "
        "(default: none)",
    )
    add(
        "--root-path",
        default="",
        metavar="/PATH",
        help="under which a proxy shows the server (default: none)",
    )
    add("--ssl-certfile", metavar="FILE", help="certificate, with which the server speaks TLS")
    add("--ssl-keyfile", metavar="FILE", help="its key, where that is not in the same file")
    add(
        "--ssl-ca-certs", metavar="FILE", help="authorities of which clients must have certificates"
    )
    add("--log-requests", action="store_true", help="a line for each request, with its id")
