"""A network's weights as `.pth` and `.safetensors` files. ONNX: `core.export.onnx`."""

import io
import json

import safetensors.torch
import torch
from torch import Tensor

from core.data.dataset import MEAN, STD
from core.records.exports import Provenance

NORMALISATION = f"(pixel / 255 - {MEAN}) / {STD}, ink 255 on black 0"


def to_pth(state_dict: dict[str, Tensor]) -> bytes:
    """The state dict as `torch.save` writes it, with tensors on the CPU."""
    content = io.BytesIO()
    torch.save(_to_cpu(state_dict), content)
    return content.getvalue()


def to_safetensors(state_dict: dict[str, Tensor], provenance: Provenance) -> bytes:
    """The state dict as safetensors, with `metadata(provenance)`."""
    return safetensors.torch.save(_to_cpu(state_dict), {"format": "pt", **metadata(provenance)})


def metadata(provenance: Provenance) -> dict[str, str]:
    """The provenance as strings; the settings, if there are any, as JSON."""
    values = {
        "source": "Digit Lab",
        "run": provenance.run_id,
        "model": provenance.model,
        "dataset": provenance.dataset,
        "normalisation": NORMALISATION,
    }
    if provenance.config is not None:
        values["config"] = json.dumps(provenance.config)
    return values


def _to_cpu(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """Contiguous copies on the CPU that share no memory with other tensors."""
    return {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in state_dict.items()
    }
