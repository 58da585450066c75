"""Small random changes to a batch of training images, new each time an image is seen.

Works on whole batches on the training device. It does not know what is trained with them.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

ROTATION = math.radians(12)
SLANT = 0.2
SCALE = 0.12
SHIFT = 2.0 / 14  # grid_sample counts from -1 to 1: two pixels of 28


def affine(images: Tensor, background: float, generator: torch.Generator) -> Tensor:
    """Turns, slants, scales and shifts each image (N, 1, 28, 28) by its own random amount.

    Args:
        background: the value outside the image, that of empty paper.
        generator: on the CPU; the same state gives the same changes on every device.
    """
    amounts = torch.rand(6, len(images), 1, 1, generator=generator).mul_(2).sub_(1)
    turn, slant, width, height, right, down = amounts.to(images.device)
    turn = turn * ROTATION
    cos, sin = turn.cos(), turn.sin()
    width, height = 1 + SCALE * width, 1 + SCALE * height
    slant = SLANT * slant
    size = images.shape[-1]
    x = (torch.arange(size, device=images.device) * 2 + 1) / size - 1
    y = x[:, None]
    # What affine_grid gives, by way of small matrix products that take four times as long.
    columns = cos * width * x + ((slant * cos - sin) * height * y + SHIFT * right)
    rows = sin * width * x + ((slant * sin + cos) * height * y + SHIFT * down)
    grid = torch.stack([columns, rows], 3)
    # Outside, grid_sample pads with zero: let zero be the background while it samples.
    moved = F.grid_sample(images - background, grid, align_corners=False)
    return moved + background
