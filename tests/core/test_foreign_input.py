"""Whatever is read from outside gives a valid result or the documented error, and nothing else.

Hypothesis makes the input; `make probe` tries 25 times as much of it.
"""

import io
import math
import zipfile
from functools import cache
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, strategies as st

from core import models
from core.config import TrainConfig, parse_config, read_texts
from core.drawing.photos import preprocess_pixels
from core.drawing.preprocessed import PreprocessedDrawing
from core.drawing.strokes import preprocess_strokes
from core.errors import (
    DigitLabError,
    EmptyDrawingError,
    InvalidConfigError,
    InvalidDrawingError,
    InvalidWeightsError,
)
from core.export.onnx import to_onnx
from core.names import plain_text
from core.numbers import parse_decimal, parse_whole
from core.records.exports import Provenance
from core.weight_files.reading import read_weights

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
anything = st.recursive(
    scalars,
    lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(max_size=5), part),
    max_leaves=8,
)
"""Whatever JSON can hold."""


def assert_sentence(error: DigitLabError) -> None:
    text = str(error)
    assert text.strip(), "an error needs a sentence"
    assert "Traceback" not in text


# Numbers and names

digits = st.text("0123456789+-−.,' \u00a0eE٣²x", max_size=45)


@given(st.text() | digits)
def test_a_typed_number_is_a_number_or_none(text: str) -> None:
    whole, decimal = parse_whole(text), parse_decimal(text)
    assert whole is None or abs(whole) < 10**40
    assert decimal is None or math.isfinite(decimal)


@given(st.text(st.characters()))
def test_a_name_is_one_visible_line(text: str) -> None:
    name = plain_text(text)
    assert plain_text(name) == name
    assert name.encode().decode().strip() == name
    assert len(name.splitlines()) <= 1
    assert all(sign.isprintable() for sign in name if sign.isascii())


# Settings

names = st.sampled_from([*TrainConfig.model_fields, "preset"]) | st.text(max_size=10)
choices = st.sampled_from(["fast", "notebook", "mlp", "adam", "auto", "affine", "1e-3", "8"])


@given(st.dictionaries(names, anything | choices | st.integers(0, 5), max_size=6), st.booleans())
def test_settings_are_valid_or_each_wrong_one_has_a_sentence(
    values: dict[str, Any], typed: bool
) -> None:
    try:
        config = parse_config(read_texts(values) if typed else values)
    except InvalidConfigError as error:
        assert_sentence(error)
        refused = error.fields
    else:
        refused = {}
        assert parse_config(config.model_dump()) == config
    assert set(refused) <= set(values)
    assert all(sentence.endswith(".") for sentence in refused.values())


# Drawings

coordinates = st.floats(-300, 600) | st.floats() | st.integers() | scalars
points = st.lists(st.floats(0, 280), min_size=2, max_size=2) | st.lists(coordinates, max_size=3)
strokes = st.lists(st.lists(points, max_size=6) | anything, max_size=3)
greys = st.integers(0, 255) | st.floats(0, 1) | coordinates


@st.composite
def pictures(draw: st.DrawFn) -> Any:
    """Small pictures: blank ones, with dark or light ink, of other numbers, and no pictures."""
    kind = draw(st.sampled_from([np.uint8, np.int64, np.float64, np.float32]))
    shape = draw(st.tuples(st.integers(0, 40), st.integers(0, 40)))
    seed, paper, ink = draw(st.integers(0, 9)), draw(greys), draw(greys)
    mask: Any = np.random.default_rng(seed).random(shape) < draw(st.floats(0, 1))
    try:
        return np.asarray(np.where(mask, ink, paper)).astype(kind).tolist()
    except (TypeError, ValueError, OverflowError):
        return np.where(mask, np.array(ink, object), np.array(paper, object)).tolist()


def assert_drawing(drawing: PreprocessedDrawing) -> None:
    for image in (drawing.image, drawing.as_drawn):
        assert image.shape == (28, 28)
        assert image.dtype.name == "float32"
        assert ((image >= 0) & (image <= 1)).all()
    assert np.isfinite([*drawing.box, *drawing.centre]).all()


@given(strokes | anything)
def test_strokes_give_an_image_or_a_sentence(value: Any) -> None:
    try:
        assert_drawing(preprocess_strokes(value))
    except (EmptyDrawingError, InvalidDrawingError) as error:
        assert_sentence(error)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numbers beyond their type, cast by the test
@given(pictures() | st.lists(st.lists(greys, min_size=3, max_size=5), max_size=5) | anything)
def test_pixels_give_an_image_or_a_sentence(value: Any) -> None:
    try:
        assert_drawing(preprocess_pixels(value))
    except (EmptyDrawingError, InvalidDrawingError) as error:
        assert_sentence(error)


# Weight files


@cache
def weight_file(kind: str) -> bytes:
    """A file of the smallest network, as `kind` says."""
    state = models.MODELS["speedrun_cnn"]().state_dict()
    file = io.BytesIO()
    if kind == "safetensors":
        return safetensors.torch.save(state)
    if kind == "onnx":
        return to_onnx(state, Provenance("run", "speedrun_cnn", "MNIST", None, 0.0))
    torch.save(
        {"state_dict": state, "epoch": 3}, file, _use_new_zipfile_serialization=kind == "pth"
    )
    return file.getvalue()


def with_pickle(content: bytes, pickle: bytes) -> bytes:
    """A `.pth` with another pickle and right checksums, so that it gets to the stack machine."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(file, "w") as after:
        for name in before.namelist():
            after.writestr(name, pickle if name.endswith("/data.pkl") else before.read(name))
    return file.getvalue()


def pickle_of(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
        return archive.read(name)


@st.composite
def changed(draw: st.DrawFn, content: bytes, within: int) -> bytes:
    """Content with some bytes of its beginning or its end replaced, inserted or cut off."""
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, min(len(content), within)))
        if draw(st.booleans()):
            place = len(content) - place
        new, length = draw(st.binary(max_size=9)), draw(st.integers(0, 9))
        content = content[:place] + new + content[place + length :]
    return content[: draw(st.integers(0, len(content)))] if draw(st.booleans()) else content


def assert_read_or_refused(content: bytes) -> None:
    try:
        found = read_weights(content)
    except InvalidWeightsError as error:
        assert_sentence(error)
    else:
        expected = models.build_on_meta(found.model).state_dict()
        assert {key: tensor.shape for key, tensor in found.state_dict.items()} == {
            key: tensor.shape for key, tensor in expected.items()
        }
        assert all(bool(tensor.isfinite().all()) for tensor in found.state_dict.values())


STARTS = [b"PK\x03\x04", b"\x80\x02", b"\x08\x08\x12\x04", b"\x40\0\0\0\0\0\0\0{", b"(dp0\n", b""]


@given(st.sampled_from(STARTS), st.binary(max_size=300))
def test_any_bytes_are_refused(start: bytes, rest: bytes) -> None:
    with pytest.raises(InvalidWeightsError) as refused:
        read_weights(start + rest)
    assert_sentence(refused.value)


@pytest.mark.parametrize("kind", ["pth", "legacy", "safetensors", "onnx"])
@given(st.data())
def test_a_changed_file_is_read_or_refused(kind: str, data: st.DataObject) -> None:
    content = weight_file(kind)
    assert_read_or_refused(data.draw(changed(content, 3000)))


@given(st.data())
def test_a_changed_pickle_is_read_or_refused(data: st.DataObject) -> None:
    content = weight_file("pth")
    pickle = data.draw(changed(pickle_of(content), 10_000))
    assert_read_or_refused(with_pickle(content, pickle))
