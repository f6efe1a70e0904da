"""`smc serve`."""

from __future__ import annotations

import argparse
import signal
import sys
from contextlib import closing, nullcontext

from potentials.sandbox import SandboxError
from smc.cli.loading import potential
from smc.cli.trials import Trials
from smc.errors import SettingsError
from smc.potential import AnyPotential

_GRACE_SECONDS = 10
"""How long a server that is told to stop waits for what it is answering."""
_IDLE_SECONDS = 75
"""How long a connection may idle: longer than clients keep one (5 s in the openai package), or now
and then the server closes it just as a request comes."""


def serve(options: argparse.Namespace) -> None:
    """Run the server until it is interrupted.

    Raises:
        SMCError: The model or a potential cannot be loaded, or the extra `serve` is missing.
    """
    try:
        import uvicorn

        from smc.integrations.server import Served, create_app
        from smc.integrations.server.orders import Limits
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"smc serve: {error.name} is not installed; install the extra: pip install "
            "'smc-lm[serve]'."
        ) from error
    limits = Limits(
        max_queue=options.max_queue,
        max_particles=options.max_particles,
        max_tokens=options.max_tokens,
        max_batch_particles=2 * options.max_particles,
    )
    named = dict(_named(given) for given in options.potential)
    # The web server raises the signal again when it is done, which would leave folders behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    trials = _trials()
    with nullcontext() if trials is None else closing(trials):
        served = Served.load(
            options.model,
            name=options.name,
            potentials=named,
            device=options.device,
            dtype=options.dtype,
            trial=trials,
        )
        uvicorn.run(
            create_app(served, limits),
            host=options.host,
            port=options.port,
            log_level="warning",
            timeout_graceful_shutdown=_GRACE_SECONDS,
            timeout_keep_alive=_IDLE_SECONDS,
        )


def _trials() -> Trials | None:
    """Return where the constraints of requests are tried; None, and a warning, if nowhere."""
    try:
        return Trials()
    except SandboxError as error:
        print(
            "smc serve: warning: nothing bounds how long a grammar in a request takes to make: "
            f"{error}",
            file=sys.stderr,
        )
        return None


def _named(given: str) -> tuple[str, AnyPotential]:
    name, equals, reference = given.partition("=")
    if not (name and equals and reference):
        raise SettingsError(
            f"--potential {given}: expected NAME=module:Name, such as "
            "valid=potentials.molecule:SMILESValidity."
        )
    return name, potential(reference)
