"""Reads weight files from untrusted sources.

No code in a file runs, no number in it determines how much memory is allocated, and every problem
is reported in a sentence.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from core import models
from core.errors import InvalidWeightsError
from core.weight_files.formats import MAX_BYTES, parse
from core.weight_files.matching import Contents, find, note


@dataclass(frozen=True)
class ImportedWeights:
    """The weights in a file.

    Attributes:
        model: the name in `core.models.MODELS`.
        state_dict: contiguous tensors on the CPU with memory of their own, float32 (counters:
            int64), all of them finite.
        note: sentences about what was ignored, if anything was.
    """

    model: str
    state_dict: dict[str, Tensor]
    note: str


def read_weights(content: bytes) -> ImportedWeights:
    """Reads the weights in a file and finds the model that they fit.

    The state dict may be anywhere in a checkpoint, its keys may have any prefix or other names,
    and its numbers may be other floats than float32.

    Raises:
        InvalidWeightsError: what is wrong, such as a shape that differs from the nearest model's.
    """
    if len(content) > MAX_BYTES:
        raise InvalidWeightsError(
            f"The file has {len(content) / 2**20:,.0f} MiB; weights for the networks here have at "
            f"most {MAX_BYTES >> 20} MiB."
        )
    try:
        contents = Contents(parse(content))
        match = find(contents)
        weights = {key: contents.tensors[name].load() for key, name in match.keys.items()}
    except InvalidWeightsError:
        raise
    except Exception as error:  # on damaged bytes a parser may raise anything
        raise InvalidWeightsError(
            "The file is damaged or not complete. Try with a fresh copy."
        ) from error
    expected = models.build_on_meta(match.model).state_dict()
    state_dict = {
        key: _convert(match.keys[key], weights[key], tensor.dtype)
        if key in weights
        else torch.zeros(tensor.shape, dtype=tensor.dtype)  # a counter
        for key, tensor in expected.items()
    }
    return ImportedWeights(match.model, state_dict, note(match, contents))


def _convert(key: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """A checked copy in the model's dtype. Its shape is the model's, so its memory is bounded."""
    if tensor.dtype.is_floating_point != dtype.is_floating_point:
        actual, expected = (str(kind).removeprefix("torch.") for kind in (tensor.dtype, dtype))
        raise InvalidWeightsError(f"{key} holds {actual} where {expected} is wanted.")
    copy = tensor.to(dtype, memory_format=torch.contiguous_format, copy=True)
    wrong = copy.numel() - int(copy.isfinite().sum())
    if wrong:
        raise InvalidWeightsError(
            f"{key} holds {wrong:,} of {copy.numel():,} numbers that are infinite or not a number: "
            "the training that made them went wrong."
        )
    return copy
