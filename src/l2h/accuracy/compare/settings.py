"""Settings of the comparison of products; which files they are and how they are read is the sources' affair."""

from typing import Literal

from pydantic import Field

from l2h.core.settings import Settings


class Comparison(Settings):
    """How products are compared.

    inputs   : whether the project's own products take part
    legend   : "coarse" merges traffic route into building, which is fair to products of 10 m and more; "fine" is the
               map's own legend
    cell_px  : side of the cells of the agreement maps; left out, a 500th of the longer side of the lattice, 50 at least
    places   : centres (x, y in the project's CRS) of the places shown side by side; left out, places of many classes
               are chosen
    panels   : how many places are chosen
    place_px : side of a place
    minimum_points : a share of fewer points than this is not told
    """

    inputs: bool = True
    legend: Literal["coarse", "fine"] = "coarse"
    cell_px: int | None = Field(None, ge=1)
    places: tuple[tuple[float, float], ...] = ()
    panels: int = Field(4, ge=0, le=20)
    place_px: int = Field(512, ge=16, le=4096)
    minimum_points: int = Field(0, ge=0)
