"""A network's weights as files that other programs read: `.pth` and safetensors.

ONNX has a module of its own, `core/export/onnx.py`. This one does not know where weights are kept,
or what becomes of the bytes.
"""

import io
import json

import safetensors.torch
import torch
from torch import Tensor

from core.data.dataset import MEAN, STD
from core.records.exports import Provenance

NORMALISATION = f"(pixel / 255 - {MEAN}) / {STD}, ink 255 on black 0"


def to_pth(state_dict: dict[str, Tensor]) -> bytes:
    """What the notebook's `torch.load` reads: the state dict, its tensors on the CPU."""
    content = io.BytesIO()
    torch.save(_plain(state_dict), content)
    return content.getvalue()


def to_safetensors(state_dict: dict[str, Tensor], provenance: Provenance) -> bytes:
    """The state dict as safetensors, with `describe(provenance)` as its metadata."""
    return safetensors.torch.save(_plain(state_dict), {"format": "pt", **describe(provenance)})


def describe(provenance: Provenance) -> dict[str, str]:
    """What a file says of itself, all in texts; the settings, where there are any, as JSON."""
    known = {
        "source": "Digit Lab",
        "run": provenance.run_id,
        "model": provenance.model,
        "dataset": provenance.dataset,
        "normalisation": NORMALISATION,
    }
    if provenance.config is None:
        return known
    return {**known, "config": json.dumps(provenance.config)}


def _plain(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """Copies on the CPU, in the usual order, that share no memory with each other or with more."""
    return {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in state_dict.items()
    }
