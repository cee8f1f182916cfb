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
    second_class_column : column with a second class that is right too, where the reference allows two
    design       : how the points were drawn; standard errors hold for this design only. Left out where the file says it
                   (`l2h sample` writes it, and what is interpreted from its files keeps it). "none": nobody knows; then
                   there is a table without intervals
    minimum_points : a share of fewer points than this is not told
    truth        : raster of the whole truth on the project's lattice (generated countries have one)
    """

    points: str | None = None
    layer: str | None = None
    class_column: str = Field(default="class", min_length=1)
    id_column: str | None = None
    second_class_column: str | None = None
    design: Literal["simple_random", "systematic", "none"] | None = None
    minimum_points: int = Field(default=0, ge=0)
    truth: str | None = None


class CalibrationSettings(Settings):
    """Interpreted points that the map's confidence is calibrated by. They are no reference: those of [reference] judge.

    points, layer, class_column, id_column, second_class_column : as in [reference]
    apart_m : points nearer than this to a point of [reference] or [learning.clean], or in its pixel, are refused:
              neighbouring pixels share their errors
    """

    points: str
    layer: str | None = None
    class_column: str = Field(default="class", min_length=1)
    id_column: str | None = None
    second_class_column: str | None = None
    apart_m: float = Field(default=20.0, ge=0)
