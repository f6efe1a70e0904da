"""Connections to the fork server in the target interpreter and to the containers it forks."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from potentials.sandbox.errors import SandboxError
from potentials.sandbox.inside import wire
from potentials.sandbox.inside.folder import remove_for_good
from potentials.sandbox.walls import Walls

_HERE = Path(__file__).resolve().parent
_START = (
    "import sys; sys.path.insert(0, sys.argv[2]); from inside import fork_server; del sys.path[0]; "
    "fork_server.main()"
)
_CONTAINER_SECONDS = 60.0


class Gone(Exception):  # noqa: N818 - not an error for the user: it is tried again
    """The other side is not there any more."""


class ForkServer:
    """A process of the target interpreter that has imported the modules.

    Args:
        python: The interpreter.
        imports: Modules to import once.
        settings: For the containers, as the code inside expects them.

    Raises:
        SandboxError: The interpreter is missing, or an import fails.
    """

    def __init__(self, python: Path, imports: Sequence[str], settings: dict[str, Any]) -> None:
        self._python = python
        self._lock = threading.Lock()
        self._count = 0
        self.base = tempfile.mkdtemp(prefix="sandbox-")
        self._link, far = socket.socketpair()
        said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed with the process
        try:
            with far:
                self._process = subprocess.Popen(
                    [str(python), "-I", "-B", "-c", _START, str(far.fileno()), str(_HERE)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=said,
                    env={"PYTHONHASHSEED": "0", "LANG": "C.UTF-8", "PATH": os.defpath},
                    cwd=self.base,
                    pass_fds=[far.fileno()],
                    start_new_session=True,
                )
        except OSError as error:
            self._link.close()
            said.close()
            remove_for_good(self.base)
            raise SandboxError(
                f"Sandbox: the interpreter {python} does not start: {error}. Expected the path of "
                "a Python 3.9 or later."
            ) from error
        self._finalizer = weakref.finalize(self, _end, self._process, self._link, said, self.base)
        self._ready(imports, settings, said)

    def _ready(self, imports: Sequence[str], settings: dict[str, Any], said: IO[bytes]) -> None:
        config = {**settings, "imports": list(imports), "environment": _environment()}
        try:
            wire.send(self._link, config)
            answer = wire.receive(self._link)
        except OSError:
            answer = None
        if answer is not None and "failed" not in answer:
            return
        said.seek(0)
        why = answer["failed"] if answer else said.read(10_000).decode("utf-8", "replace")
        self.close()
        raise SandboxError(
            f"Sandbox: the imports {list(imports)} failed in {self._python}. Install what is "
            f"missing there, or leave it out of `imports`.\n{why.strip()}"
        )

    def container(self) -> ContainerConnection:
        """Return a new container.

        Raises:
            Gone: The fork server is not there any more.
            SandboxError: The container could not be made.
        """
        with self._lock:
            self._count += 1
            base = os.path.join(self.base, f"container-{self._count}")
            os.mkdir(base, 0o711)
            os.chmod(self.base, 0o711)
            near, far = socket.socketpair()
            try:
                with far:
                    socket.send_fds(self._link, [b"C"], [far.fileno()])
                wire.send(self._link, {"base": base})
                if wire.receive(self._link) is None:
                    raise Gone
            except OSError:
                near.close()
                raise Gone from None
            except Gone:
                near.close()
                raise
        return ContainerConnection(near)

    def close(self) -> None:
        """End the process and its containers."""
        self._finalizer()


def _end(process: subprocess.Popen[bytes], link: socket.socket, said: IO[bytes], base: str) -> None:
    link.close()
    process.kill()
    process.wait()
    said.close()
    remove_for_good(base)


def _environment() -> dict[str, str]:
    """Return what the imports may see of the environment; programs see none of it."""
    home = Path.home()
    kept = {name: os.environ[name] for name in ("MPLCONFIGDIR",) if name in os.environ}
    return {
        "MPLBACKEND": "Agg",
        "HOME": str(home),
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(home / ".cache")),
        **kept,
    }


class ContainerConnection:
    """The connection to a container.

    Raises:
        SandboxError: It could not be made.
    """

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._finalizer = weakref.finalize(self, link.close)
        link.settimeout(_CONTAINER_SECONDS)
        self.kept: set[str] = set()
        """Keys of the beginnings that it keeps a process of."""
        try:
            answer = wire.receive(link)
        except OSError:
            answer = None
        if answer is not None and "refused" in answer:
            self.close()
            raise SandboxError(f"Sandbox: {answer['refused']}")
        if answer is None or "broken" in answer:
            self.close()
            why = "it died at once" if answer is None else answer["broken"].strip()
            raise SandboxError(f"Sandbox: a container could not be made: {why}")
        self.walls = Walls(tuple(answer["stand"]), tuple(sorted(answer["missing"].items())))

    def ask(self, message: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Have a job run.

        Args:
            message: The job, as the code inside expects it.
            seconds: After which the container is given up.

        Raises:
            Gone: The container is not there any more.
            SandboxError: A wall that stood does not stand.
        """
        self._link.settimeout(seconds)
        try:
            wire.send(self._link, message)
            answer = wire.receive(self._link)
        except (OSError, json.JSONDecodeError):
            answer = None
        if answer is None:
            self.close()
            raise Gone
        if "broken" in answer:
            self.close()
            raise SandboxError(f"Sandbox: a run could not be shut in: {answer['broken']}")
        self.kept |= set(answer["kept"])
        self.kept -= set(answer["dropped"])
        return answer

    def close(self) -> None:
        """End the container with all its processes."""
        self._finalizer()


def interpreter(python: str | Path | None) -> Path:
    """Return the interpreter to use: not resolved, since an environment's is a link."""
    return Path(sys.executable if python is None else python).absolute()
