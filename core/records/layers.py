"""What the layers of a network hold: feature maps, filters, and how one value is computed."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class InnerLayer:
    """A layer together with what follows it before the next one: activation, pooling.

    Attributes:
        name: of the module that multiplies, as `core.models.layers` has it; `input` for the image.
        operations: what is done, in order, in words.
        shape: channels, height and width of what comes out; (n, 1, 1) where nothing has a place.
        kernel: channels, height and width of what one number is made of; None where nothing is
            multiplied. A linear layer's kernel is as large as all that comes in.
        pool: side of the window of which max-pooling keeps one number; 1 without pooling.
        jump: pixels of the image from one pixel of the map to the next.
    """

    name: str
    operations: tuple[str, ...]
    shape: tuple[int, int, int]
    kernel: tuple[int, int, int] | None = None
    pool: int = 1
    jump: int = 1

    @property
    def is_map(self) -> bool:
        """Whether its numbers have a place in the image."""
        return self.shape[1:] != (1, 1)

    @property
    def is_convolution(self) -> bool:
        """Whether a kernel moves over the maps before, and Grad-CAM can weigh its own."""
        return self.kernel is not None and self.is_map

    @property
    def size(self) -> str:
        """Its shape in words, as `64 × 14 × 14` or `128`."""
        return " × ".join(str(length) for length in (self.shape if self.is_map else self.shape[:1]))


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """What one layer made of an image: `values` in the layer's shape, float32."""

    layer: InnerLayer
    values: np.ndarray


@dataclass(frozen=True, eq=False)
class InsideView:
    """An image's way through a network: the maps of each layer, and ten probabilities (10,).

    The first layer is the input in the network's own unit (0 is MNIST's mean grey, 1 its standard
    deviation), the last the ten scores (logits) before the softmax.
    """

    maps: tuple[FeatureMaps, ...]
    probabilities: np.ndarray


@dataclass(frozen=True, eq=False)
class ActivationView:
    """An image (28, 28), 0..1 with ink 1, and its way through a network after `progress` epochs.

    `label` is a test image's class; None for a drawing.
    """

    image: np.ndarray
    label: int | None
    progress: float
    view: InsideView


@dataclass(frozen=True, eq=False)
class Filters:
    """What a layer multiplies with: `weights` (channels out, channels in, height, width), float32.

    `bias` is (channels out,). Batch normalisation, which multiplies and adds too, is included.
    """

    layer: InnerLayer
    weights: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True)
class Area:
    """A rectangle in the maps of a layer, in its pixels. It may reach beyond the maps' edges."""

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True, eq=False)
class PixelStep:
    """How one number of a layer came to be.

    Each channel of `patch` is multiplied, number by number, with that of `kernel`, and added up:
    `sums`. All sums and the bias make `before`. The activation, and max-pooling where there is
    any, make `after` of it, which is the number in the feature map.

    Attributes:
        patch, kernel: (channels in, height, width). Beyond the edge of a map there is zero.
        sums: (channels in,).
        areas: where the patch lies in the maps before, and, before that one, all from which the
            patch was made: one for each layer from the image on. The first is what the number
            depends on, its receptive field.
        window: (pool, pool), all the numbers of which pooling kept the largest; (1, 1) without it.
        chosen: row and column, in the window, of the largest: the one that `patch` explains.
    """

    layer: InnerLayer
    channel: int
    row: int
    column: int
    patch: np.ndarray
    kernel: np.ndarray
    sums: np.ndarray
    bias: float
    before: float
    after: float
    areas: tuple[Area, ...]
    window: np.ndarray
    chosen: tuple[int, int]


@dataclass(frozen=True)
class LayerInfo:
    """One layer of a model: what it is, the shape it gives for one image, and its parameters."""

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
