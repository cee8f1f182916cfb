"""Settings of extras: layers of about 10 m that a network may look at beside the picture, and that may be missing."""

import math
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from l2h.core.extras import ExtraLayer
from l2h.sources.layer_settings import LayerName, LayerSettings

# what an extra that is computed here says of itself, and what only files have
COMPUTED: dict[str, dict[str, Any]] = {
    "latitude": {"unit": "degrees north"},
    "month": {"unit": "sine and cosine of the middle of the month of capture"},
}
NO_FILES: dict[str, Any] = {"paths": (), "bands": (1,), "band_names": (), "nodata": None}
OWN_RIGHTS = {"licence": "computed here", "may_publish": True, "may_redistribute": True}
# a whole year or the whole Earth has the same scale in every project, so that networks may travel
FIXED: dict[str, tuple[tuple[str, ...], tuple[tuple[float, float], ...]]] = {
    "latitude": (("latitude",), ((0.0, 45.0),)),
    "month": (("sine", "cosine"), ((0.0, math.sqrt(0.5)), (0.0, math.sqrt(0.5)))),
}


class ExtraSettings(LayerSettings):
    """A layer of about 10 m that the network looks at beside the picture: medians of Sentinel-2, elevation, any raster;
    or what is computed here, latitude and month. A network trained with extras maps where any of them is missing.

    name       : of the layer; every layer has its own. The same name in another project means the same thing
    kind       : `raster`; or `latitude` of the place, or `month` of the scene that owns the pixel (no paths, no rights)
    paths      : GeoTIFF or JPEG 2000 files in any CRS, as globs; where they overlap, the first in order has the cell
    bands      : bands to keep, counted from 1, in this order
    band_names : what each of them is ("nir summer"); `band 1`, … where it is left out. A network refuses an extra whose
                 bands have other names than those it was trained with
    unit       : of the values ("reflectance × 10000"); a network refuses an extra of another unit
    nodata     : value that means "missing" where any kept band has it, beside what the files declare and NaN
    resampling : `auto` copies files on the lattice of 10 px cells, averages those 1.5 times finer or more, else
                 bilinear
    """

    name: LayerName
    kind: Literal["raster", "latitude", "month"] = "raster"
    paths: tuple[str, ...] = ()
    bands: tuple[Annotated[int, Field(ge=1)], ...] = Field((1,), min_length=1, max_length=64)
    band_names: tuple[Annotated[str, Field(min_length=1, max_length=60)], ...] = ()
    unit: str = Field(min_length=1, max_length=80)
    nodata: float | None = None
    resampling: Literal["auto", "nearest", "bilinear", "average"] = "auto"

    @model_validator(mode="before")
    @classmethod
    def _computed(cls, values: Any) -> Any:
        kind = str(values.get("kind")) if isinstance(values, dict) else ""
        if kind not in COMPUTED:
            return values
        for key, own in (NO_FILES | COMPUTED[kind]).items():
            given = values.get(key, own)
            if (tuple(given) if isinstance(given, list) else given) != own:
                raise ValueError(f"{kind} is computed here: it has no {key} of yours")
        return {"name": kind} | OWN_RIGHTS | COMPUTED[kind] | values

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.kind == "raster" and not self.paths:
            raise ValueError("an extra of kind raster needs paths")
        if self.band_names and len(self.band_names) != len(self.bands):
            raise ValueError("band_names needs one name for each of bands")
        if len(set(self.channels)) < len(self.channels):
            raise ValueError("two bands have the same name")
        return self

    @property
    def channels(self) -> tuple[str, ...]:
        """What each channel is."""
        if self.kind != "raster":
            return FIXED[self.kind][0]
        return self.band_names or tuple(f"band {band}" for band in self.bands)

    def layer(self) -> ExtraLayer:
        """As workspaces and networks know it."""
        scale = FIXED[self.kind][1] if self.kind != "raster" else None
        return ExtraLayer(self.name, self.channels, self.unit, scale)


def extra_layers(extras: Iterable[ExtraSettings]) -> tuple[ExtraLayer, ...]:
    """As workspaces and networks know them."""
    return tuple(extra.layer() for extra in extras)
