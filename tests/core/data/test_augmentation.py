"""Augmentation compared with affine_grid and grid_sample of torch."""

import math

import torch
from torch.nn import functional as F

from core.data import augmentation

PAPER = -0.42


def changed(images: torch.Tensor, seed: int = 0) -> torch.Tensor:
    return augmentation.affine(images, PAPER, torch.Generator().manual_seed(seed))


def test_it_does_what_torch_does_with_the_same_matrices() -> None:
    images = torch.rand(16, 1, 28, 28)
    amounts = torch.rand(6, 16, generator=torch.Generator().manual_seed(3)) * 2 - 1
    turns, slants, widths, heights, rights, downs = amounts.tolist()
    matrices = []
    for turn, slant, width, height, right, down in zip(
        turns, slants, widths, heights, rights, downs, strict=True
    ):
        angle = math.radians(12 * turn)
        rotation = torch.tensor(
            [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
        )
        shear = torch.tensor([[1, 0.2 * slant], [0, 1]])
        scale = torch.diag(torch.tensor([1 + 0.12 * width, 1 + 0.12 * height]))
        shift = torch.tensor([[right], [down]]) * 2 / 14  # two pixels of 28, from -1 to 1
        matrices.append(torch.cat([rotation @ shear @ scale, shift], 1))
    grid = F.affine_grid(torch.stack(matrices), [16, 1, 28, 28], align_corners=False)
    wanted = F.grid_sample(images - PAPER, grid, align_corners=False) + PAPER
    torch.testing.assert_close(changed(images, 3), wanted, atol=1e-4, rtol=0)


def test_each_image_is_changed_by_its_own_amount_and_again_by_the_next_call() -> None:
    images = torch.rand(1, 1, 28, 28).expand(4, 1, 28, 28)
    generator = torch.Generator().manual_seed(0)
    first, second = (augmentation.affine(images, PAPER, generator) for _ in range(2))
    assert len({tuple(image.flatten().tolist()) for image in torch.cat([first, second])}) == 8
    torch.testing.assert_close(changed(images), first, atol=0, rtol=0)


def test_what_comes_in_from_outside_is_paper() -> None:
    blank = torch.full((8, 1, 28, 28), PAPER)
    torch.testing.assert_close(changed(blank), blank)
