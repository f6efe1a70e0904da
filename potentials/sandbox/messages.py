"""A job as a cell expects it, and a result from what the cell says."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
from typing import Any

from potentials.sandbox.jobs import Job, Limits, Outcome, RunResult

_MEMORY = "its processes together took more than memory_bytes, {0.memory_bytes} bytes"
_OUTPUT = "it wrote more than output_bytes, {0.output_bytes} bytes"
_TIMEOUT = {
    "wall": "it ran longer than wall_seconds, {0.wall_seconds:g} s",
    "cpu": "it computed longer than cpu_seconds, {0.cpu_seconds:g} s",
}


def keys(job: Job, limits: Limits) -> list[str]:
    """Return one key for each beginning of the job's pieces; [] if nothing is to be reused."""
    if not job.reuse:
        return []
    digest = hashlib.blake2b(repr((limits, job.files)).encode(), digest_size=16)
    found = []
    for piece in job.pieces:
        text = piece.encode("utf-8", "surrogatepass")
        digest.update(len(text).to_bytes(8, "big") + text)
        found.append(digest.hexdigest())
    return found


def message(job: Job, limits: Limits, known: list[str]) -> dict[str, Any]:
    """Return what is sent to a cell."""
    return {
        "pieces": list(job.pieces),
        "files": [(name, base64.b64encode(content).decode()) for name, content in job.files],
        "result": job.result,
        "limits": dataclasses.asdict(limits),
        "reuse": job.reuse,
        "keys": known,
    }


def result(answer: dict[str, Any], limits: Limits) -> RunResult:
    """Return the result. What the program's process said is hostile: its shape is checked."""
    outcome, fields = _read(answer["status"], answer["said"], limits)
    piece = answer["piece"]
    return RunResult(
        outcome=outcome,
        piece=piece,
        stdout=answer["stdout"],
        stderr=answer["stderr"],
        seconds=answer["seconds"],
        reused=answer["reused"],
        **fields,
    )


def _read(status: str, said: str, limits: Limits) -> tuple[Outcome, dict[str, Any]]:
    if status == "timeout":
        return Outcome.TIMEOUT, {"message": _TIMEOUT[said].format(limits)}
    if status == "memory":
        return Outcome.MEMORY, {"message": _MEMORY.format(limits)}
    if status == "output":
        return Outcome.OUTPUT, {"message": _OUTPUT.format(limits)}
    if status == "killed":
        return Outcome.KILLED, {"message": said}
    try:
        found = json.loads(said.partition("\n")[2])
        if status == "D":
            return Outcome.OK, {"value": found["value"]}
        line = found["line"]
        if status != "F" or not (line is None or isinstance(line, int)):
            raise ValueError(status)
        fields = {"error": str(found["error"]), "message": str(found["message"]), "line": line}
        outcome = Outcome(found["outcome"])
        if outcome is Outcome.OK:
            raise ValueError(outcome)
        return outcome, fields
    except (ValueError, TypeError, KeyError, RecursionError):
        return Outcome.KILLED, {"message": "what it said cannot be read"}
