"""The messages to and from a container: a job encoded, a result decoded."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
from typing import Any

from potentials.sandbox.inside.folder import MOST_ENTRIES
from potentials.sandbox.inside.statuses import Status
from potentials.sandbox.jobs import Job, Limits, Outcome, RunResult

_OF_ITSELF = {Outcome.ERROR, Outcome.EXITED, Outcome.MEMORY, Outcome.OUTPUT}
"""What a program may say of its own end."""
_MEMORY = "its processes together took more than memory_bytes, {0.memory_bytes} bytes"
_OUTPUT = "it wrote more than output_bytes, {0.output_bytes} bytes"
_FILES = f"it made more than {MOST_ENTRIES} files and folders"
_TIMEOUT = {
    "wall": "it ran longer than wall_seconds, {0.wall_seconds:g} s",
    "cpu": "it computed longer than cpu_seconds, {0.cpu_seconds:g} s",
}


def keys(job: Job, limits: Limits) -> list[str]:
    """Return one key for each beginning of the job's pieces; [] if nothing is to be reused."""
    if not job.reuse:
        return []
    digest = hashlib.blake2b(repr((limits, job.files)).encode(), digest_size=16)
    digests = []
    for piece in job.pieces:
        text = piece.encode("utf-8", "surrogatepass")
        digest.update(len(text).to_bytes(8, "big") + text)
        digests.append(digest.hexdigest())
    return digests


def message(job: Job, limits: Limits, known: list[str]) -> dict[str, Any]:
    """Return what is sent to a container."""
    return {
        "pieces": list(job.pieces),
        "files": [(name, base64.b64encode(content).decode()) for name, content in job.files],
        "result": job.result,
        "limits": dataclasses.asdict(limits),
        "reuse": job.reuse,
        "setup": job.setup,
        "keys": known,
    }


def result(answer: dict[str, Any], limits: Limits) -> RunResult:
    """Return the result. What the program's process said is hostile: its shape is checked."""
    outcome, fields = _read(Status(answer["status"]), answer["said"], limits)
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


def _read(status: Status, said: str, limits: Limits) -> tuple[Outcome, dict[str, Any]]:
    if status is Status.TIMEOUT:
        return Outcome.TIMEOUT, {"message": _TIMEOUT[said].format(limits)}
    if status is Status.MEMORY:
        return Outcome.MEMORY, {"message": _MEMORY.format(limits)}
    if status is Status.OUTPUT:
        return Outcome.OUTPUT, {"message": (_FILES if said == "files" else _OUTPUT).format(limits)}
    if status is Status.KILLED:
        return Outcome.KILLED, {"message": said}
    try:
        words = json.loads(said.partition("\n")[2])
        if status is Status.DONE:
            return Outcome.OK, {"value": words["value"]}
        line = words["line"]
        if status is not Status.FAILED or not (line is None or isinstance(line, int)):
            raise ValueError(status)
        fields = {"error": str(words["error"]), "message": str(words["message"]), "line": line}
        outcome = Outcome(words["outcome"])
        if outcome not in _OF_ITSELF:
            raise ValueError(outcome)
        return outcome, fields
    except (ValueError, TypeError, KeyError, RecursionError):
        return Outcome.KILLED, {"message": "what it said cannot be read"}
