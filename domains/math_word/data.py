"""Word problems: MATH-500, AIME and GSM8K as their files have them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

DataSet = Literal["math500", "aime", "gsm8k"]
DATA_SETS: tuple[DataSet, ...] = get_args(DataSet)
FILES = {
    "math500": ("math", "math500.jsonl"),
    "gsm8k": ("gsm8k", "test.jsonl"),
    "aime": ("math", "aime2024.jsonl"),
}
"""Folder under the root of the data sets, and file."""

_FINAL = "####"


@dataclass(frozen=True)
class WordProblem:
    """A problem with its reference.

    Attributes:
        id: Unique in its data set.
        question: The text.
        answer: The gold answer, LaTeX or a number.
        solution: The reference solution; empty where the file has none.
        level: 1 to 5 where the data set says so.
        subject: Where the data set says so.
    """

    id: str
    question: str
    answer: str
    solution: str = ""
    level: int | None = None
    subject: str = ""


def load(dataset: DataSet, data: Path | None) -> list[WordProblem]:
    """Return the problems of a data set, in the order of its file.

    `math500` (Lightman et al. 2023) and `aime` are JSON lines with `problem` and `answer`, and
    perhaps `solution`, `level`, `subject`, and `unique_id` or `id`; `gsm8k` (Cobbe et al. 2021) has
    `question` and `answer`, the answer's last line being `#### 18`.

    Args:
        dataset: Which.
        data: The file, or the root of the data sets, or the data set's folder.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: There is no such data set, or the file is not of its format.
    """
    if dataset not in DATA_SETS:
        raise ValueError(
            f"math_word: data set {dataset!r}; expected one of {', '.join(DATA_SETS)}."
        )
    file = _find(dataset, data)
    problems = [
        _problem(dataset, index, record, file) for index, record in enumerate(_records(file))
    ]
    if not problems:
        raise ValueError(f"math_word: {file} holds no problems; expected one JSON object a line.")
    return problems


def _find(dataset: DataSet, data: Path | None) -> Path:
    folder, name = FILES[dataset]
    places = [] if data is None else [data, data / folder / name, data / name]
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        where = "was named" if data is None else f"at {data}"
        raise FileNotFoundError(
            f"math_word: no file of {dataset} {where}; expected {folder}/{name} under the root "
            "of the data sets, or the path of a file. Give --data, or set SMC_DATA."
        )
    return file


def _records(file: Path) -> Iterator[dict[str, Any]]:
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"math_word: {file} is not text ({error}).") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"math_word: {file}, line {number} is not JSON ({error}).") from error
        if not isinstance(record, dict):
            raise ValueError(f"math_word: {file}, line {number}: expected a JSON object.")
        yield record


def _problem(dataset: DataSet, index: int, record: dict[str, Any], file: Path) -> WordProblem:
    if dataset == "gsm8k":
        question, answer = _texts(record, ("question", "answer"), file, index)
        solution, mark, final = answer.rpartition(_FINAL)
        if not mark:
            raise ValueError(
                f"math_word: {file}, record {index}: the answer does not end in '#### number'; "
                "expected the format of GSM8K."
            )
        return WordProblem(f"gsm8k-{index:04d}", question, final.strip().replace(",", ""), solution)
    question, answer = _texts(record, ("problem", "answer"), file, index)
    level = str(record.get("level"))
    return WordProblem(
        id=f"{dataset}-{index:04d}",
        question=question,
        answer=answer.strip(),
        solution=str(record.get("solution") or ""),
        level=int(level) if level.isdecimal() else None,
        subject=str(record.get("subject") or record.get("type") or ""),
    )


def _texts(record: dict[str, Any], names: tuple[str, ...], file: Path, index: int) -> list[str]:
    """Return fields as text; numbers (the answers of AIME) are written out."""
    texts = []
    for name in names:
        value = record.get(name)
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise ValueError(
                f"math_word: {file}, record {index} has no text under {name!r}; found "
                f"{', '.join(record)}. Is it a file of this data set?"
            )
        texts.append(str(value))
    return texts
