"""`smc serve`: the OpenAI-compatible server on an address of this machine."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing

from potentials.sandbox import SandboxError
from smc.backends.load_arguments import load_options
from smc.cli.output import quiet_libraries
from smc.cli.serve_rewards import check_reward_options, rewards_of
from smc.cli.serve_web import app_options, tls_options
from smc.errors import SettingsError
from smc.integrations.server.sandboxed_validation import SandboxedValidation

_MAX_GRACE_SECONDS = 86_400.0
_SWITCH_SECONDS = 0.0005
_IDLE_SECONDS = 75
"""How long a connection may idle: longer than clients keep one (5 s in the openai package), or now
and then the server closes it just as a request comes."""


def serve(options: argparse.Namespace) -> None:
    """Run the server until it is interrupted; then end the process.

    Raises:
        SMCError: The model or a potential cannot be loaded, the address cannot be had, or the extra
            `serve` is missing.
    """
    try:
        import uvicorn

        from smc.integrations.server import Served, create_app
        from smc.integrations.server.connections import ConnectionLimits, protocol
        from smc.integrations.server.ending import MIN_GRACE_SECONDS, GracefulServer
        from smc.integrations.server.limits import ServerLimits
        from smc.integrations.server.potential_process import PotentialProcess
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
        potential_seconds=options.potential_seconds,
        max_prefill_tokens=options.max_prefill_tokens,
    )
    if options.max_connections < 1:
        raise SettingsError(
            f"--max-connections: expected more than 0, got {options.max_connections}."
        )
    if not all(options.served_model_name or ()):
        raise SettingsError("--served-model-name: got an empty one; expected some text.")
    if options.max_model_len is not None and options.max_model_len < 2:
        raise SettingsError(f"--max-model-len: expected 2 or more, got {options.max_model_len}.")
    if not MIN_GRACE_SECONDS < options.shutdown_seconds <= _MAX_GRACE_SECONDS:
        raise SettingsError(
            f"--shutdown-seconds: expected more than {MIN_GRACE_SECONDS:g} (in which what is left "
            f"is answered), at most {_MAX_GRACE_SECONDS:g}, got {options.shutdown_seconds:g}."
        )
    shown, tls = app_options(options), tls_options(options)
    loading = load_options(options)
    references = _references(options.potential)
    check_reward_options(options.reward)
    quiet_libraries()
    # The web server raises the signal again when it is done, which would leave folders behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with ExitStack() as stack:
        listening = stack.enter_context(_bound(options.host, options.port))
        processes = {
            name: stack.enter_context(
                closing(PotentialProcess(name, reference, options.potential_seconds))
            )
            for name, reference in references.items()
        }
        validation = _validation()
        if validation is not None:
            stack.enter_context(closing(validation))
        named = {name: process.potential() for name, process in processes.items()}
        served = Served.load(
            options.model,
            name=options.served_model_name,
            potentials=named,
            validate=validation,
            max_model_len=options.max_model_len,
            **loading,
        )
        served.rewards = rewards_of(options.reward, loading.get("device"))
        app = create_app(served, limits, **shown)
        config = uvicorn.Config(
            app,
            http=protocol(ConnectionLimits(most=options.max_connections)),
            ws="none",
            log_level="warning",
            timeout_keep_alive=_IDLE_SECONDS,
            **tls,
        )
        server = GracefulServer(
            config,
            grace_seconds=options.shutdown_seconds,
            stop=lambda: app.state.worker.stop(),
            cut=lambda: app.state.worker.close(0.0),
            last=lambda: [process.kill() for process in processes.values()],
        )
        host, port = listening.getsockname()[:2]
        address = f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
        print(
            f"smc serve: {', '.join(served.names)} at {address}/v1",
            file=sys.stderr,
            flush=True,
        )
        # A thread that computes waits this long for one that runs Python (5 ms by default), and
        # the engine's gives the interpreter up at every product of matrices.
        sys.setswitchinterval(_SWITCH_SECONDS)
        status = _status_of(lambda: server.run(sockets=[listening]))
    # Python would free the model piece by piece, for seconds in which no time limit holds.
    os._exit(status)


def _status_of(run: Callable[[], None]) -> int:
    """Return the exit status that a run ends with; an interrupt is the usual way to end it."""
    try:
        run()
    except KeyboardInterrupt:
        return 0
    except SystemExit as end:  # a signal, or a web server that cannot start
        return end.code if isinstance(end.code, int) else 1
    return 0


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


def _references(options: Sequence[str]) -> dict[str, str]:
    """Return where each potential is, by its name."""
    references: dict[str, str] = {}
    for given in options:
        name, equals, reference = given.partition("=")
        if not (name and equals and reference):
            raise SettingsError(
                f"--potential {given}: expected NAME=module:Name, such as "
                "valid=potentials.molecule:SMILESValidity."
            )
        if name in references:
            raise SettingsError(f"--potential {given}: {name!r} is given twice; expected it once.")
        references[name] = reference
    return references
