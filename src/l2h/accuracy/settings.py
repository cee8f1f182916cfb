"""Settings of the assessment: what the map is held against."""

from typing import Literal

from pydantic import Field

from l2h.core.settings import Settings


class ReferenceSettings(Settings):
    """References of a project. Paths are relative to the project's folder; each may be left out.

    points       : table of interpreted points: a vector file (GeoPackage, GeoJSON) or a CSV with columns `x`, `y` in
                   the project's CRS or `lon`, `lat` in degrees (WGS 84)
    layer        : layer of the vector file; its only one where it is left out
    class_column : column with the class, as a value of the legend or as a class name
    id_column    : column with the point's identity; its number in the file where it is left out
    design       : how the points were drawn; standard errors hold for this design only
    truth        : raster of the whole truth on the project's lattice (generated countries have one)
    """

    points: str | None = None
    layer: str | None = None
    class_column: str = Field(default="class", min_length=1)
    id_column: str | None = None
    design: Literal["simple_random"] = "simple_random"
    truth: str | None = None
