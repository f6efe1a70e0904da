"""The version of the distribution that this package came with."""

from __future__ import annotations

from importlib import metadata

try:
    __version__ = metadata.version("smc-lm")
except metadata.PackageNotFoundError:  # a checkout on the path, and nothing installed
    __version__ = "0+unknown"
