"""The numbers of system calls, against the headers of the kernel."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from potentials.sandbox.inside import system_calls

_X86_64 = [
    Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    Path("/usr/include/asm/unistd_64.h"),
]
_GENERIC = [Path("/usr/include/asm-generic/unistd.h")]
"""Whose numbers aarch64 has."""
_NAMED = re.compile(r"#define\s+__NR(?:3264)?_(\w+)\s+(\d+)\s*$", re.MULTILINE)

COLUMNS = {"x86_64": (0, _X86_64), "aarch64": (1, _GENERIC)}


def _header(machine: str) -> dict[str, int]:
    path = next((p for p in COLUMNS[machine][1] if p.exists()), None)
    if path is None:
        pytest.skip(f"no kernel headers for {machine}")
    return {name: int(number) for name, number in _NAMED.findall(path.read_text())}


def _numbers() -> dict[str, tuple[int, int]]:
    numbers: dict[str, tuple[int, int]] = {}
    for table in vars(system_calls).values():
        if isinstance(table, dict):
            numbers |= {n: v for n, v in table.items() if isinstance(v, tuple)}
    return numbers


@pytest.mark.parametrize("machine", COLUMNS)
def test_numbers_are_those_of_the_kernel(machine: str) -> None:
    column, known = COLUMNS[machine][0], _header(machine)
    checked = {name: n[column] for name, n in _numbers().items() if name in known}
    assert len(checked) > 80
    assert checked == {name: known[name] for name in checked}


@pytest.mark.parametrize("machine", COLUMNS)
def test_what_a_header_lacks_is_newer_or_not_of_the_machine(machine: str) -> None:
    column, known = COLUMNS[machine][0], _header(machine)
    newest = max(known.values())
    for name, numbers in _numbers().items():
        if name not in known:
            assert numbers[column] == -1 or numbers[column] > newest, name


def test_no_number_is_given_twice() -> None:
    for column in (0, 1):
        numbers = [n[column] for n in {**_numbers()}.values() if n[column] >= 0]
        assert len(numbers) == len(set(numbers))
