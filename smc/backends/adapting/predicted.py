"""Predicted updates (OpTune): a trained network turns a failed attempt into new weights."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import torch

from smc.backends.adapting.captured import capture, updated
from smc.backends.adapting.projections import QUERY_AND_VALUE, projections, sizes
from smc.backends.adapting.turns import BEHIND_TEXT, turn_ids
from smc.backends.adapting.update_network import UpdateNetwork
from smc.errors import ModelError
from smc.model import Prompt

LAYERS = 2
"""Last layers whose queries and values are updated."""
_WEIGHTS = "update_network.safetensors"
_FACTS = "update_network.json"


class PredictedUpdates:
    """Applies foretold updates; a `Learner` of `smc.strategies.adaptable`.

    Attempts alternate: a plain one, and one with the update that the plain one led to. Updates are
    never added up.

    Args:
        model: A `smc.TransformersModel`, the one that the update network was trained for.
        updates: The update network.
        behind: How the feedback follows where the prompt is no chat.

    Raises:
        ModelError: The network has other layers.
    """

    def __init__(self, model: Any, updates: UpdateNetwork, *, behind: str = BEHIND_TEXT) -> None:
        self._model = model
        self._updates = updates.eval().to(model.model.device)
        self._behind = behind
        self._layers = adapted_layers(model.model)
        shapes = {place: sizes(layer) for place, layer in self._layers.items()}
        if shapes != updates.shapes:
            raise ModelError(
                f"update network: made for the matrices {updates.shapes}; expected {shapes}, those "
                "of the model. Train one for this model."
            )
        self._held: AbstractContextManager[None] | None = None
        self._current: Mapping[str, torch.Tensor] = {}
        self._passes = 0

    @property
    def passes(self) -> int:
        """One for each attempt that was learnt from."""
        return self._passes

    def learn(self, prompt: Prompt, attempt: str, feedback: Sequence[str]) -> int:
        """Apply the update of a plain attempt, or drop that of an attempt with one."""
        if self._current:
            self.reset()
            return 0
        before, after = turn_ids(self._model, prompt, attempt, "\n".join(feedback), self._behind)
        ids = torch.tensor([[*before, *after]], device=self._model.model.device)
        mask = torch.ones_like(ids)
        found = capture(self._model.model, self._layers, ids, mask)
        with torch.no_grad():
            self._current = {
                place: self._updates.update(place, seen.inputs, seen.gradients)
                for place, seen in found.items()
            }
        self._attach()
        self._passes += 1
        return ids.numel()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Have the network as it was, for the time of a block."""
        self._detach()
        try:
            yield
        finally:
            self._attach()

    def reset(self) -> None:
        """Drop the update."""
        self._detach()
        self._current = {}

    def _attach(self) -> None:
        if self._current:
            self._held = updated(self._layers, self._current)
            self._held.__enter__()
        self._model.prefixes.clear()

    def _detach(self) -> None:
        if self._held is not None:
            self._held.__exit__(None, None, None)
            self._held = None
        self._model.prefixes.clear()


def adapted_layers(network: Any) -> dict[str, torch.nn.Module]:
    """Return the queries' and values' projections of the last two layers, by place."""
    return projections(network, QUERY_AND_VALUE, last=LAYERS)


def save_updates(network: UpdateNetwork, folder: Path, facts: Mapping[str, Any]) -> None:
    """Write an update network, and what is known of it, to a folder."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    save_file(state, folder / _WEIGHTS)
    (folder / _WEIGHTS).chmod(0o644)
    config = {"shapes": network.shapes, "rank": network.rank, **facts}
    (folder / _FACTS).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def load_updates(folder: str | Path) -> UpdateNetwork:
    """Read an update network that `save_updates` wrote.

    Raises:
        ModelError: There is none.
    """
    from safetensors.torch import load_file

    at = Path(folder)
    if not (at / _FACTS).is_file():
        raise ModelError(f"update network: expected {_FACTS} in {at}, and there is none.")
    config = json.loads((at / _FACTS).read_text(encoding="utf-8"))
    shapes = {place: (int(i), int(o)) for place, (i, o) in config["shapes"].items()}
    network = UpdateNetwork(shapes, rank=config["rank"])
    network.load_state_dict(load_file(at / _WEIGHTS))
    return network.eval()
