"""Pictures of a place: windows of the project's imagery as PNG, from the store or from one scene alone."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.core.errors import InputError
from l2h.core.files import read_json
from l2h.core.grid import Grid, Window
from l2h.core.raster import BlockStore
from l2h.project import Project
from l2h.sources.imagery import mosaic
from l2h.sources.radiometry import recorded_scales
from l2h.sources.scenes import Scene, list_scenes

MAX_PX = 501  # side of a picture that is sent; wider windows are averaged down to it
ZOOMS_M = (40.0, 200.0, 1000.0)  # ground shown, roughly: each window is an odd number of pixels


def zoom_sides(pixel_m: float, zooms_m: tuple[float, ...] = ZOOMS_M) -> tuple[int, ...]:
    """Sides of the windows in pixels, odd so that the point's pixel lies in the middle.

    >>> zoom_sides(1.0)
    (41, 201, 1001)
    """
    return tuple(2 * max(2, round(metres / pixel_m / 2)) + 1 for metres in zooms_m)


def window_around(row: int, col: int, side: int) -> Window:
    """The window of an odd side with a pixel in its middle; it may reach outside the grid."""
    half = side // 2
    return Window(row - half, row + half + 1, col - half, col + half + 1)


def shrink(values: npt.NDArray[np.uint8], valid: npt.NDArray[np.bool_], limit: int = MAX_PX) -> npt.NDArray[np.uint8]:
    """uint8 RGBA [h, w, 4] of a picture [B, H, W], averaged over whole cells until no side is above `limit`.

    One band becomes grey, of more the first three are shown; alpha is 0 where nothing is valid.
    """
    bands = values[:3] if values.shape[0] >= 3 else np.repeat(values[:1], 3, 0)
    factor = -(-max(valid.shape) // limit)
    h, w = (-(-side // factor) for side in valid.shape)
    rows, cols = h * factor - valid.shape[0], w * factor - valid.shape[1]
    weight = np.pad(valid, ((0, rows), (0, cols))).astype("float32").reshape(h, factor, w, factor)
    cells = np.pad(bands, ((0, 0), (0, rows), (0, cols))).astype("float32").reshape(3, h, factor, w, factor)
    n = weight.sum((1, 3))
    mean = (cells * weight).sum((2, 4)) / np.maximum(n, 1)
    alpha = np.where(n > 0, 255, 0)[None]
    return np.concatenate([np.rint(mean), alpha]).astype("uint8").transpose(1, 2, 0)


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """PNG bytes of RGBA pixels [h, w, 4]."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(out, "PNG", compress_level=1)
    return out.getvalue()


@dataclass(frozen=True)
class SceneDay:
    """A scene that shows a point."""

    index: int
    date: str | None


class Album:
    """The pictures of a project. Reads the imagery and its scenes, and nothing else.

    Other dates come from the scenes' own files; where those have gone, only the picture in the workspace is shown and
    `lacking` says why.
    """

    def __init__(self, folder: Path, project: Project, grid: Grid) -> None:
        layers = folder / "work" / "layers"
        block_px = project.grid.block_px
        self.grid, self._bands = grid, len(project.imagery[0].bands)
        self._imagery = BlockStore(layers / "imagery", grid, block_px)
        self._owner = BlockStore(layers / "scene", grid, block_px)
        self._dates: dict[int, str | None] = {int(s["index"]): s["date"] for s in read_json(layers / "scenes.json")}
        self._scenes: dict[int, Scene] = {}
        self.lacking = ""
        try:
            scales = recorded_scales(folder / "work")
            self._scenes = {scene.index: scene for scene in list_scenes(project.imagery, folder, grid, scales)}
        except InputError as error:
            self.lacking = str(error)

    def scenes_at(self, row: int, col: int) -> tuple[SceneDay, ...]:
        """The scenes that show a pixel: the one of the picture first, then the others, newest first."""
        pixel = Window(row, row + 1, col, col + 1)
        owner = int(self._owner.read(pixel).values[0, 0, 0])
        covering = [s.index for s in self._scenes.values() if s.covers.contains(pixel) and s.index != owner]
        others = [index for index in covering if self._one(index, pixel).valid.any()]
        others.sort(key=lambda index: self._dates.get(index) or "", reverse=True)
        return tuple(SceneDay(index, self._dates.get(index)) for index in (owner, *others) if index)

    def picture(self, window: Window, scene: int | None = None) -> bytes:
        """A window as PNG: of the picture in the workspace, or of one scene; transparent where there is none.

        InputError where a block is missing or there is no such scene.
        """
        if scene is None:
            inside = window.intersect(self.grid.window)
            values, valid = np.zeros((self._bands, *window.shape), "uint8"), np.zeros(window.shape, bool)
            if not inside.empty:
                patch = self._imagery.read(inside)
                rows, cols = inside.slices_in(window)
                values[:, rows, cols], valid[rows, cols] = patch.values, patch.valid
            return png(shrink(values, valid))
        found = self._one(scene, window)
        return png(shrink(found.values, found.valid))

    def _one(self, index: int, window: Window) -> Any:
        if index not in self._scenes:
            raise InputError("there is no such scene", got=str(index))
        return mosaic([self._scenes[index]], self.grid, window, self._bands)

    def close(self) -> None:
        self._imagery.close()
        self._owner.close()
