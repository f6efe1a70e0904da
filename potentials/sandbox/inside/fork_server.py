"""The fork server: imports what was asked for, once, and forks containers."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import random
import signal
import socket
import sys
import tempfile
import time
import traceback
import warnings
from typing import Any

from . import kernel, wire
from .builder import ContainerBuilder, RefusedError, write_maps
from .folder import remove_for_good
from .process_table import ProcessTable
from .warming import warm_up

_END_SECONDS, _POLL_SECONDS = 10.0, 0.01
_THREADS = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM", "BLIS")


def main() -> None:
    """Serve the connection whose number is the first argument until it is closed.

    Whose it was may have been killed: what it would have removed, the working folder, goes here.
    """
    base = os.getcwd()
    try:
        _serve(socket.socket(fileno=int(sys.argv[1])))
    finally:
        os.chdir("/")
        _wait_for_containers()
        remove_for_good(base)


def _wait_for_containers() -> None:
    """Wait until the containers have ended, which have lost their callers too."""
    until = time.monotonic() + _END_SECONDS
    while time.monotonic() < until:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(_POLL_SECONDS)
        except ChildProcessError:
            return


def _serve(link: socket.socket) -> None:
    config = wire.receive(link)
    if config is None:
        return
    for name in _THREADS:
        os.environ[f"{name}_NUM_THREADS"] = "1"
    os.environ.update(config["environment"])
    try:
        for name in config["imports"]:
            importlib.import_module(name)
    except BaseException:
        wire.send(link, {"failed": traceback.format_exc()})
        return
    warm_up()
    _settle_down()
    kernel.adopt_orphans()
    wire.send(link, {"version": sys.version, "threads": len(os.listdir("/proc/self/task"))})
    while True:
        head, fds, _, _ = socket.recv_fds(link, 1, 1)
        if not head:
            return
        caller = socket.socket(fileno=fds[0])
        order = wire.receive(link)
        if order is None:
            return
        _make_container(link, caller, order, config)
        caller.close()
        wire.send(link, {})


def _settle_down() -> None:
    """Leave nothing that a program should not find, and the same state for all of them."""
    kernel.scrub_environment()
    folder = "/tmp"
    threads = {f"{name}_NUM_THREADS": "1" for name in _THREADS}
    os.environ.update(
        HOME=folder,
        TMPDIR=folder,
        LANG="C.UTF-8",
        PATH=os.defpath,
        MPLBACKEND="Agg",
        LOGNAME="box",
        **threads,
    )
    tempfile.tempdir = None
    sys.argv[:] = [""]
    sys.path[:] = [p for p in sys.path if p]
    for name in [n for n in sys.modules if n.partition(".")[0] == "inside"]:
        del sys.modules[name]
    warnings.resetwarnings()
    warnings.simplefilter("default")
    # A program that draws without a seed draws the same in every run.
    random.seed(0)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(0)
    gc.collect()
    gc.freeze()


def _make_container(
    link: socket.socket, caller: socket.socket, order: dict[str, Any], config: dict[str, Any]
) -> None:
    """Fork what leaves this process's namespaces and then forks the container."""
    ProcessTable.reap()
    asked, asking = socket.socketpair()
    between = os.fork()
    if between == 0:
        try:
            asked.close()
            link.close()
            _separate(caller, asking, order, config)
        except BaseException:
            _last_words(caller)
        finally:
            os._exit(1)
    asking.close()
    if asked.recv(1) == b"m":
        try:
            asked.sendall(b"%d" % write_maps(between))
        except OSError:
            asked.sendall(b"-")
    asked.close()
    os.waitpid(between, 0)


def _separate(
    caller: socket.socket, asking: socket.socket, order: dict[str, Any], config: dict[str, Any]
) -> None:
    root = os.geteuid() == 0
    builder = ContainerBuilder(order["base"], config["without"])
    builder.separate(asking)
    asking.close()
    if os.fork():
        return
    try:
        # No handler of the fork server's, and nothing of the terminal's.
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        kernel.adopt_orphans()
        container = builder.settle(caller, config, root)
        wire.send(caller, {"stand": builder.stand, "missing": builder.missing})
        container.serve()
    except RefusedError as error:
        wire.send(caller, {"refused": str(error)})
    except BaseException:
        _last_words(caller)
    finally:
        os._exit(0)


def _last_words(caller: socket.socket) -> None:
    with contextlib.suppress(OSError):
        wire.send(caller, {"broken": traceback.format_exc()})
