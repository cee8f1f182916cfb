"""The U-Net with its surroundings: beside it a small one on 10 m pixels, joined in at the deepest level."""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from l2h.nets.base import conv_bn_relu, middle
from l2h.nets.context import ContextView
from l2h.nets.unet import LEVELS, UNet

AROUND = (32, 48, 64)  # channels of the surroundings at width 32, at 10, 20 and 40 px


class Around(nn.Module):
    """A U-Net of three levels on context pixels; radius 200 px: convolutions of 170 px and the 40 px cell."""

    def __init__(self, inputs: int, near: int, middle: int, far: int) -> None:
        super().__init__()
        self.near = conv_bn_relu(inputs, near, 3)
        self.middle = nn.Sequential(conv_bn_relu(near, middle, 3, stride=2), conv_bn_relu(middle, middle, 3))
        self.far = nn.Sequential(conv_bn_relu(middle, far, 3, stride=2), conv_bn_relu(far, far, 3))
        self.up = conv_bn_relu(far + middle, far, 3)
        self.top = conv_bn_relu(far + near, far, 3)

    def forward(self, context: Tensor, margin: int) -> Tensor:
        """``[N, 2 B + 1, h, w]``, sides and ``margin`` multiples of 4, to ``[N, far, h - 2 margin, w - 2 margin]``.

        The way up is only computed where it is asked for, and for a rim of 4 context pixels that its two
        convolutions (radius 3) need: half of the cost of a training chip.
        """
        near = self.near(context)
        middle = self.middle(near)
        far = _inside(self.far(middle), margin // 4 - 1)
        up = self.up(torch.cat([_twice(far), _inside(middle, margin // 2 - 2)], dim=1))
        top: Tensor = self.top(torch.cat([_twice(up), _inside(near, margin - 4)], dim=1))
        return _inside(top, 4)


def _twice(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


def _inside(x: Tensor, rim: int) -> Tensor:
    return x[..., rim:-rim, rim:-rim] if rim else x


class Surround(UNet):
    """The U-Net, and what its surroundings say added at its deepest level.

    Windows must start on multiples of 80 px, where the 16 px cells of the U-Net and the 40 px cells of the
    surroundings meet. Field: 155 px in full resolution, 400 px in context pixels of 10 px.
    """

    stride: int = 80
    step: ClassVar[int] = 16
    halo: ClassVar[int] = 80
    view: ClassVar[ContextView | None] = ContextView(step=10, margin=240)

    def __init__(self, bands: int, classes: int, width: int = 32) -> None:
        super().__init__(bands, classes, width)
        around = [channels * width // 32 for channels in AROUND]
        self.around = Around(2 * bands + 1, *around)
        self.join = nn.Conv2d(around[-1], LEVELS[-1] * width // 32, kernel_size=1)

    def deepest(self, x: Tensor, context: Tensor | None) -> Tensor:
        """The deepest level and what is around, interpolated linearly from 10 px to 16 px; without context as it is.

        The context may be that of a larger window, with as much more on every side.
        """
        if context is None or self.view is None:
            return x
        around = self.join(self.around(context, self.view.margin // self.view.step))
        cells = [side * self.view.step // self.step for side in around.shape[-2:]]
        joined: Tensor = x + middle(functional.interpolate(around, size=cells, mode="bilinear"), x.shape)
        return joined
