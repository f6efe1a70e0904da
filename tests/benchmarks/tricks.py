"""A small domain whose workers can be led astray, for the tests of runs that are spread.

Files in its data folder say what happens when an answer to an item is scored: `kill-ITEM`, the
process kills itself; `once-ITEM`, the first that gets there does; `hold-ITEM`, it writes its
process id to `pid-ITEM` and waits until that file is gone; `raise-ITEM`, it raises; `meet-ITEM`, it
waits until another process is at an item too.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from domains.base import Item
from smc.backends.table import TableModel
from tests.benchmarks.toy import ToyTask

PATIENCE = 120.0


@dataclass(frozen=True)
class TrickItem(Item):
    """An item that knows the folder of tricks."""

    folder: Path | None


@dataclass(frozen=True)
class TrickTask(ToyTask):
    """The toy domain, under orders."""

    name = "tricks"

    def items(self, limit: int | None = None, data: Path | None = None) -> list[Item]:
        return [TrickItem(i.id, i.prompt, data) for i in super().items(limit)]

    def score(self, item: Item, text: str) -> dict[str, float]:
        if isinstance(item, TrickItem) and item.folder is not None:
            _play(item.folder, item.id)
        return super().score(item, text)


TASK = TrickTask()


def dying_model() -> TableModel:
    """No model: the process ends."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def wait_until(true: Callable[[], bool]) -> None:
    """Wait for something that must come, and not for ever."""
    end = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > end:
            raise TimeoutError("waited in vain")
        time.sleep(0.01)


def _play(folder: Path, item: str) -> None:
    if (folder / f"raise-{item}").exists():
        raise LookupError(f"the scorer has a fault at {item}")
    if (folder / f"kill-{item}").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    if (folder / f"once-{item}").exists():
        (folder / f"once-{item}").unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    if (folder / f"meet-{item}").exists():
        (folder / f"met-{os.getpid()}").touch()
        wait_until(lambda: len(list(folder.glob("met-*"))) > 1)
    if (folder / f"hold-{item}").exists():
        (folder / f"pid-{item}").write_text(f"{os.getpid()}\n")
        wait_until(lambda: not (folder / f"hold-{item}").exists())
