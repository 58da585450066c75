"""Augmentation: a random affine transformation of every training image, new at each step."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def affine(images: Tensor, background: float, generator: torch.Generator) -> Tensor:
    """Rotates, slants, scales and shifts each image (N, 1, 28, 28) by random amounts of its own.

    Args:
        background: the value outside the image, that of empty paper.
        generator: on the CPU; the same state gives the same amounts on every device.
    """
    amounts = torch.rand(6, len(images), 1, 1, generator=generator).mul_(2).sub_(1)
    angle, slant, width, height, right, down = amounts.to(images.device)
    angle = angle * math.radians(12)
    cos, sin = angle.cos(), angle.sin()
    width, height = 1 + 0.12 * width, 1 + 0.12 * height
    slant = 0.2 * slant
    shift = 2.0 / 14  # two of 28 pixels: grid_sample's coordinates run from -1 to 1
    size = images.shape[-1]
    x = (torch.arange(size, device=images.device) * 2 + 1) / size - 1
    y = x[:, None]
    # The result of affine_grid, whose small matrix products take four times as long.
    columns = cos * width * x + ((slant * cos - sin) * height * y + shift * right)
    rows = sin * width * x + ((slant * sin + cos) * height * y + shift * down)
    grid = torch.stack([columns, rows], 3)
    # grid_sample pads with 0, so 0 must be the background.
    moved = F.grid_sample(images - background, grid, align_corners=False)
    return moved + background
