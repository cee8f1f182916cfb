"""Extras for a network: layers of 10 px cells beside the picture, each of which may be missing anywhere.

A group is one extra with its channels. What a network reads is the normalised channels of all groups, 0 where a group
is missing, and after them one channel a group that says where it is there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from l2h.core.errors import CheckpointError, GridError, InputError
from l2h.core.extras import EXTRA_PX, ExtraLayer
from l2h.core.grid import Grid, Window
from l2h.core.patch import Patch
from l2h.core.raster import RasterReader
from l2h.nets.context import ContextView

FloatArray = npt.NDArray[np.float32]
HIDDEN = 32  # channels of the branch at width 32
RIM = 4  # cells around the window that are convolved and enlarged with it, then cut: 5 of the 8 px cells
VIEW = ContextView(step=EXTRA_PX, margin=80)
LATTICE_PX = 80  # where cells of 10 px and features of 8 px meet


@dataclass(frozen=True)
class ExtraGroup:
    """An extra that a network was trained with, and how its channels are normalised."""

    name: str
    channels: tuple[str, ...]
    unit: str
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        sizes = {len(self.channels), len(self.mean), len(self.std)}
        if len(sizes) > 1 or not self.channels or not np.isfinite([*self.mean, *self.std]).all() or min(self.std) <= 0:
            raise InputError(
                "an extra needs a finite mean and a positive standard deviation for every channel",
                where=f"extra '{self.name}'", got=f"{len(self.channels)} channels, mean {self.mean}, std {self.std}",
            )  # fmt: skip

    @property
    def layer(self) -> ExtraLayer:
        """What a place must have under this name."""
        return ExtraLayer(self.name, self.channels, self.unit)


def found_in(groups: Sequence[ExtraGroup], layers: Sequence[ExtraLayer], where: str) -> tuple[bool, ...]:
    """Which of a network's extras a place has; CheckpointError for one of the same name that means something else."""
    given = {layer.name: layer for layer in layers}
    for group in groups:
        own, other = (f"{', '.join(e.channels)} in {e.unit}" for e in (group, given.get(group.name, group)))
        if own != other:
            raise CheckpointError(
                f"the network was trained with another extra '{group.name}'", where=where, expected=own, got=other,
                hint="Give the project's extra another name (then it is missing), or train again.",
            )  # fmt: skip
    return tuple(group.name in given for group in groups)


@dataclass(frozen=True)
class ExtraStack:
    """The extras of a place as one raster on the lattice of cells, group by group.

    pixels   : lattice of the picture
    layers   : what each group is
    readers  : of each group's own layer, on the lattice of EXTRA_PX cells; None where the place has none
    """

    pixels: Grid
    layers: tuple[ExtraLayer, ...]
    readers: tuple[RasterReader | None, ...]

    def __post_init__(self) -> None:
        for reader in self.readers:
            if reader is not None and reader.grid != self.grid:
                raise GridError(
                    "an extra is not on the lattice of cells", expected=str(self.grid), got=str(reader.grid)
                )

    @property
    def grid(self) -> Grid:
        return self.pixels.coarsen(EXTRA_PX)

    def read(self, window: Window) -> Patch:
        """float32 [C + G, h, w]: channels as they come, 0 where missing; then 1 where each group is there.

        Valid where any group is. A window may reach beyond the lattice, where all are missing.
        """
        sizes = [len(layer.channels) for layer in self.layers]
        values = np.zeros((sum(sizes) + len(sizes), *window.shape), np.float32)
        inside, first = window.intersect(self.grid.window), 0
        for number, (size, reader) in enumerate(zip(sizes, self.readers, strict=True)):
            if reader is not None and not inside.empty:
                patch = reader.read(inside)
                into = inside.slices_in(window)
                values[first : first + size, *into] = np.where(patch.valid, patch.values, 0)
                values[sum(sizes) + number, *into] = patch.valid
            first += size
        return Patch(values, np.asarray(values[sum(sizes) :].any(axis=0), bool), window)


def without(stack: FloatArray, keep: Sequence[bool]) -> FloatArray:
    """What `ExtraStack.read` gives, with the groups that are not kept missing everywhere."""
    there = stack[-len(keep) :] * np.array(keep, np.float32)[:, None, None]
    return np.concatenate([stack[: -len(keep)], there])


def normalise(stack: FloatArray, groups: Sequence[ExtraGroup]) -> FloatArray:
    """What `ExtraStack.read` gives, as a network reads it: (x - mean) / std, 0 where a group is missing.

    Raises InputError where the channels are others.
    """
    sizes = [len(group.channels) for group in groups]
    if stack.shape[0] != sum(sizes) + len(groups):
        raise InputError(
            "wrong number of extra channels", expected=str(sum(sizes) + len(groups)), got=str(stack.shape[0])
        )
    there = stack[sum(sizes) :]
    mean = np.concatenate([group.mean for group in groups]).astype(np.float32)[:, None, None]
    std = np.concatenate([group.std for group in groups]).astype(np.float32)[:, None, None]
    values = (stack[: sum(sizes)] - mean) / std * np.repeat(there, sizes, axis=0)
    return np.concatenate([values, there]).astype(np.float32)


class ExtraBranch(nn.Module):
    """Three 3 × 3 convolutions on cells, brought to the channels of a network's features at 8 px and added there.

    Where no group is there it adds nothing: a picture without extras is mapped by the network alone. Where a group is
    missing its channels are 0 and its presence says so. A cell sees 30 m around it.
    """

    def __init__(self, channels: int, groups: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.inputs, self.groups = channels + groups, groups
        self.convs = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(i, hidden, 3, padding=1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU())
                for i in (channels + groups, hidden, hidden)
            )
        )
        self.join = nn.Conv2d(hidden, outputs, kernel_size=1)

    def forward(self, x: Tensor, extras: Tensor) -> Tensor:
        """Features at 8 px ``[N, C, h, w]`` and normalised extras to features.

        extras : ``[N, channels + groups, 0.8 h + 16, 0.8 w + 16]``, of h and w that are multiples of 10: VIEW's margin
        of 8 cells on every side. The features may be the middle of such a window.
        """
        there = extras[:, -self.groups :].amax(dim=1, keepdim=True)
        added = _cut(self.join(self.convs(extras)) * there, VIEW.margin // VIEW.step - RIM)
        # bilinear between centres of cells; a rim of its own keeps the ends of the window out of it
        added = functional.interpolate(added, scale_factor=1.25, mode="bilinear", align_corners=False)
        joined: Tensor = x + _middle(_cut(added, RIM * 5 // 4), x.shape)
        return joined


def _middle(x: Tensor, size: torch.Size) -> Tensor:
    row, col = (x.shape[-2] - size[-2]) // 2, (x.shape[-1] - size[-1]) // 2
    return x[..., row : row + size[-2], col : col + size[-1]]


def _cut(x: Tensor, rim: int) -> Tensor:
    return x[..., rim:-rim, rim:-rim]
