"""Demonstration `smc demo json`: receipts whose running totals must agree with their prices."""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

from potentials.boundaries import after
from potentials.grammar.json_schema import JSONSchema
from smc.pages.picture import Cell, text_picture
from smc.potential import AnyPotential, Potential

MODEL = Path(__file__).parent / "model"

GOODS = ("bread", "milk", "plums", "nuts", "tea", "rice", "salt", "eggs", "figs", "oats", "corn")
LINES = 4
DEAREST = 3
"""Prices are whole numbers from 1 to this."""

_SEED = 1
_LINE = re.compile(r'"(\w+)": \{"price": (\d+), "sum": (\d+)\}')


@dataclass(frozen=True)
class ReceiptItem:
    """A receipt to be written.

    Attributes:
        prompt: A line of Python after which JSON stands.
        goods: Names of its lines.
    """

    prompt: str
    goods: tuple[str, ...]


class RunningTotals(Potential):
    """Keeps a receipt only while each finished line has the right running total."""

    boundary = after("}")

    def prefix(self, text: str) -> float:
        """Return −inf if a finished line's total is not the sum of the prices so far."""
        return 0.0 if all(right for *_, right in judged(text)) else -math.inf

    def complete(self, text: str) -> float:
        """Return −inf unless the text is JSON and all of its totals are right."""
        return self.prefix(text) if is_json(text) else -math.inf


def judged(text: str) -> list[tuple[str, int, int, bool]]:
    """Return the finished lines: name, price, total, and whether that is the sum of the prices."""
    lines = [(name, int(price), int(total)) for name, price, total in _LINE.findall(text)]
    sums = accumulate(price for _, price, _ in lines)
    return [(*line, line[2] == right) for line, right in zip(lines, sums, strict=True)]


def is_json(text: str) -> bool:
    """Say whether a text is JSON."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class ReceiptDemo:
    """Receipts by the model of Python, which has never been taught to add; no data set."""

    title = "JSON whose fields agree, from a small language model"
    summary = (
        "A receipt of four lines, each with a price and the running total. A JSON schema masks "
        "the model's tokens; it says what each field may be, and cannot say that the totals are "
        "right. That is checked when a line is finished. The model cannot add."
    )
    note = "Agree: every total is the sum of the prices so far."
    model = MODEL
    scores = ("agree", "valid")
    prompts = 20
    particles = 20
    ess_threshold = 0.95
    """Checks kill and do not rank, so whoever died is replaced at once."""
    resample_at = after("}")
    """Where all have been asked the same: who has a digit more to write is no better for it."""
    stop: tuple[str, ...] = ()
    max_tokens = 160

    def items(self, count: int) -> list[ReceiptItem]:
        """Return so many receipts."""
        rng = random.Random(_SEED)
        chosen = [tuple(rng.sample(GOODS, LINES)) for _ in range(count)]
        return [ReceiptItem(f"# {', '.join(g)}\n>>> print(json.dumps(receipt))\n", g)
                for g in chosen]  # fmt: skip

    def potentials(self, item: ReceiptItem) -> list[AnyPotential]:
        """Return the schema, and the check of the totals."""
        return [_schema(item.goods), RunningTotals()]

    def score(self, item: ReceiptItem, text: str) -> dict[str, float]:
        """Return the scores of one answer."""
        lines, valid = judged(text), is_json(text)
        agree = valid and len(lines) == LINES and all(right for *_, right in lines)
        return {"agree": float(agree), "valid": float(valid)}

    def remark(self, item: ReceiptItem, text: str) -> str:
        """Return how many totals are right."""
        return f"{sum(right for *_, right in judged(text))} of {LINES} right"

    def draw(self, item: ReceiptItem, text: str) -> str | None:
        """Return the receipt, right and wrong totals marked."""
        return receipt(text)


def receipt(text: str) -> str:
    """Return the lines of a receipt as SVG, ✓ where the running total is right."""
    rows = [[Cell(""), Cell(""), Cell("price", "soft"), Cell("sum", "soft")]]
    for name, price, total, right in judged(text):
        tone = "good" if right else "bad"
        sign = Cell("✓" if right else "✗", tone)
        rows.append([sign, Cell(name), Cell(str(price)), Cell(str(total), tone)])
    if len(rows) == 1:
        rows.append([Cell("✗", "bad"), Cell("no receipt", "bad")])
    return text_picture(rows, ruled=True)


@lru_cache(maxsize=256)
def _schema(goods: Sequence[str]) -> JSONSchema:
    def line(number: int) -> dict[str, object]:
        """The schema of a line; its total is between the least and the most that prices allow."""
        price = {"type": "integer", "minimum": 1, "maximum": DEAREST}
        total = {"type": "integer", "minimum": number, "maximum": number * DEAREST}
        return _closed({"price": price, "sum": total})

    lines = _closed({name: line(number) for number, name in enumerate(goods, start=1)})
    return JSONSchema(lines, whitespace=False, item_separator=", ", key_separator=": ")


def _closed(properties: dict[str, object]) -> dict[str, object]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


DEMO = ReceiptDemo()
