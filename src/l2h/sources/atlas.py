"""Atlas: which scenes a window of the grid meets, looked up in a tree."""

from collections.abc import Sequence
from dataclasses import replace

from l2h.core.grid import Window
from l2h.sources.near import Near
from l2h.sources.resample import TILE_PX
from l2h.sources.scenes import Scene

NEAR_PX = 2 * TILE_PX  # lattice tiles that a window meets reach so far, and interpolation a little further


class Atlas:
    """All scenes, to be looked up by window: which of them it meets, each with the pieces it can need.

    Thousands of scenes, and a service's hundreds of thousands of sheets, are put in order once, not for every block.
    """

    def __init__(self, scenes: Sequence[Scene]) -> None:
        self._scenes = Near(scenes, [scene.covers for scene in scenes])
        self._pieces = {s.index: Near(s.pieces, [piece.covers for piece in s.pieces]) for s in scenes if s.pieces}

    def meeting(self, window: Window) -> tuple[Scene, ...]:
        """The scenes that can give a pixel to a window of the grid, ranked among themselves: no other order counts."""
        near = window.pad(NEAR_PX)
        found = enumerate(self._scenes.meeting(window))
        return tuple(
            replace(s, rank=rank, pieces=self._pieces[s.index].meeting(near) if s.pieces else ()) for rank, s in found
        )
