"""Units of work: what is run, and stored, at once. Here they are run in this process."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import smc
from benchmarks import provenance
from benchmarks.methods import AT_MAX_TOKENS, RunSettings, generator
from benchmarks.records import Record, Recorder, prompt_digest
from benchmarks.store import Store
from domains.base import Item, Task
from smc.errors import SettingsError
from smc.model import LanguageModel
from smc.potential import Boundary
from smc.proposals import Proposal

UnitKey = tuple[str, int, tuple[str, ...]]


@dataclass(frozen=True)
class Unit:
    """One method and one seed on a batch of items.

    Attributes:
        method: Its name.
        seed: Its number.
        items: The batch, which is one batch of the model.
    """

    method: str
    seed: int
    items: Sequence[Item]

    @property
    def key(self) -> UnitKey:
        """Method, seed and ids of the items: what results are filed by."""
        return self.method, self.seed, tuple(item.id for item in self.items)


class Workplace(Protocol):
    """Where units are run: in this process, or by workers elsewhere."""

    def results(self, units: Sequence[Unit]) -> Iterator[tuple[Unit, list[Record]]]:
        """Yield every unit once, with a record for each of its items, in any order."""
        ...

    def provenance(self) -> dict[str, Any]:
        """Return what describes the machine, as it stands in run.json."""
        ...


@dataclass(frozen=True)
class Here:
    """Runs units one after the other, in this process."""

    task: Task[Any]
    model: LanguageModel
    settings: RunSettings

    def results(self, units: Sequence[Unit]) -> Iterator[tuple[Unit, list[Record]]]:
        """Yield units in their order, each with its records."""
        return ((u, run_unit(self.task, u, self.model, self.settings)) for u in units)

    def provenance(self) -> dict[str, Any]:
        """Return machine and versions of this process."""
        return {"machine": provenance.machine(), "versions": provenance.versions()}


def ways(task: Task[Any]) -> tuple[Boundary[Any] | None, Proposal | None]:
    """Return a task's `resample_at` and `proposal`; None where it was written before these were."""
    return getattr(task, "resample_at", None), getattr(task, "proposal", None)


def run_unit(
    task: Task[Any], unit: Unit, model: LanguageModel, settings: RunSettings
) -> list[Record]:
    """Run one method on some items at once; return one record each."""
    items = unit.items
    potentials = [[*task.cheap(item), *task.expensive(item)] for item in items]
    resample_at, proposal = ways(task)
    began, cpu_began = time.perf_counter(), time.process_time()
    posteriors = smc.sample_batch(
        model,
        [item.prompt for item in items],
        potentials,
        num_particles=settings.num_particles,
        max_tokens=settings.max_tokens,
        at_max_tokens=AT_MAX_TOKENS,
        ess_threshold=settings.ess_threshold,
        resampling=settings.resampling,
        resample_at=resample_at,
        proposal=proposal if unit.method == "smc" else None,
        method=unit.method,
        retries=settings.retries,
        stop=settings.stop,
        seeds=[generator(unit.seed, item) for item in items],
    )
    seconds = (time.perf_counter() - began) / len(items)
    cpu_seconds = (time.process_time() - cpu_began) / len(items)
    recorder = Recorder(task, unit.method, unit.seed)
    return [
        recorder.record(i, p, seconds, cpu_seconds) for i, p in zip(items, posteriors, strict=True)
    ]


def pending_units(
    store: Store, items: Sequence[Item], *, methods: Sequence[str], seeds: int, batch: int
) -> list[Unit]:
    """Return what is not in the store yet: for each seed, each method, batches of items.

    Raises:
        SettingsError: The store has a result of an item with another prompt.
    """
    return [
        Unit(method, seed, pending[at : at + batch])
        for seed in range(seeds)
        for method in methods
        for pending in [_pending(store, method, seed, items)]
        for at in range(0, len(pending), batch)
    ]


def _pending(store: Store, method: str, seed: int, items: Sequence[Item]) -> list[Item]:
    """Return the items that have no result yet."""
    done = {r["item"]: r["prompt_digest"] for r in store.repair(method, seed)}
    for item in items:
        if item.id in done and done[item.id] != prompt_digest(item):
            raise SettingsError(
                f"--out: {store.path(method, seed)} has a result of the item {item.id!r} with "
                "another prompt, so the data differ. They cannot be mixed; give the data of "
                "before, or another folder."
            )
    return [item for item in items if item.id not in done]
