"""Attribution: which pixels mattered for a class, by four methods of Captum.

Saliency: Simonyan et al. 2013. Grad-CAM: Selvaraju et al. 2017. Occlusion: Zeiler and Fergus 2014.
Integrated gradients: Sundararajan et al. 2017.

`core.records.explanations.ATTRIBUTION_METHODS` tells what each method can and cannot show.
Attributions explain logits: a probability near 1 hardly changes, whatever happens to the image.
Captum is imported when it is first used, because that takes a while.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.data.dataset import normalize
from core.errors import NoConvolutionError
from core.explain.activations import Network, to_pixels
from core.records.explanations import Attribution, AttributionName
from core.records.layers import InnerLayer

SIDE = 28
PATCH, STRIDE = 5, 2
"""Occlusion: side of the black patch, and the pixels that it moves on."""
STEPS = 32
"""Integrated gradients: images between the black baseline and the image."""


def attribute(
    network: Network,
    image: np.ndarray,
    method: AttributionName,
    digit: int | None = None,
    layer: str | None = None,
) -> Attribution:
    """Attributes the logit of a digit to the pixels of one image.

    Args:
        image: (28, 28), 0..1 with ink 1.
        digit: the class to explain; by default the prediction.
        layer: for Grad-CAM, the convolution whose maps are weighted; otherwise the last is.

    Raises:
        NoConvolutionError: Grad-CAM for a network without convolutions.
    """
    from captum.attr import IntegratedGradients, Occlusion, Saliency

    pixels = to_pixels(image)
    black = normalize(torch.zeros(1, SIDE, SIDE))
    if digit is None:
        with torch.inference_mode():
            digit = int(network.logits(pixels).argmax())
    convolution = _find_convolution(network, layer) if method == "grad_cam" else None
    if convolution is not None:
        result = _grad_cam(network, pixels, digit, convolution)
    elif method == "saliency":
        result = Saliency(network.logits).attribute(pixels.requires_grad_(), target=digit)
    elif method == "occlusion":
        with torch.inference_mode():
            result = Occlusion(network.logits).attribute(
                pixels,
                sliding_window_shapes=(1, PATCH, PATCH),
                strides=(1, STRIDE, STRIDE),
                baselines=black,
                target=digit,
                perturbations_per_eval=64,
            )
    else:
        result = IntegratedGradients(network.logits).attribute(
            pixels, baselines=black, target=digit, n_steps=STEPS
        )
    values = result.detach().reshape(SIDE, SIDE).to(torch.float32).numpy()
    largest = float(np.abs(values).max())
    return Attribution(digit, values / largest if largest > 0 else values, largest)


def _grad_cam(network: Network, pixels: Tensor, digit: int, layer: InnerLayer) -> Tensor:
    """The layer's maps, weighted by their mean gradients, positive part, enlarged to the image."""
    from captum.attr import LayerGradCam

    end = network.layers.index(layer) + 1
    maps = nn.Identity()  # Captum adds its hooks to it
    model = nn.Sequential(*network.parts[:end], maps, *network.parts[end:])
    weighted = LayerGradCam(model, maps).attribute(
        pixels.requires_grad_(), target=digit, relu_attributions=True
    )
    # Without padding, a convolution leaves out the border: its maps cover the middle of the image.
    covered = layer.shape[1] * layer.jump
    enlarged = F.interpolate(weighted, (covered, covered), mode="bilinear")
    return F.pad(enlarged, ((SIDE - covered) // 2,) * 4)


def _find_convolution(network: Network, name: str | None) -> InnerLayer:
    """The convolution of that name, or else the last one."""
    convolutions = [layer for layer in network.layers if layer.is_convolution]
    if not convolutions:
        raise NoConvolutionError(
            "This network has no convolution, and Grad-CAM needs one: it weighs feature maps, "
            "whose numbers have a place in the image. The other methods work."
        )
    return next((layer for layer in convolutions if layer.name == name), convolutions[-1])
