"""The worker process: the domain and the model, made once, and units of work.

A unit comes as ids; the worker reads the items from the data of its own machine, so that nothing
of a data set, gold answers least of all, goes over the network. That the machines agree is checked
by digests.
"""

from __future__ import annotations

import hashlib
import pickle
import platform
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import benchmarks
import domains
import potentials
import smc
from benchmarks import provenance
from benchmarks.methods import RunSettings
from benchmarks.records import Record, prompt_digest
from benchmarks.rewards import RewardOptions
from benchmarks.selection import Selection
from benchmarks.tasks import default_model, find_data, load_items, load_model, load_task
from benchmarks.work import Unit, run_unit
from domains.base import Item
from smc.backends.load_options import LoadOptions
from smc.errors import SettingsError


@dataclass(frozen=True)
class Setup:
    """What a worker needs to be ready for units, all of it small and plain.

    Attributes:
        domain: As on the command line.
        selection: Of the items.
        data: Folder of the data on the driver's machine; None: the domain's examples.
        model: As on the command line, a folder in full; None: the domain's own.
        options: Of its loading.
        settings: Of the run.
        items_digest: Of ids and prompts, in order.
        model_digest: Of the model's files; None of a name.
        code: Digest of this project's source; None where all workers run on the driver's machine.
        reward: That the task judges steps by.
    """

    domain: str
    selection: Selection
    data: str | None
    model: str | None
    options: LoadOptions
    settings: RunSettings
    items_digest: str
    model_digest: str | None
    code: str | None
    reward: RewardOptions | None = None


@dataclass(frozen=True)
class Ready:
    """A worker's answer once it has loaded everything."""

    host: str
    provenance: dict[str, Any]


@dataclass(frozen=True)
class Failure:
    """An exception of the program itself, on its way to the driver."""

    error: Exception


class Worker:
    """One domain, one model, one engine. Exceptions are returned, not raised: see `Failure`."""

    def prepare(self, setup: Setup) -> Ready | Failure:
        """Load domain, items and model, and check that they are the driver's."""
        try:
            if setup.code is not None:
                _check("its source code", "the same version", code_digest(), setup.code)
            self._settings = setup.settings
            self._task = load_task(setup.domain)
            items = load_items(self._task, setup.selection, _data_here(setup.data))
            _check("the data", "the same files", items_digest(items), setup.items_digest)
            self._items = {item.id: item for item in items}
            name = _model_here(setup.model or default_model(self._task))
            if setup.model_digest is not None:
                digest = provenance.model_digest(name)
                _check("the model", "the same files", digest, setup.model_digest)
            self._model = load_model(name, setup.options)
            if setup.reward is not None:
                self._task = setup.reward.given_to(self._task)
        except Exception as error:
            return Failure(_portable(error))
        facts = {"machine": provenance.machine(), "versions": provenance.versions()}
        return Ready(platform.node(), facts)

    def run(self, method: str, seed: int, ids: Sequence[str]) -> list[Record] | Failure:
        """Run a unit of work; return one record for each item."""
        try:
            unit = Unit(method, seed, [self._items[i] for i in ids])
            return run_unit(self._task, unit, self._model, self._settings)
        except Exception as error:
            return Failure(_portable(error))


def items_digest(items: Sequence[Item]) -> str:
    """Return a short digest of ids and prompts, in order."""
    lines = (f"{item.id!r} {prompt_digest(item)}\n" for item in items)
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def code_digest() -> str:
    """Return a short digest of all source files of this project."""
    digest = hashlib.sha256()
    for package in (smc, potentials, domains, benchmarks):
        folder = Path(package.__path__[0])
        for path in sorted(folder.rglob("*.py")):
            digest.update(f"{package.__name__} {path.relative_to(folder).as_posix()}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _check(what: str, expected: str, here: str | None, there: str) -> None:
    if here != there:
        raise SettingsError(
            f"--ray: {what} on the machine {platform.node()!r} differs from the driver's (digest "
            f"{here}, the driver's is {there}); expected {expected} on all machines. Bring them "
            "into line there."
        )


def _data_here(driver: str | None) -> Path | None:
    """Return the folder of the data on this machine: the driver's path, or its own `SMC_DATA`."""
    if driver is None:
        return None
    folder = Path(driver) if Path(driver).exists() else find_data(None)
    if folder is None:
        raise SettingsError(
            f"--data: {driver} does not exist on the machine {platform.node()!r}, which a Ray "
            "worker runs on; expected the data sets there at the same path, or where its "
            "environment variable SMC_DATA says. Copy or mount them there."
        )
    return folder


def _model_here(name: str) -> str:
    """Return the name of the model, checked to be there if it is a folder."""
    if Path(name).is_absolute() and not Path(name).exists():
        raise SettingsError(
            f"--model: {name} does not exist on the machine {platform.node()!r}, which a Ray "
            "worker runs on; expected the model there at the same path. Copy or mount it there, "
            "or give a name on the Hub."
        )
    return name


def _portable(error: Exception) -> Exception:
    """Return an exception that survives the way to the driver, its traceback as a note."""
    where = f"on the machine {platform.node()!r}:\n{''.join(traceback.format_exception(error))}"
    try:
        copy = pickle.loads(pickle.dumps(error))
        same = type(copy) is type(error) and str(copy) == str(error)
    except Exception:
        same = False
    if not same:
        return RuntimeError(f"{type(error).__name__}: {error}, {where}")
    error.add_note(where)
    return error.with_traceback(None)
