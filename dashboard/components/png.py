"""Pictures as PNG files, and as data URLs."""

import base64
import io

import numpy as np
from PIL import Image


def black_ink(alpha: np.ndarray) -> np.ndarray:
    """Black ink on nothing, (height, width, 2), by its opacity (height, width) uint8."""
    return np.stack([np.zeros_like(alpha), alpha], axis=-1)


def png(picture: np.ndarray) -> bytes:
    """A PNG of uint8: grey (height, width), or grey and opacity (height, width, 2)."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def data_url(picture: np.ndarray) -> str:
    """A picture as a data URL, as `png` makes it."""
    return f"data:image/png;base64,{base64.b64encode(png(picture)).decode()}"
