"""The slim U-Net: its way up adds where the U-Net joins, for two thirds of the time."""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from l2h.nets.base import PixelNetwork, conv_bn_relu, inside, rims

# channels at width 32: full resolution, then strides 2, 4, 8, 16; and what the last fusion leaves
STEM, LEVELS, TOP = 16, (32, 64, 96, 128), 24
AT_8PX = 2  # the level whose features have 8 px


class Slim(PixelNetwork):
    """Two 3 × 3 convolutions at full resolution, four strided levels, and a way up that adds.

    On the way up a level is first brought to the channels of the one above (1 × 1, at its own resolution), then
    enlarged (nearest), added to the skip, and convolved (3 × 3) at that width: the same field as the U-Net that joins
    skip and level before the convolution, for 0.58 of its operations. Field 155 px, windows on multiples of 16, halo
    80. At width 32 and three bands 0.045 MFLOP per pixel.
    """

    stride: int = 16
    step: ClassVar[int] = 16
    halo: ClassVar[int] = 80

    def __init__(self, bands: int, classes: int, width: int = 32) -> None:
        stem, top, *levels = (channels * width // 32 for channels in (STEM, TOP, *LEVELS))
        super().__init__(bands, classes, top)
        self.channels_8px = levels[AT_8PX]
        self.stem = nn.Sequential(conv_bn_relu(bands, stem, 3), conv_bn_relu(stem, stem, 3))
        skips = [stem, *levels[:-1]]  # at strides 1, 2, 4, 8
        self.down = nn.ModuleList(
            nn.Sequential(conv_bn_relu(s, d, 3, stride=2), conv_bn_relu(d, d, 3))
            for s, d in zip(skips, levels, strict=True)
        )
        self.narrow = nn.ModuleList(_conv_bn(b, s) for b, s in zip(levels, skips, strict=True))
        self.up = nn.ModuleList(conv_bn_relu(s, u, 3) for s, u in zip(skips, [top, *skips[1:]], strict=True))

    def features(
        self, image: Tensor, context: Tensor | None = None, extras: Tensor | None = None, rim: int = 0
    ) -> Tensor:
        """Features ``[N, 24, H, W]`` (width 32), less the rim. Sides that are no multiple of the step are padded, then
        cut.
        """
        height, width = image.shape[-2:]
        x = self.stem(functional.pad(image, (0, -width % self.step, 0, -height % self.step)))
        skips = []
        for number, level in enumerate(self.down):
            skips.append(x)
            x = level(x)
            x = self.with_extras(x, extras) if number == AT_8PX else x
        left = 0
        for narrow, up, less in zip(reversed(self.narrow), reversed(self.up), rims(rim, len(self.up)), strict=True):
            below = functional.interpolate(narrow(inside(x, less - left)), scale_factor=2.0, mode="nearest")
            left = 2 * less
            x = up(torch.relu(below + inside(skips.pop(), left)))
        cut: Tensor = x[..., rim - left : height - rim - left, rim - left : width - rim - left]
        return cut


def _conv_bn(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel_size=1, bias=False), nn.BatchNorm2d(outputs))
