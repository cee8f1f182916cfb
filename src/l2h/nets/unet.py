"""A small U-Net with a full-resolution stem."""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from l2h.nets.base import PixelNetwork, conv_bn_relu, inside, rims

# channels at width 32: full resolution, then strides 2, 4, 8, 16; and what the last fusion leaves
STEM, LEVELS, TOP = 16, (32, 64, 96, 128), 24
AT_8PX = 2  # the level whose features have 8 px


class UNet(PixelNetwork):
    """Two 3 × 3 convolutions at full resolution, four strided levels, nearest upsampling, a skip at every level.

    Field 155 px: radius 62 along the convolutions, plus 15 because nearest upsampling hands a pixel the
    features of the 16 px cell it lies in. Hence windows must start on multiples of 16, with a halo of 80.
    At width 32 and three bands 0.078 MFLOP per pixel and 0.79 M parameters.
    """

    stride: int = 16
    step: ClassVar[int] = 16
    halo: ClassVar[int] = 80

    def __init__(self, bands: int, classes: int, width: int = 32) -> None:
        stem, top, *levels = (channels * width // 32 for channels in (STEM, TOP, *LEVELS))
        super().__init__(bands, classes, top)
        self.channels_8px = levels[AT_8PX]
        self.stem = nn.Sequential(conv_bn_relu(bands, stem, 3), conv_bn_relu(stem, stem, 3))
        above = [stem, *levels[:-1]]
        self.down = nn.ModuleList(
            nn.Sequential(conv_bn_relu(c, d, 3, stride=2), conv_bn_relu(d, d, 3))
            for c, d in zip(above, levels, strict=True)
        )
        below = levels[::-1]  # what comes up from 1/16, 1/8, 1/4, 1/2
        fused = [*below[1:], top]
        self.up = nn.ModuleList(conv_bn_relu(b + s, f, 3) for b, s, f in zip(below, above[::-1], fused, strict=True))

    def features(
        self, image: Tensor, context: Tensor | None = None, extras: Tensor | None = None, rim: int = 0
    ) -> Tensor:
        """Features ``[N, 24, H, W]`` (width 32), less the rim. Sides that are no multiple of the step are padded, then
        cut.
        """
        height, width = image.shape[-2:]
        x = functional.pad(image, (0, -width % self.step, 0, -height % self.step))
        x = self.stem(x)  # [N, 16, H', W'] at width 32
        skips = []
        for number, level in enumerate(self.down):
            skips.append(x)
            x = level(x)
            x = self.with_extras(x, extras) if number == AT_8PX else x
        x, left = self.deepest(x, context), 0
        for fuse, less in zip(self.up, rims(rim, len(self.up)), strict=True):
            x, left = functional.interpolate(inside(x, less - left), scale_factor=2.0, mode="nearest"), 2 * less
            x = fuse(torch.cat([x, inside(skips.pop(), left)], dim=1))
        cut: Tensor = x[..., rim - left : height - rim - left, rim - left : width - rim - left]
        return cut

    def deepest(self, x: Tensor, context: Tensor | None) -> Tensor:
        """What the deepest level ``[N, 128, H / 16, W / 16]`` becomes before the way up; here it stays as it is."""
        return x
