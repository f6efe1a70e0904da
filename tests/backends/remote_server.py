"""The server's part of remote draws, without a server: the processor's rows, over a table model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from smc.backends.table import TableModel
from smc.backends.vllm_http.fields import Fields
from smc.backends.vllm_http.segments import Segment, probe, read_segment
from smc.backends.vllm_remote import RemoteVLLM
from smc.integrations.vllm_server.drawing import draw
from smc.integrations.vllm_server.rows import RequestParts, RequestRow
from smc.model import Prompt, Vocabulary


class TableServer(RemoteVLLM):
    """A remote model whose requests are answered here, each as JSON there and back.

    Attributes:
        asked: The fields of every request, in order.
    """

    def __init__(self, table: TableModel, **changes: Any) -> None:
        super().__init__("table", "http://localhost:1/v1", None, **changes)
        self.table = table
        self.asked: list[Fields] = []
        self._constraints = RequestParts(table.vocabulary.tokens)

    @property
    def vocabulary(self) -> Vocabulary:  # type: ignore[override]
        return self.table.vocabulary

    def start(self, prompts: Sequence[Prompt], vocabulary: Vocabulary, max_tokens: int) -> Any:
        return super().start([[0]] * len(prompts), vocabulary, max_tokens)

    def ask(self, wanted: Sequence[tuple[tuple[int, ...], Fields, int]]) -> list[Segment]:
        sent = [json.loads(json.dumps(fields.to_request())) for _, fields, _ in wanted]
        rows = []
        for request, (_, fields, _) in zip(sent, wanted, strict=True):
            received = Fields.of_request(request)
            assert received == fields
            rows.append(RequestRow(received, list(received.text), self._constraints))
        self.asked += [row.fields for row in rows]
        tokens: list[list[int]] = [[] for _ in rows]
        values: list[list[float]] = [[] for _ in rows]
        live = list(range(len(rows)))
        most = [n for _, _, n in wanted]
        for _ in range(max(most)):
            texts = [(*rows[r].fields.text, *tokens[r]) for r in live]
            logits = torch.tensor([self.table.next_probs(t) for t in texts]).log()
            drawn, weights = draw(logits, [rows[r] for r in live], [len(t) for t in texts])
            for r, text, token, weight in zip(live, texts, drawn.tolist(), weights, strict=True):
                rows[r].put(len(text), token)
                tokens[r].append(token)
                values[r].append(weight)
            ends = set(rows[0].fields.eos)
            live = [r for r in live if tokens[r][-1] not in ends and len(tokens[r]) < most[r]]
            if not live:
                break
        return [
            (probe if row.fields.probe else read_segment)(_reply(t, v, row), row.fields.eos)
            for row, t, v in zip(rows, tokens, values, strict=True)
        ]


def _reply(tokens: Sequence[int], values: Sequence[float], row: RequestRow) -> Any:
    ended = tokens[-1] in row.fields.eos
    choice = {
        "token_ids": list(tokens),
        "logprobs": {"token_logprobs": [float(np.float32(v)) for v in values]},
        "finish_reason": "stop" if ended else "length",
    }
    return json.loads(json.dumps({"choices": [choice]}))
