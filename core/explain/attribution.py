"""Which pixels an answer rests on, asked in four ways through Captum.

What each way can and cannot tell is in `core.records.ATTRIBUTION_METHODS`. Scores are logits, the
numbers before the softmax: a probability near 1 hardly moves, whatever one does to the image.
Captum is imported when it is first needed, because it takes a while. This module does not know how
a picture of an attribution is drawn.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.data.dataset import normalize
from core.errors import NoConvolutionError, OutOfRangeError
from core.explain.activations import Network, to_pixels
from core.records.explanations import Attribution, AttributionName
from core.records.layers import InnerLayer

SIDE = 28
PATCH, STRIDE = 5, 2
"""Side of the patch that is painted black, and by how many pixels it moves on."""
STEPS = 32
"""How many images on the way from black paper the gradients are averaged over."""


def attribute(
    network: Network,
    image: np.ndarray,
    method: AttributionName,
    digit: int | None = None,
    layer: str | None = None,
) -> Attribution:
    """Asks which pixels of one image speak for a digit.

    Args:
        image: (28, 28), 0..1 with ink 1.
        digit: whose score is explained; by default the one that the network reads.
        layer: for Grad-CAM, the convolution whose maps are weighed; by default the last.

    Raises:
        NoConvolutionError: Grad-CAM was asked of a network without convolutions.
        OutOfRangeError: the network has no convolution of that name.
    """
    pixels = to_pixels(image)
    if digit is None:
        with torch.inference_mode():
            digit = int(network.logits(pixels).argmax())
    chosen = _convolution(network, layer) if method == "grad_cam" else None
    if chosen is not None:
        values = _grad_cam(network, pixels, digit, chosen)
    elif method == "saliency":
        values = _saliency(network, pixels, digit)
    elif method == "occlusion":
        values = _occlusion(network, pixels, digit)
    else:
        values = _integrated_gradients(network, pixels, digit)
    found = values.detach().reshape(SIDE, SIDE).to(torch.float32).numpy()
    largest = float(np.abs(found).max())
    return Attribution(
        method=method,
        digit=digit,
        values=found / largest if largest > 0 else found,
        largest=largest,
        layer=chosen.name if chosen is not None else None,
    )


def _saliency(network: Network, pixels: Tensor, digit: int) -> Tensor:
    from captum.attr import Saliency

    return Saliency(network.logits).attribute(pixels.requires_grad_(), target=digit)


def _grad_cam(network: Network, pixels: Tensor, digit: int, layer: InnerLayer) -> Tensor:
    """The layer's maps, weighed by their mean gradients, positive part, on the image's pixels."""
    from captum.attr import LayerGradCam

    watched = _Watched(network, layer)
    weighed = LayerGradCam(watched, watched.maps).attribute(
        pixels.requires_grad_(), target=digit, relu_attributions=True
    )
    # A convolution without padding leaves out the image's border: the map covers the middle.
    covered = layer.shape[1] * layer.jump
    enlarged = F.interpolate(weighed, (covered, covered), mode="bilinear")
    return F.pad(enlarged, ((SIDE - covered) // 2,) * 4)


def _occlusion(network: Network, pixels: Tensor, digit: int) -> Tensor:
    from captum.attr import Occlusion

    with torch.inference_mode():
        return Occlusion(network.logits).attribute(
            pixels,
            sliding_window_shapes=(1, PATCH, PATCH),
            strides=(1, STRIDE, STRIDE),
            baselines=_black(),
            target=digit,
            perturbations_per_eval=64,
        )


def _integrated_gradients(network: Network, pixels: Tensor, digit: int) -> Tensor:
    from captum.attr import IntegratedGradients

    return IntegratedGradients(network.logits).attribute(
        pixels, baselines=_black(), target=digit, n_steps=STEPS
    )


def _black() -> Tensor:
    """Paper without ink, (1, 1, 28, 28)."""
    return normalize(torch.zeros(1, SIDE, SIDE))


class _Watched(nn.Module):
    """A network that lets one layer's maps pass through a module, where Captum can hook them."""

    def __init__(self, network: Network, layer: InnerLayer) -> None:
        super().__init__()
        self.maps = nn.Identity()
        self._network = network
        self._layer = layer

    def forward(self, pixels: Tensor) -> Tensor:
        def watch(layer: InnerLayer, values: Tensor) -> Tensor:
            passed: Tensor = self.maps(values) if layer is self._layer else values
            return passed

        return self._network.logits(pixels, watch)


def _convolution(network: Network, name: str | None) -> InnerLayer:
    """The convolution of that name, or the last one."""
    found = [layer for layer in network.layers if layer.is_convolution]
    if not found:
        raise NoConvolutionError(
            "This network has no convolution, and Grad-CAM needs one: it weighs feature maps, "
            "whose numbers have a place in the image. The other methods work."
        )
    if name is None:
        return found[-1]
    for layer in found:
        if layer.name == name:
            return layer
    raise OutOfRangeError(f"This network has no convolution {name}.")
