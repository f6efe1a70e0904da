"""The logits processor that a vLLM server loads, under either of its model runners."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from smc.backends.vllm_http.fields import Fields
from smc.backends.vllm_local.internals import (
    SWAP,
    FirstRunnerProcessor,
    SecondRunnerProcessor,
)
from smc.integrations.vllm_server.rows import Constraints, RequestRow, Texts, constraint

if TYPE_CHECKING:
    import torch


class SegmentProcessor(FirstRunnerProcessor, SecondRunnerProcessor):
    """Draws the tokens of requests that ask for it, and reports the increments of their weights.

    The token drawn keeps the only finite logit of its row, and that logit is the increment. The
    server must be started with `--logprobs-mode processed_logits`, and the request be greedy, so
    that the one comes to be chosen and the other comes back as its logprob.
    """

    def __init__(self, vllm_config: Any, *rest: Any) -> None:
        # The first runner calls with a device and a flag, the second with its requests' state.
        config = vllm_config.model_config
        self._size: int = config.get_vocab_size()
        self._constraints = Constraints(_token_bytes(config, self._size))
        self._texts = Texts()
        self._rows: dict[int, RequestRow] = {}
        self._outputs: dict[int, tuple[int, Sequence[int]]] = {}  # the first runner's lengths

    @classmethod
    def validate_params(cls, sampling_params: Any) -> None:
        """Refuse a request that could not be served (with status 400), and mark one that can be.

        Requests may be alike in all that they ask for, seeds included, and their tokens must not
        be mixed up; an engine that takes one out of its batch and puts it back tells no more of
        it than its parameters, so the mark is among these.

        Raises:
            ValueError: A field is wrong, the constraint is malformed, or the request is not greedy
                with logprobs.
        """
        fields = Fields.of_request(sampling_params.extra_args)
        if fields is None:
            return
        if sampling_params.temperature != 0 or sampling_params.logprobs is None:
            raise ValueError(
                f"temperature={sampling_params.temperature}, logprobs={sampling_params.logprobs}: "
                "weighted draws need temperature 0, so that what was drawn is what is chosen, and "
                "logprobs 0, which bring the weights; the model's temperature is smc_temperature."
            )
        kind, source = fields.constraint
        if kind:
            constraint(kind, source)
        sampling_params.extra_args = Fields.marked(sampling_params.extra_args)

    def is_argmax_invariant(self) -> bool:
        """Return False: the greedy sampler must see what was drawn (first runner)."""
        return False

    def update_state(self, batch_update: Any) -> None:
        """Follow the batch: removals, then additions, then moves (first runner)."""
        if batch_update is None:
            return
        for index in batch_update.removed:
            self._rows.pop(index, None)
        for index, params, prompt, output in batch_update.added:
            self._outputs[index] = len(prompt or ()), output
            self.add_request(index, params)
        for source, target, direction in batch_update.moved:
            for table in (self._rows, self._outputs):
                _move(table, source, target, swap=direction == SWAP)

    def add_request(self, req_idx: int, sampling_params: Any) -> bool:
        """Begin a request's row; whether it is ours (second runner)."""
        self._rows.pop(req_idx, None)
        fields = Fields.of_request(sampling_params.extra_args)
        if fields is not None:
            self._rows[req_idx] = RequestRow(fields, self._texts.of(fields), self._constraints)
        return fields is not None

    def apply(self, logits: torch.Tensor, context: Any = None) -> torch.Tensor:
        """Draw for the rows that are ours (both runners)."""
        if not self._rows:
            return logits
        if context is None:
            place_of = {i: i for i in self._rows if i < len(logits)}
            lengths = {i: self._outputs[i][0] + len(self._outputs[i][1]) for i in place_of}
        else:
            order = enumerate(context.idx_mapping_np.tolist())
            place_of = {slot: b for b, slot in order if slot in self._rows}
            lengths = {i: int(context.seq_lens_upper_bound_np[b]) for i, b in place_of.items()}
        due = []
        for index, place in place_of.items():
            row = self._rows[index]
            length = lengths[index] - row.fields.prompt
            if row.knows(length):  # else its prompt is not through yet
                due.append((place, row, length))
        return _drawn(logits, due, self._size)


def _drawn(
    logits: torch.Tensor, due: Sequence[tuple[int, RequestRow, int]], size: int
) -> torch.Tensor:
    """Draw a token for each of these rows and force it upon the sampler."""
    from smc.integrations.vllm_server.drawing import draw

    alike: dict[Any, list[tuple[int, RequestRow, int]]] = {}
    for item in due:
        row = item[1]
        asked = row.fields
        model = asked.temperature, asked.top_p, asked.top_k
        alike.setdefault((model, asked.eos), []).append(item)
    for items in alike.values():
        places = np.asarray([place for place, _, _ in items])
        rows, lengths = [row for _, row, _ in items], [length for _, _, length in items]
        tokens, values = draw(logits[places][:, :size], rows, lengths)
        logits[places] = -float("inf")
        logits[places, tokens] = logits.new_tensor(values)
        for row, length, token in zip(rows, lengths, tokens.tolist(), strict=True):
            row.put(length, token)
    return logits


def _move(table: dict[int, Any], source: int, target: int, *, swap: bool) -> None:
    moved, other = table.pop(source, None), table.pop(target, None)
    if moved is not None:
        table[target] = moved
    if swap and other is not None:
        table[source] = other


def _token_bytes(config: Any, size: int) -> tuple[bytes | None, ...]:
    """The bytes of each token of the served model."""
    from transformers import AutoTokenizer

    from smc.backends.hf.token_bytes import token_bytes

    tokenizer = AutoTokenizer.from_pretrained(
        config.tokenizer,
        revision=config.tokenizer_revision,
        trust_remote_code=config.trust_remote_code,
    )
    return token_bytes(tokenizer, size)
