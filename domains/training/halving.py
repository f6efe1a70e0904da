"""Models in half the space: weights stored in float16, which load as float32."""

from __future__ import annotations

from pathlib import Path

import torch


def halve(folder: Path) -> None:
    """Round the weights of an exported model to float16; its configuration still says float32.

    So what is loaded computes in float32, with the rounded weights.
    """
    from safetensors.torch import load_file, save_file

    file = folder / "model.safetensors"
    rounded = {name: w.to(torch.float16).contiguous() for name, w in load_file(file).items()}
    save_file(rounded, file, metadata={"format": "pt"})
    file.chmod(0o644)
