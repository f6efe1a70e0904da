"""`smc serve`: the OpenAI-compatible server on an address of this machine."""

from __future__ import annotations

import argparse
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import closing, nullcontext, suppress

from potentials.sandbox import SandboxError
from smc.cli.output import quiet_libraries
from smc.errors import SettingsError
from smc.integrations.server.sandboxed_validation import SandboxedValidation
from smc.potential import AnyPotential
from smc.references import find_potential

_GRACE_SECONDS = 10
"""How long a server that is told to stop waits for requests under way."""
_IDLE_SECONDS = 75
"""How long a connection may idle: longer than clients keep one (5 s in the openai package), or now
and then the server closes it just as a request comes."""


def serve(options: argparse.Namespace) -> None:
    """Run the server until it is interrupted.

    Raises:
        SMCError: The model or a potential cannot be loaded, the address cannot be had, or the extra
            `serve` is missing.
    """
    try:
        import uvicorn

        from smc.integrations.server import Served, create_app
        from smc.integrations.server.limits import ServerLimits
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"smc serve: {error.name} is not installed; install the extra: pip install "
            "'smc-lm[serve]'."
        ) from error
    limits = ServerLimits(
        max_queue=options.max_queue,
        max_particles=options.max_particles,
        max_tokens=options.max_tokens,
        max_batch_particles=4 * options.max_particles,
    )
    named = _potentials(options.potential)
    quiet_libraries()
    listening = _bound(options.host, options.port)  # before the weights are read
    # The web server raises the signal again when it is done, which would leave folders behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    validation = _validation()
    with listening, nullcontext() if validation is None else closing(validation):
        served = Served.load(
            options.model,
            name=options.name,
            potentials=named,
            device=options.device,
            dtype=options.dtype,
            validate=validation,
        )
        config = uvicorn.Config(
            create_app(served, limits),
            log_level="warning",
            timeout_graceful_shutdown=_GRACE_SECONDS,
            timeout_keep_alive=_IDLE_SECONDS,
        )
        host, port = listening.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        print(f"smc serve: {served.name} at http://{shown}:{port}/v1", file=sys.stderr, flush=True)
        with suppress(KeyboardInterrupt):  # the usual way to end it
            uvicorn.Server(config).run(sockets=[listening])


def _bound(host: str, port: int) -> socket.socket:
    """Return a socket with an address; it does not listen yet, so that early clients are refused.

    Raises:
        SettingsError: The address cannot be had.
    """
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except (OSError, OverflowError) as error:
        listening.close()
        raise SettingsError(
            f"--host {host} --port {port}: cannot be listened at: {error}. Expected an address of "
            "this machine, and a free port up to 65535 (0: any)."
        ) from error
    return listening


def _validation() -> SandboxedValidation | None:
    """Return where the constraints of requests are tried; None, and a warning, if nowhere."""
    try:
        return SandboxedValidation()
    except SandboxError as error:
        print(
            "smc serve: warning: nothing bounds how long a grammar in a request takes to make: "
            f"{error}",
            file=sys.stderr,
        )
        return None


def _potentials(options: Sequence[str]) -> dict[str, AnyPotential]:
    potentials: dict[str, AnyPotential] = {}
    for given in options:
        name, made = _named(given)
        if name in potentials:
            raise SettingsError(f"--potential {given}: {name!r} is given twice; expected it once.")
        potentials[name] = made
    return potentials


def _named(given: str) -> tuple[str, AnyPotential]:
    name, equals, reference = given.partition("=")
    if not (name and equals and reference):
        raise SettingsError(
            f"--potential {given}: expected NAME=module:Name, such as "
            "valid=potentials.molecule:SMILESValidity."
        )
    return name, find_potential(reference)
