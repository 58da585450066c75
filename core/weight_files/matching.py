"""Finds the network whose weights are in a file, wherever they are and whatever they are called."""

import functools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from core import models
from core.errors import InvalidWeightsError
from core.names import enumeration, printable
from core.weight_files.unpickling import (
    NOT_ONLY_WEIGHTS,
    SAVE_WEIGHTS,
    StoredTensor,
)

CHECKPOINT_KEYS = ("state_dict", "model_state_dict", "model")
"""Where training scripts usually put the weights that a checkpoint is about."""

LEAVES = {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}
COUNTER = "num_batches_tracked"
"""How many batches a batch normalisation has seen. No answer depends on it."""

MAX_DEPTH = 8
"""Of dicts in dicts."""

MAX_TENSORS = 1000
MAX_OTHERS = 10_000
"""Values beside the tensors, such as the settings of an optimizer."""

MAX_KEY = 200
"""Letters of a key: of a longer one, the last."""

PART_OF_WEIGHT = re.compile(r"(.*\.)?(parametrizations\..*|(weight|bias)_(g|v|orig))")
"""Names of tensors from which a layer computes its weight."""

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Match:
    """Tensors in the file that are those of a network.

    Attributes:
        model: its name in `core.models.MODELS`.
        keys: the file's name of each tensor, by the network's.
        prefix: what stands before the network's names in the file; None where they are others.
    """

    model: str
    keys: dict[str, str]
    prefix: str | None = None

    @property
    def is_complete(self) -> bool:
        return all(key in self.keys or _leaf(key) == COUNTER for key in expected_shapes(self.model))


class Contents:
    """Everything in a file by its name: `model.fc.bias` is in a dict within a dict."""

    def __init__(self, loaded: Any) -> None:
        """
        Raises:
            InvalidWeightsError: there are no tensors by name, or too much else.
        """
        self.tensors: dict[str, StoredTensor] = {}
        self.folders: dict[str, dict[str, StoredTensor]] = {}  # by the name of the dict
        self._others: list[str] = []
        self._visited: set[int] = set()
        self._add(_as_dict(loaded), "", MAX_DEPTH)
        if not self.tensors:
            raise InvalidWeightsError(
                f"The file holds no weights by name that Digit Lab can read. {SAVE_WEIGHTS}"
            )
        if len(self.tensors) > MAX_TENSORS:
            raise InvalidWeightsError(f"The file holds more than {MAX_TENSORS:,} tensors.")

    def _add(self, values: dict[Any, Any], path: str, depth: int) -> None:
        for key, value in values.items():
            name = f"{path}{str(key)[-MAX_KEY:]}"
            if isinstance(value, StoredTensor) and isinstance(key, str):
                self.tensors[name] = self.folders.setdefault(path, {})[name] = value
            elif id(value) not in self._visited:
                if value and isinstance(value, (dict, list, tuple)):
                    self._visited.add(id(value))  # it may be in many places, or in itself
                inner = _as_dict(value)
                if inner and depth:
                    self._add(inner, f"{name}.", depth - 1)
                else:
                    self._others.append(name)
            if len(self._others) > MAX_OTHERS:
                raise InvalidWeightsError(NOT_ONLY_WEIGHTS)

    def without(self, match: Match) -> list[str]:
        """What a match leaves aside; of a dict with nothing else, its name alone."""
        used = set(match.keys.values())
        shared = {key.partition(".")[0] for key in used}
        rest = (name for name in (*self.tensors, *self._others) if name not in used)
        tops = ((name, name.partition(".")[0]) for name in rest)
        return list(dict.fromkeys(name if top in shared else top for name, top in tops))

    def further_layers(self, match: Match) -> list[str]:
        """Layers beside those of the match, in the same dict: then the network is another one."""
        used = set(match.keys.values())
        first = next(iter(match.keys.values()))
        folder = next(tensors for tensors in self.folders.values() if first in tensors)
        layers: dict[str, dict[str, StoredTensor]] = {}
        for name, tensor in folder.items():
            if name not in used and name.startswith(match.prefix or ""):
                layer, _, leaf = name.rpartition(".")
                layers.setdefault(layer, {})[leaf] = tensor
        return [layer for layer, leaves in layers.items() if _is_layer(leaves)]


def _as_dict(value: Any) -> dict[Any, Any]:
    """A dict, or what is in a list in which there are dicts, by number."""
    if isinstance(value, (list, tuple)) and any(isinstance(item, dict) for item in value):
        return dict(enumerate(value))
    return value if isinstance(value, dict) else {}


def _is_layer(leaves: dict[str, StoredTensor]) -> bool:
    """Whether tensors are those of a linear layer, a convolution or a normalisation."""
    return "weight" in leaves and (
        len(leaves["weight"].shape) >= 2 or bool(leaves.keys() & {"bias", "running_mean"})
    )


def find(contents: Contents) -> Match:
    """The one network whose weights are in the file.

    Raises:
        InvalidWeightsError: there is none, or more than one.
    """
    for found in (_by_name(contents.tensors), _by_shape(contents)):
        matches = [
            match for match in found if match.is_complete and not contents.further_layers(match)
        ]
        if matches:
            return _only(matches, contents)
        if part := next(filter(PART_OF_WEIGHT.fullmatch, contents.tensors), None):
            raise InvalidWeightsError(
                f"The network computes a weight from {printable(part)} and others, as weight_norm, "
                "spectral_norm and prune do. Remove that from the network, so that its layers have "
                "their weights themselves, save the weights and try again."
            )
    raise InvalidWeightsError(_difference(contents))


def _by_name(tensors: dict[str, StoredTensor]) -> Iterator[Match]:
    """For each network, and whatever stands before its names, the tensors with names and shapes."""
    for model in models.MODELS:
        expected = expected_shapes(model)
        prefixes = (
            name.removesuffix(key)
            for name in tensors
            for key in expected
            if name.endswith(f".{key}")
        )
        for prefix in dict.fromkeys(("", *prefixes)):
            names = {key: f"{prefix}{key}" for key in expected}
            keys = {
                key: name
                for key, name in names.items()
                if name in tensors and tensors[name].shape == expected[key]
            }
            yield Match(model, keys, prefix)


def _by_shape(contents: Contents) -> Iterator[Match]:
    """Matches by the shapes of the tensors in a dict: each shape once, or all in their order."""
    for folder in contents.folders.values():
        for model in models.MODELS:
            expected = expected_shapes(model)
            keys: dict[str, str] | None
            if len(set(expected.values())) == len(expected):
                keys = _assign(expected, folder)
            else:
                in_order = [(_leaf(key), shape) for key, shape in expected.items()]
                same = in_order == [(_leaf(name), tensor.shape) for name, tensor in folder.items()]
                keys = dict(zip(expected, folder, strict=True)) if same else None
            if keys is not None:
                yield Match(model, keys)


def _assign(expected: dict[str, Shape], folder: dict[str, StoredTensor]) -> dict[str, str] | None:
    """The one tensor of each shape. A bias is no weight, where the name says so."""
    keys = {}
    for key, shape in expected.items():
        found = [
            name
            for name, tensor in folder.items()
            if tensor.shape == shape and _leaf(name) not in LEAVES - {_leaf(key)}
        ]
        if len(found) != 1:
            return None
        keys[key] = found[0]
    return keys


def _only(matches: list[Match], contents: Contents) -> Match:
    """Of several matches the one in the usual place, or any if all have the same numbers."""
    for key in CHECKPOINT_KEYS:
        usual = [match for match in matches if (match.prefix or "").startswith(f"{key}.")]
        if len(usual) == 1:
            return usual[0]
    first, *others = matches
    if all(_same(first, other, contents) for other in others):
        return first
    places = [printable(next(iter(match.keys.values()))) for match in matches]
    raise InvalidWeightsError(
        f"The file holds {len(matches)} networks, which begin at {_first_few(places)}. Save one of "
        "them, with torch.save(model.state_dict(), PATH), and try again."
    )


def _same(one: Match, other: Match, contents: Contents) -> bool:
    return one.model == other.model and all(
        torch.equal(contents.tensors[one.keys[key]].load(), contents.tensors[name].load())
        for key, name in other.keys.items()
        if key in one.keys
    )


# --- Sentences ---------------------------------------------------------------------------------


def note(match: Match, contents: Contents) -> str:
    """What a person should know: how the network was found, and what was ignored."""
    sentences = []
    if match.prefix is None:
        ours, theirs = next(iter(match.keys.items()))
        sentences.append(
            f"The names in it are others; by its shapes it is {_title(match.model)}, with "
            f"{printable(theirs)} as {ours}."
        )
    ignored = [printable(name) for name in contents.without(match)]
    if ignored:
        sentences.append(f"Ignored: {_first_few(ignored, count=8)}.")
    return " ".join(sentences)


def _difference(contents: Contents) -> str:
    """The difference from the nearest network, or that none is near."""
    candidates = []
    for folder in contents.folders.values():
        shapes = Counter(tensor.shape for tensor in folder.values())
        for match in _by_name(folder):
            alike = (shapes & Counter(expected_shapes(match.model).values())).total()
            candidates.append((len(match.keys), alike, match, folder))
    named, alike, match, folder = max(candidates, key=lambda candidate: candidate[:2])
    expected, title = expected_shapes(match.model), _title(match.model)
    found = {name.removeprefix(match.prefix or ""): folder[name].shape for name in folder}
    if 2 * max(named, alike) < len(expected):
        known = [_title(name) for name in models.MODELS]
        have = [f"{printable(name)} {_shape_text(shape)}" for name, shape in found.items()]
        return (
            f"The weights fit no network here, and none is near. The networks here are "
            f"{enumeration(known)}; the file has {_first_few(have)}."
        )
    differing = [
        f"{key} has shape {_shape_text(found[key])}; {title} wants {_shape_text(shape)}"
        for key, shape in expected.items()
        if found.get(key, shape) != shape
    ]
    missing = [key for key in expected if key not in found]
    unexpected = [printable(key) for key in found if key not in expected]
    sentences = [f"The weights fit no network here; the nearest is {title}."]
    if differing:
        sentences.append(f"{_first_few(differing, separator='. ')}.")
    if missing:
        sentences.append(f"Missing: {_first_few(missing)}.")
    if unexpected:
        sentences.append(f"Unexpected: {_first_few(unexpected)}.")
    return " ".join(sentences)


@functools.cache
def expected_shapes(model: str) -> dict[str, Shape]:
    """The shapes of a network's tensors."""
    weights = models.build_on_meta(model).state_dict()
    return {key: tuple(tensor.shape) for key, tensor in weights.items()}


def _title(model: str) -> str:
    return models.MODELS[model].__name__


def _leaf(name: str) -> str:
    return name.rpartition(".")[2]


def _first_few(texts: list[str], separator: str = ", ", count: int = 3) -> str:
    more = f" and {len(texts) - count:,} more" if len(texts) > count else ""
    return separator.join(texts[:count]) + more


def _shape_text(shape: Sequence[int]) -> str:
    return " × ".join(str(size) for size in shape) or "of a single number"
