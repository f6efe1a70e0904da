"""Terminal output: tables for eyes, plain text for files and pipes."""

from __future__ import annotations

import os
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text


def show_table(
    console: Console,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numeric: Sequence[int],
) -> None:
    """Print a table.

    Args:
        console: Where to.
        header: Names of the columns.
        rows: Cells, as plain text without control characters.
        numeric: Which columns are right-aligned.
    """
    if not console.is_terminal:
        widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
        for row in (header, *rows):
            cells = [
                cell.rjust(width) if k in numeric else cell.ljust(width)
                for k, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            print("  ".join(cells).rstrip(), file=console.file)
        return
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for k, name in enumerate(header):
        right = k in numeric
        table.add_column(name, justify="right" if right else "left", no_wrap=right, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)


def quiet_libraries() -> None:
    """Keep the model libraries' progress bars and advice out of the output."""
    # vLLM asks when it is first imported.
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("VLLM_LOGGING_STREAM", "ext://sys.stderr")
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
