"""The command `report`: a run's results as JSON, Markdown, a picture and a condensed file."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import condensed
from benchmarks.disk import explained_disk
from benchmarks.markdown import SETTINGS, START, render
from benchmarks.store import RUN, Store
from benchmarks.summary import summarise
from smc.errors import SettingsError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `report`."""
    parser.add_argument(
        "folder", type=Path, help="what `run` had as --out, or a file that --records wrote"
    )
    parser.add_argument("--json", action="store_true", help="print rows as JSON, nothing else")
    parser.add_argument("--markdown", type=Path, help="default: report.md in the folder")
    parser.add_argument("--plot", type=Path, help="default: report.png in the folder")
    parser.add_argument(
        "--records", type=Path, help="write what the tables are computed from, without texts"
    )


def main(arguments: argparse.Namespace) -> None:
    """Do what the command line asks.

    With `--json`, or from a file, files are written only where they are named.

    Raises:
        SettingsError: There are no results, or a file cannot be written.
    """
    folder: Path = arguments.folder
    run, records = read(folder)
    rows = summarise(records, run["settings"]["primary"])
    if arguments.json:
        print(json.dumps([r.to_json() for r in rows], indent=2, allow_nan=False))
    named_only = arguments.json or folder.is_file()
    picture = arguments.plot or (None if named_only else folder / "report.png")
    page = arguments.markdown or (None if named_only else folder / "report.md")
    if arguments.records is not None:
        condensed.write(_parent(arguments.records, "--records"), run, records)
    if picture is not None:
        _draw(rows, picture, run["settings"])
    link = None if picture is None else _relative(picture, page or picture)
    text = render(run, rows, picture=link)
    if page is not None:
        with explained_disk(page, "--markdown"):
            _parent(page, "--markdown").write_text(text, encoding="utf-8")
    if not arguments.json:
        print(text, end="")


def read(folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return run.json and all records of a folder of results, or of a condensed file.

    Raises:
        SettingsError: There are none, or they cannot be read.
    """
    if folder.is_file():
        return condensed.read(folder)
    store = Store(folder)
    if store.read_run() is None:
        raise SettingsError(
            f"report: no {RUN} in {folder}; expected the --out folder of `python -m benchmarks "
            "run`."
        )
    run = store.stated(SETTINGS, START)
    records = store.records()
    if not records:
        raise SettingsError(
            f"report: {folder} holds no results yet; run the command again and let it go on."
        )
    return run, records


def _draw(rows: Any, path: Path, settings: Mapping[str, Any]) -> None:
    try:
        from benchmarks.plots import plot

        title = f"{settings['domain']}, {settings['model']}, N = {settings['num_particles']}"
        with explained_disk(path, "--plot"):
            plot(rows, _parent(path, "--plot"), title=title, score=settings["primary"])
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"--plot: {error.name} is not installed; install the extra `bench`, or use --json."
        ) from error
    except ValueError as error:
        raise SettingsError(f"--plot: {error}") from error


def _parent(path: Path, name: str) -> Path:
    """Return the path, its folder made."""
    if path.is_dir():
        raise SettingsError(f"{name}: {path} is a folder; expected the name of a file.")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _relative(picture: Path, page: Path) -> str:
    return Path(os.path.relpath(picture.resolve(), page.resolve().parent)).as_posix()
