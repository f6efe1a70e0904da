"""Provenance of results: the command, the code, the machine, the date, the model's bytes.

Nothing here names a folder of the machine: paths are shortened to what another reader can use.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import os
import platform
import shlex
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.tasks import ROOT
from smc.backends.embedded import place_of

PACKAGES = ("torch", "transformers", "llguidance", "lark", "rdkit", "partialsmiles", "numpy")
_WHOLE = 2**27
_PART = 2**20


def shown_path(path: str | Path) -> str:
    """Return a path relative to the checkout if it is inside it, else its last part."""
    absolute = Path(path).resolve()
    if absolute.is_relative_to(ROOT):
        return absolute.relative_to(ROOT).as_posix()
    return absolute.name


def shown_model(name: str) -> str:
    """Return the name of a model, or the shown path of its folder."""
    return shown_path(name) if Path(name).exists() else name


def model_digest(name: str) -> str | None:
    """Return a digest of the files of a model in a folder or a bundled one; None of a name.

    Of files over 128 MiB the size, the first and the last MiB enter.
    """
    folder = Path(place_of(name))
    if not folder.is_dir():
        return None
    suffixes = {".json", ".safetensors", ".bin", ".model", ".txt", ".jinja"}
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.iterdir() if p.suffix in suffixes):
        digest.update(f"{path.name} {path.stat().st_size}\n".encode())
        with open(path, "rb") as file:
            if path.stat().st_size <= _WHOLE:
                digest.update(file.read())
            else:
                digest.update(file.read(_PART))
                file.seek(-_PART, os.SEEK_END)
                digest.update(file.read())
    return digest.hexdigest()[:16]


def commit() -> str:
    """Return the commit of the checkout, with "+" after it if files were changed since."""
    head = _git("rev-parse", "--short=12", "HEAD")
    if head is None:
        return "unknown"
    return head if _git("diff", "--quiet", "HEAD") is not None else f"{head}+"


def study_facts(model: str, backend: str, settings: str) -> str:
    """Return the line that stands under a study's table.

    Args:
        model: As given on the command line.
        backend: Of it.
        settings: Of the study, in words.
    """
    here = machine()
    return (
        f"\nModel {shown_model(model)} (digest {model_digest(model)}), {backend}, {settings}; 95% "
        f"intervals over problems. Commit {commit()}, {here['cpu']}, {here['cores']} cores, load "
        f"{here['load']}, {now()}.\n"
    )


def machine() -> dict[str, Any]:
    """Return processor, cores that this process may use, torch's threads, load, and GPU if used."""
    facts: dict[str, Any] = {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
    }
    torch = sys.modules.get("torch")
    if torch is not None:
        facts["threads"] = torch.get_num_threads()
        if torch.cuda.is_available() and torch.cuda.memory_allocated() > 0:
            facts["gpu"] = torch.cuda.get_device_name()
    return facts


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that results depend on."""
    known = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            known[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return known


def now() -> str:
    """Return date and time, UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _git(*arguments: str) -> str | None:
    """Return what git says about the checkout; None if it fails, or there is no git."""
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def full_command(arguments: argparse.Namespace, **shown: Any) -> str:
    """Return a command with all that it used, defaults too.

    Args:
        arguments: Of `benchmarks run`.
        shown: What stands in the place of some of them, so that no folder of this machine does.
    """
    words = ["python", "-m", "benchmarks", "run", arguments.domain]
    for name, value in vars(arguments).items():
        value = shown.get(name, value)
        if name not in ("domain", "command", "action") and value is not None:
            words += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
    return shlex.join(words)
