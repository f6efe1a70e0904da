"""`smc serve`."""

from __future__ import annotations

import argparse

from smc.cli.loading import potential
from smc.errors import SettingsError
from smc.potential import AnyPotential


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
    served = Served.load(
        options.model,
        name=options.name,
        potentials=named,
        device=options.device,
        dtype=options.dtype,
    )
    app = create_app(served, limits)
    uvicorn.run(app, host=options.host, port=options.port, log_level="warning")


def _named(given: str) -> tuple[str, AnyPotential]:
    name, equals, reference = given.partition("=")
    if not (name and equals and reference):
        raise SettingsError(
            f"--potential {given}: expected NAME=module:Name, such as "
            "valid=potentials.molecule:SMILESValidity."
        )
    return name, potential(reference)
