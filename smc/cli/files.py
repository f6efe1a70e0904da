"""Files that options name: read, or checked to be writable before the work."""

from __future__ import annotations

from pathlib import Path

from smc.errors import SettingsError


def read(path: str, option: str) -> str:
    """Return the text of a file that an option names.

    Raises:
        SettingsError: It is not there, or is not UTF-8 text.
    """
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsError(f"{option} {path}: cannot be read: {why}.") from error


def check_writable(path: Path, option: str) -> None:
    """Make a file's folder, and raise now, not after all the work, if the file cannot be written.

    Args:
        path: Of the file; left as it is if it is there.
        option: What it was given as.

    Raises:
        SettingsError: It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        there = path.exists()
        path.open("ab").close()
        if not there:
            path.unlink()
    except OSError as error:
        raise SettingsError(f"{option} {path}: cannot be written: {error.strerror}.") from error
