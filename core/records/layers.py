"""Records of a network's layers: feature maps, filters, and how one value is computed."""

from dataclasses import dataclass

import numpy as np

from core.records.predictions import Doubt


@dataclass(frozen=True)
class InnerLayer:
    """A layer with weights together with what follows it: normalization, activation, pooling.

    Attributes:
        name: of the module with the weights; `input` for the image.
        operations: the operations in words, in order.
        shape: channels, height and width of the output; (n, 1, 1) for a vector.
        kernel: channels, height and width of the kernel; None without weights. The kernel of a
            linear layer has the shape of its input.
        pool: side of the max-pooling window; 1 without pooling.
        jump: distance in the image, in pixels, of neighbouring pixels of the map.
        parameters: the number of weights and biases, batch normalization included.
    """

    name: str
    operations: tuple[str, ...]
    shape: tuple[int, int, int]
    kernel: tuple[int, int, int] | None = None
    pool: int = 1
    jump: int = 1
    parameters: int = 0

    @property
    def is_map(self) -> bool:
        """Whether the output consists of feature maps, not of a vector."""
        return self.shape[1:] != (1, 1)

    @property
    def is_convolution(self) -> bool:
        """Whether the layer is a convolution; Grad-CAM needs one."""
        return self.kernel is not None and self.is_map

    @property
    def size(self) -> str:
        """The shape as text, such as `64 × 14 × 14` or `128`."""
        return " × ".join(str(length) for length in (self.shape if self.is_map else self.shape[:1]))


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """A layer's output for an image: `values` in the layer's shape, float32."""

    layer: InnerLayer
    values: np.ndarray


@dataclass(frozen=True, eq=False)
class InsideView:
    """The output of every layer for one image, and the probabilities (10,).

    The first layer is the normalized input (0 is MNIST's mean grey, 1 its standard deviation),
    the last the ten logits.
    """

    maps: tuple[FeatureMaps, ...]
    probabilities: np.ndarray


@dataclass(frozen=True, eq=False)
class ActivationView:
    """An image (28, 28), 0..1 with ink 1, and a network's activations after `progress` epochs.

    `label` is the class of a test image, None for a drawing. `doubt` says why the answer should
    not be believed.
    """

    image: np.ndarray
    label: int | None
    progress: float
    model: str
    view: InsideView
    doubt: Doubt | None = None


@dataclass(frozen=True, eq=False)
class Filters:
    """A layer's weights (channels out, channels in, height, width), float32.

    `bias` is (channels out,). A batch normalization that follows is folded into both.
    """

    layer: InnerLayer
    weights: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True)
class Area:
    """A rectangle in the maps of a layer, in their pixels. It may extend beyond their edges."""

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True, eq=False)
class PixelStep:
    """How one value of a layer is computed.

    `sums` are the sums of `patch * kernel` over each channel. Their sum plus the bias is
    `before`. The activation, and max-pooling if there is any, turn it into the value in the
    feature map.

    Attributes:
        patch, kernel: (channels in, height, width). Outside of a map the patch is zero.
        sums: (channels in,).
        areas: one for each layer from the image to the previous layer: the part that the value
            depends on. The first is the receptive field, the last the position of the patch.
        window: (pool, pool), the values of which pooling keeps the largest, which `patch` explains;
            (1, 1) without pooling.
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
    areas: tuple[Area, ...]
    window: np.ndarray
