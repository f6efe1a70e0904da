"""Settings and fixtures shared by all tests, those in docstrings included."""

import os

# Before anything imports torch: one thread a worker, nothing from the network, no windows.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("MPLBACKEND", "Agg")

import gc
from collections.abc import Iterator
from doctest import UnexpectedException
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent

# Examples are the same in every run, and no test fails because the machine was busy.
settings.register_profile("smc", deadline=None, derandomize=True)
settings.load_profile("smc")


_COLLECT_AFTER = (100_000, 20, 50)
"""New objects until the youngest are collected, and how many times that until older ones are.

Thousands of runs that live at the same time, as the tests of exactness have them, took twice their
time for the collector's walks over them.
"""
gc.set_threshold(*_COLLECT_AFTER)


def pytest_collection_finish() -> None:
    """Collect no garbage among what was imported."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Let no module keep what another has left."""
    if nextitem is None or nextitem.path != item.path:
        gc.collect()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests marked ``gpu`` where there is no CUDA device."""
    on_gpu = [item for item in items if item.get_closest_marker("gpu")]
    if not on_gpu:
        return
    import torch

    if not torch.cuda.is_available():
        for item in on_gpu:
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))


@cache
def _why_no_sandbox() -> str:
    """Why no program can be run safely on this machine; empty where one can."""
    from potentials.sandbox import Job, Sandbox, SandboxError

    try:
        with Sandbox(workers=1) as sandbox:
            sandbox.run(Job(("pass",)))
    except SandboxError as error:
        return str(error)
    return ""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Skip what runs programs where the machine has no walls to run them in."""
    try:
        return (yield)
    except Exception as error:
        _skip_without_sandbox(error)
        raise


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """As `pytest_runtest_setup`."""
    try:
        return (yield)
    except Exception as error:
        _skip_without_sandbox(error)
        raise


def _skip_without_sandbox(error: Exception) -> None:
    from potentials.sandbox import SandboxError

    if any(isinstance(c, SandboxError) for c in _causes(error)) and _why_no_sandbox():
        pytest.skip(f"no sandbox here: {_why_no_sandbox()}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what caused it, through what doctest wraps around it."""
    yield error
    for failure in getattr(error, "failures", (error,)):
        if isinstance(failure, UnexpectedException):
            yield from _causes(failure.exc_info[1])
    if error.__cause__ is not None:
        yield from _causes(error.__cause__)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Root of the data sets: ``SMC_DATA``, by default ``../shared/data`` beside the checkout."""
    path = Path(os.environ.get("SMC_DATA", ROOT.parent / "shared" / "data"))
    if not path.is_dir():
        pytest.skip(f"no data sets at {path}; set SMC_DATA to their folder")
    return path
