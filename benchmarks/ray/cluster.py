"""The Ray cluster: found, started or joined, and the number of workers it has room for.

Ray is imported here and only where it is asked for; it comes with the extra `ray`.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from smc.errors import SettingsError, SMCError

LOCAL = "local"
_OBJECT_STORE = 128 * 2**20  # bytes of shared memory; records are small, and containers have little
_CONNECT_SECONDS = 5.0
_THREADS = 4


class ClusterError(SMCError, RuntimeError):
    """Ray could not be started or reached, or its workers do not stay alive."""


@dataclass(frozen=True)
class Places:
    """How many workers there are, and what each takes.

    Attributes:
        count: Workers.
        cpus: Cores of each; 0 where GPUs decide.
        gpus: GPUs of each; a fraction where workers share one.
    """

    count: int
    cpus: int
    gpus: float = 0


def check_address(address: str) -> None:
    """Raise unless the argument of `--ray` has a form that Ray understands.

    Raises:
        SettingsError: It has not.
    """
    named = address in (LOCAL, "auto") or re.fullmatch(r"(ray://)?[^/\s:]+:[0-9]{1,5}", address)
    if not named:
        raise SettingsError(
            f"--ray: got {address!r}; expected nothing (workers on this machine), auto (the "
            "cluster that this machine is in), HOST:PORT of that cluster, or ray://HOST:PORT of "
            "another."
        )


@contextmanager
def connected(address: str, workers: int | None) -> Iterator[ModuleType]:
    """Start Ray on this machine or join a cluster; leave it at the end.

    A Ray that this process has joined already is used as it is, and stays.

    Args:
        address: `LOCAL`, or of a cluster.
        workers: How many are wanted, so that a local Ray has room for them.

    Yields:
        The module `ray`.

    Raises:
        SettingsError: Ray is not installed.
        ClusterError: It cannot be started, or there is none at the address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ModuleNotFoundError as error:
        raise SettingsError(
            "--ray: the package ray is not installed; install the extra: pip install -e '.[ray]'."
        ) from error
    _knock(address)
    if ray.is_initialized():
        yield ray
        return
    folder = None
    if address == LOCAL:
        # Short, since paths of sockets may have 107 bytes; and nobody else's.
        base = "/tmp" if os.access("/tmp", os.W_OK) else None
        folder = tempfile.mkdtemp(prefix="smc-ray-", dir=base)
    try:
        _join(ray, address, workers, folder)
        yield ray
    finally:
        ray.shutdown()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def places(
    nodes: list[Mapping[str, Any]], workers: int | None, device: str | None = None
) -> Places:
    """Return how many workers to start: one for each GPU; without any, as many as cores carry.

    Args:
        nodes: As `ray.nodes()` returns them.
        workers: How many are wanted; None: as many as there is room for.
        device: As on the command line: `cpu` leaves GPUs alone.
    """
    resources = [n["Resources"] for n in nodes if n["Alive"]]
    gpus = 0 if device == "cpu" else int(sum(r.get("GPU", 0) for r in resources))
    if gpus:
        count = workers or gpus
        return Places(count, 0, 1 / -(-count // gpus))
    cores = [int(r["CPU"]) for r in resources if r.get("CPU", 0) >= 1] or [1]
    each = min(threads(min(cores), workers if len(cores) == 1 else None), min(cores))
    return Places(workers or sum(c // each for c in cores), each)


def threads(cores: int, workers: int | None = None) -> int:
    """Return the cores of one worker: OMP_NUM_THREADS; else up to 4, but room for two workers."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    if given.isdecimal() and int(given) > 0:
        return int(given)
    return max(1, min(_THREADS, cores // (workers or 2)))


def losses(ray: ModuleType) -> tuple[type[Exception], ...]:
    """Return the errors that mean that a worker, or what it answered, is lost."""
    errors = ray.exceptions
    return (
        errors.RayActorError,
        errors.WorkerCrashedError,
        errors.NodeDiedError,
        errors.ObjectLostError,
        errors.OutOfMemoryError,
    )


def reason(error: Exception) -> str:
    """Return the last thing that Ray says of a loss, which is the cause."""
    lines = str(error).strip().splitlines() or [""]
    return f"Ray: {type(error).__name__}: {lines[-1].strip()[:300]}"


def _join(ray: ModuleType, address: str, workers: int | None, folder: str | None) -> None:
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        if address == LOCAL:
            cores = _cores()
            ray.init(
                address=LOCAL,
                num_cpus=max(cores, (workers or 1) * threads(cores, workers)),
                include_dashboard=False,
                object_store_memory=_OBJECT_STORE,
                _temp_dir=folder,
                **quiet,
            )
        else:
            ray.init(address=address, **quiet)
    except KeyboardInterrupt:
        raise
    except Exception as error:  # Ray raises everything from bare Exception to ImportError
        doing = "could not be started" if address == LOCAL else f"at {address} could not be joined"
        raise ClusterError(f"--ray: Ray {doing}: {_first(error)}{_remedy(address)}") from error


def _knock(address: str) -> None:
    """Raise soon where nobody listens; Ray itself would try for minutes, or end the process."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon:
        return
    try:
        socket.create_connection((host, int(port)), timeout=_CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(
            f"--ray: nothing answers at {address} ({error}).{_remedy(address)}"
        ) from error


def _remedy(address: str) -> str:
    if address == LOCAL:
        return ""
    token = " Where it asks for a token: RAY_AUTH_MODE=token, and its token in ~/.ray/auth_token."
    if address.startswith("ray://"):
        return (
            " Expected a Ray cluster's client server there (port 10001 by default), and the "
            f"package grpcio here.{token}"
        )
    return (
        " Expected a Ray cluster that this machine is part of: start one with `ray start --head`, "
        "join one with `ray start --address=HOST:PORT`; reach one from outside by "
        f"ray://HOST:PORT.{token}"
    )


def _first(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip()[:500].removesuffix('.')}."


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
