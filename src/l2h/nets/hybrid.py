"""A hybrid of L2HNet and a small transformer, after Paraformer, with windows of attention anchored to the lattice."""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from l2h.nets.base import PixelNetwork, conv_bn_relu, inside
from l2h.nets.l2hnet import BLOCKS, ResolutionPreservingBlock

TOKEN_PX, WINDOW_TOKENS, DEPTH, HEADS = 16, 5, 3, 4
# channels at width 32: the way down to tokens at strides 2, 4, 16; the way up from them
DOWN, UP = (64, 96, 128), (64, 32)


class AttentionLayer(nn.Module):
    """Pre-norm self-attention and MLP on ``[N, tokens, C]``."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mixed, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        n, tokens, width = x.shape
        mixed = self.mixed(self.before(x)).reshape(n, tokens, 3, HEADS, width // HEADS).permute(2, 0, 3, 1, 4)
        heard = functional.scaled_dot_product_attention(*mixed.unbind())
        x = x + self.out(heard.transpose(1, 2).reshape(n, tokens, width))
        added: Tensor = x + self.mlp(self.between(x))
        return added


class WindowTransformer(nn.Module):
    """Attention layers on the tokens of one window each; learned positions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(WINDOW_TOKENS**2, width))
        self.layers = nn.Sequential(*(AttentionLayer(width) for _ in range(DEPTH)))

    def forward(self, tokens: Tensor) -> Tensor:
        """``[N, C, h, w]``, sides multiples of WINDOW_TOKENS, to the same shape; windows do not see each other."""
        n, channels, height, width = tokens.shape
        rows, cols, t = height // WINDOW_TOKENS, width // WINDOW_TOKENS, WINDOW_TOKENS
        x = tokens.reshape(n, channels, rows, t, cols, t).permute(0, 2, 4, 3, 5, 1)
        x = x.reshape(n * rows * cols, t * t, channels) + self.place
        x = self.layers(x).reshape(n, rows, cols, t, t, channels).permute(0, 5, 1, 3, 2, 4)
        whole: Tensor = x.reshape(n, channels, height, width)
        return whole


class Hybrid(PixelNetwork):
    """L2HNet's features and, on their 16 px tokens, a transformer; both heads' logits are added.

    After Paraformer (Li et al. 2024, arXiv 2403.02746: resolution-preserving CNN, strided convolutions to a 1/16 grid,
    ViT-B/16, decoder; two heads, averaged). Ours differs in size (3 layers of 128 channels from fresh weights) and in
    what makes it exact: attention stays inside windows of 80 px of the lattice, and nothing is normalised over space.
    """

    stride: int = TOKEN_PX * WINDOW_TOKENS
    step: ClassVar[int] = TOKEN_PX * WINDOW_TOKENS
    halo: ClassVar[int] = 160

    def __init__(self, bands: int, classes: int, width: int = 32) -> None:
        half, quarter, token = (channels * width // 32 for channels in DOWN)
        wide, narrow = (channels * width // 32 for channels in UP)
        super().__init__(bands, classes, width + narrow)
        self.start = nn.Conv2d(bands, width, kernel_size=3, padding=1)
        self.blocks = nn.Sequential(*(ResolutionPreservingBlock(width) for _ in range(BLOCKS)))
        self.tokens = nn.Sequential(
            conv_bn_relu(width, half, 3, stride=2),
            conv_bn_relu(half, quarter, 3, stride=2),
            conv_bn_relu(quarter, token, 5, stride=4),
        )
        self.transformer = WindowTransformer(token)
        self.wide, self.narrow = conv_bn_relu(token, wide, 3), conv_bn_relu(wide, narrow, 3)

    def features(
        self, image: Tensor, context: Tensor | None = None, extras: Tensor | None = None, rim: int = 0
    ) -> Tensor:
        """Features ``[N, 64, H, W]`` (width 32). Sides that are no multiple of 80 are padded with no data, then cut."""
        height, width = image.shape[-2:]
        x = functional.pad(image, (0, -width % self.stride, 0, -height % self.stride))
        local = self.blocks(self.start(x))
        up = self.wide(_larger(self.transformer(self.tokens(local)), 4))  # at stride 4
        up = _larger(self.narrow(up), 4)
        return inside(torch.cat([local, up], dim=1)[..., :height, :width], rim)


def _larger(x: Tensor, factor: int) -> Tensor:
    return functional.interpolate(x, scale_factor=float(factor), mode="nearest")
