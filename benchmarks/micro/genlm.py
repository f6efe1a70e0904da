"""Runs `peers/genlm_script.py` in its own environment, a run at a time."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.micro.models import PROMPT, ROOT
from benchmarks.micro.timing import Options

SCRIPT = Path(__file__).parent / "peers" / "genlm_script.py"
PYTHON = ROOT / ".venv-genlm" / "bin" / "python"


@dataclass(frozen=True)
class Variant:
    """One way to use genlm-control.

    Attributes:
        sampler: `awrs`, which its documentation recommends, or `direct`.
        batch_size: How many rows its model takes at once; 20 is its default.
        cache_prompt: Whether the prompt's keys and values are computed once, by an explicit call.
    """

    sampler: str
    batch_size: int
    cache_prompt: bool

    def __str__(self) -> str:
        cached = ", prompt cached" if self.cache_prompt else ""
        return f"{self.sampler}, batches of {self.batch_size}{cached}"


def variants(particles: int) -> list[Variant]:
    """The variants worth trying: the default, whole batches, a cached prompt, and exact masks."""
    return [
        Variant("awrs", 20, False),
        Variant("awrs", particles, False),
        Variant("awrs", particles, True),
        Variant("direct", particles, False),
    ]


class Peer:
    """A running script; a context manager that ends it.

    Args:
        model: Folder of the model and its tokenizer.
        regex: The constraint.
        variant: How genlm-control is used.
        options: N, and the clock.

    Raises:
        FileNotFoundError: The environment has not been made.
        RuntimeError: The script failed; the message ends with what it printed.
    """

    def __init__(self, model: Path, regex: str, variant: Variant, options: Options) -> None:
        import torch

        if not PYTHON.exists():
            raise FileNotFoundError(
                f"{PYTHON.relative_to(ROOT)} does not exist; `make genlm-env` installs "
                "genlm-control there, apart from this project's own packages."
            )
        self._clock = options.clock
        self._log = (model.parent / "genlm.log").open("w+")
        command: Sequence[Any] = (
            *(PYTHON, SCRIPT, "--model", model, "--regex", regex),
            *("--prompt", ",".join(map(str, PROMPT)), "--sampler", variant.sampler),
            *("--particles", options.particles, "--batch_size", variant.batch_size),
            *("--threads", torch.get_num_threads()),
            *(["--cache_prompt"] if variant.cache_prompt else []),
        )
        self._process = subprocess.Popen(
            [str(c) for c in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self.versions: dict[str, str] = self._answer()

    def run(self, seed: int, tokens: int) -> dict[str, float]:
        """Run once for at most so many tokens, EOS included.

        Returns:
            `tokens` drawn, `seconds`, `rate` and `log_evidence`.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(f"{seed} {tokens}\n")
        self._process.stdin.flush()
        found = self._answer()
        seconds = found[self._clock]
        return {**found, "seconds": seconds, "rate": found["tokens"] / seconds}

    def __enter__(self) -> Peer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def _close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()  # which ends the script
        self._process.wait(timeout=60)
        self._process.stdout.close()
        self._log.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._log.seek(0)
            said = self._log.read()[-2000:]
            self._close()
            raise RuntimeError(f"genlm-control ended early:\n{said}")
        return json.loads(line)
