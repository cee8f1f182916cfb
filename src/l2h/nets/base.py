"""What every network of ours offers: features, a classifier, and the two numbers that make cutting exact."""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from l2h.core.errors import InputError
from l2h.nets.context import ContextView
from l2h.nets.extras import LATTICE_PX, ExtraBranch


class PixelNetwork(nn.Module):
    """A network that gives every pixel of an image one logit per class.

    ``stride`` is the lattice step (px) that windows must start on, ``halo`` the margin (px, a multiple of the
    stride) that a window must read around the pixels it keeps: with both, pieces equal the whole exactly.
    No layer may look further than the halo: no global pooling, no attention, no spatial or instance norm.

    ``step``, a divisor of the stride, is what the image itself must start on: where a network reads cells beside the
    image, stride and size are theirs, and the image may be smaller by whole steps, as much on every side.

    ``rim`` px on every side may be left out of what it answers: whoever reads a halo wants no answer there, and most
    of the work is on the way up. What is answered is the same.

    ``view``, where a network has one, says which coarse pixels around the window it also reads: the ``context`` of
    its calls, normalised ``[N, 2 · bands + 1, h, w]``. Without it the network works, seeing less.

    ``extra``, once it is told to `hear` extras, is what makes of them: the ``extras`` of its calls, normalised
    ``[N, channels + groups, h, w]``, the cells of a window and `extras.VIEW`'s margin. Without them, or where all are
    missing, the network is the one that hears none.
    """

    stride: int
    step: ClassVar[int]
    halo: ClassVar[int]
    view: ClassVar[ContextView | None] = None

    def __init__(self, bands: int, classes: int, channels: int) -> None:
        super().__init__()
        self.bands = bands
        self.classes = classes
        self.channels_8px: int | None = None  # of the features that extras are added to
        self.extra: ExtraBranch | None = None
        self.classifier = nn.Conv2d(channels, classes, kernel_size=1)

    def hear(self, channels: int, groups: int, hidden: int) -> None:
        """Add a branch for extras, so many channels in so many groups; InputError where there is no place for it.

        Windows must then start where cells of 10 px and features of 8 px meet.
        """
        if self.channels_8px is None:
            raise InputError(
                f"network '{type(self).__name__.lower()}' hears no extras", expected="unet, slim or surround"
            )
        self.extra = ExtraBranch(channels, groups, hidden, self.channels_8px)
        self.stride = math.lcm(self.stride, LATTICE_PX)

    def features(
        self, image: Tensor, context: Tensor | None = None, extras: Tensor | None = None, rim: int = 0
    ) -> Tensor:
        """Features ``[N, C, H - 2 rim, W - 2 rim]`` of a normalised image ``[N, bands, H, W]``."""
        raise NotImplementedError

    def forward(
        self, image: Tensor, context: Tensor | None = None, extras: Tensor | None = None, rim: int = 0
    ) -> Tensor:
        """Logits ``[N, classes, H - 2 rim, W - 2 rim]`` of a normalised image (0 where there is no data)."""
        logits: Tensor = self.classifier(self.features(image, context, extras, rim))
        return logits

    def features_and_logits(
        self, image: Tensor, context: Tensor | None = None, extras: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Both in one pass, for losses that look at the features."""
        features = self.features(image, context, extras)
        return features, self.classifier(features)

    def with_extras(self, x: Tensor, extras: Tensor | None) -> Tensor:
        """Features at 8 px and what extras add to them."""
        if extras is None or self.extra is None:
            return x
        joined: Tensor = self.extra(x, extras)
        return joined


def inside(x: Tensor, rim: int) -> Tensor:
    """Without `rim` pixels on every side."""
    return x[..., rim:-rim, rim:-rim] if rim else x


def middle(x: Tensor, size: torch.Size) -> Tensor:
    """The middle of so many rows and columns (the last two of `size`)."""
    row, col = (x.shape[-2] - size[-2]) // 2, (x.shape[-1] - size[-1]) // 2
    return x[..., row : row + size[-2], col : col + size[-1]]


def rims(rim: int, levels: int) -> list[int]:
    """How much of the rim is left out before each doubling of the way up, deepest first, in pixels of that level.

    A 3 × 3 convolution after the doubling needs one pixel around what it answers: r below is (r - 1) // 2 above.

    >>> rims(80, 4)
    [4, 9, 19, 39]
    """
    found: list[int] = []
    for _ in range(levels):
        rim = max(rim - 1, 0) // 2
        found.insert(0, rim)
    return found


def conv_bn_relu(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Convolution (zero padding, no bias) → batch norm → ReLU. In evaluation batch norm is a fixed affine map."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def probabilities(logits: Tensor) -> Tensor:
    """Class probabilities, float32 whatever the precision of the logits: bf16 softmax loses the third digit."""
    return torch.softmax(logits.float(), dim=1)
