"""L2HNet: the resolution-preserving network of SinoLC-1."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from l2h.nets.base import PixelNetwork, conv_bn_relu, inside

BLOCKS = 5


class ResolutionPreservingBlock(nn.Module):
    """Three parallel branches of 1, 3 and 5 px, fused to W channels, plus identity.

    ``x + fuse([c1(x): W, c3(x): W/2, c5(x): W/4])``; 13.5 W² multiply-adds per pixel
    (1 + 4.5 + 6.25 for the branches, 1.75 for the fusion).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.point = conv_bn_relu(width, width, 1)
        self.near = conv_bn_relu(width, width // 2, 3)
        self.far = conv_bn_relu(width, width // 4, 5)
        self.fuse = conv_bn_relu(width + width // 2 + width // 4, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, W, H, W']`` to the same shape."""
        branches = torch.cat([self.point(x), self.near(x), self.far(x)], dim=1)  # [N, 1.75 W, H, W']
        fused: Tensor = self.fuse(branches)
        return x + fused


class L2HNet(PixelNetwork):
    """Start convolution 3 × 3, five resolution-preserving blocks, 1 × 1 classifier; never downsampled.

    Field 3 + 5 · 4 = 23 px. Its blindness to context is its protection against copying blocky labels.
    Source: Li et al. 2023 (ESSD 15, 4749), rebuilt from the authors' released second-generation code; the
    1 × 1 head is that of an independent re-implementation, the original head is not confirmed.
    """

    stride: int = 1
    step: ClassVar[int] = 1
    halo: ClassVar[int] = 11

    def __init__(self, bands: int, classes: int, width: int = 64) -> None:
        super().__init__(bands, classes, width)
        self.start = nn.Conv2d(bands, width, kernel_size=3, padding=1)
        self.blocks = nn.Sequential(*(ResolutionPreservingBlock(width) for _ in range(BLOCKS)))

    def features(
        self, image: Tensor, context: Tensor | None = None, extras: Tensor | None = None, rim: int = 0
    ) -> Tensor:
        """Features ``[N, width, H, W]`` at full resolution, less the rim."""
        return inside(self.blocks(self.start(image)), rim)
