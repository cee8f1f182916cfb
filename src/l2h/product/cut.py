"""City files: the part of the national lattice that a city owns, and nothing else.

The files lie on the lattice: windows are whole pixels, nothing is resampled, and two neighbours put side by side make
the map again.
"""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.core.areas import nano_areas
from l2h.core.cog import CogStyle, pieces, write_cog
from l2h.core.errors import InputError
from l2h.core.files import write_json
from l2h.core.grid import Window
from l2h.core.legend import Legend, load_legend
from l2h.core.patch import Patch
from l2h.core.raster import open_raster, read_window
from l2h.core.tasks import Made
from l2h.product.areas import row_counts, tally
from l2h.product.cityreader import Array, CityJob, CityReader, Ownership

CLASSES, CONFIDENCE, DATE = "land cover class", "confidence 0-100", "capture month YYYYMM"  # the tag `content`
CONFIDENCE_NODATA = 255  # 0 is a confidence like any other
DATE_NODATA = 0


def cut_classes(job: CityJob) -> Made:
    """Task: the land cover of a city, `G_P_C.tif`: 8-bit, 0 outside and where there is no class.

    The figures (pixels and areas per class) are counted in the finished file, which proves that it can be read. Pixels
    of the city without a class are counted there and told in the manifest; the map has recorded them as holes already.
    LegendError where the map holds a code outside the legend.
    """
    legend = load_legend(job.legend)

    def pick(patch: Patch, where: str) -> tuple[Array, npt.NDArray[np.bool_]]:
        codes = np.where(patch.valid, patch.values[0], 0).astype("uint8")
        legend.check(codes, where)
        return codes, codes != legend.nodata

    style = CogStyle(legend.nodata, "mode", legend, job.compression, _tags(job, CLASSES))
    with closing(CityReader(job, pick, "uint8")) as reader:
        write_cog(job.output, reader, job.window, style)
    figures = _class_figures(job, legend)
    write_json(job.figures, figures)
    pixels = figures["pixels"]
    return Made(info={"city_pixels": sum(pixels.values()), "without_class_px": pixels["0"]})


def cut_confidence(job: CityJob) -> Made:
    """Task: the confidence of a city's pixels, `G_P_C_confidence.tif`: 0 to 100, 255 where there is no class."""

    def pick(patch: Patch, where: str) -> tuple[Array, npt.NDArray[np.bool_]]:
        good = patch.valid & (patch.values[0] != 0)
        confidence = np.where(good, patch.values[1], 0).astype("uint8")
        if confidence.max(initial=0) > 100:
            raise InputError("a confidence exceeds 100", where=where, got=str(confidence.max()))
        return confidence, good

    style = CogStyle(CONFIDENCE_NODATA, "nearest", None, job.compression, _tags(job, CONFIDENCE))
    return _cut_plain(job, CityReader(job, pick, "uint8"), style)


def cut_dates(job: CityJob, months: Mapping[int, int]) -> Made:
    """Task: the capture month of a city's pixels, `G_P_C_date.tif`: uint32 YYYYMM, 0 outside and where unknown.

    The number reads as it is written (202306 is June 2023), which sixteen bits cannot hold; months are constant over
    whole scenes, so the wider type costs nothing once compressed.

    months : scene index of the scene store → YYYYMM, 0 where the scene has no date
    """
    table = np.zeros(65536, "uint32")
    for index, month in months.items():
        table[index] = month

    def pick(patch: Patch, where: str) -> tuple[Array, npt.NDArray[np.bool_]]:
        scenes = np.where(patch.valid, patch.values[0], 0).astype("uint16")
        unknown = sorted({int(s) for s in np.unique(scenes)} - {0, *months})
        if unknown:
            raise InputError("a scene of the mosaic is not in scenes.json", where=where, got=str(unknown))
        return table[scenes], table[scenes] != 0

    style = CogStyle(DATE_NODATA, "nearest", None, job.compression, _tags(job, DATE))
    return _cut_plain(job, CityReader(job, pick, "uint32"), style)


def _cut_plain(job: CityJob, reader: CityReader, style: CogStyle) -> Made:
    with closing(reader):
        write_cog(job.output, reader, job.window, style)
    counts = count_values(job.output)
    write_json(job.figures, {**_place(job), "values": {str(v): n for v, n in sorted(counts.items())}})
    return Made(info={"city_pixels": sum(counts.values())})


def _tags(job: CityJob, content: str) -> dict[str, str]:
    return {**job.tags, "content": content, "city": job.stem}


def _place(job: CityJob) -> dict[str, Any]:
    return {"window": list(job.window.edges), "bounds": list(job.grid.bounds(job.window))}


def _class_figures(job: CityJob, legend: Legend) -> dict[str, Any]:
    """Pixels and areas per class of the finished file; "0" is what the city owns without a class."""
    pixels = np.zeros(len(legend) + 1, "int64")
    nano = [0] * (len(legend) + 1)
    with closing(Ownership(job)) as owned, open_raster(job.output) as data:
        for piece in pieces(job.window):
            codes = read_window(data, piece.shift(-job.window.row_start, -job.window.col_start)).values[0]
            counts = row_counts(codes, owned.mask(piece), legend)
            areas = nano_areas(counts, job.grid.row_area(piece.row_start, piece.row_stop))
            pixels += counts.sum(0)
            nano = [before + more for before, more in zip(nano, areas, strict=True)]
    sums = tally(pixels.tolist(), nano, legend)
    return {
        **_place(job),
        "pixels": {str(value): count for value, count in sums.pixels.items()},
        "area_hundredths_m2": {str(value): area for value, area in sums.hundredths.items()},
    }


def count_values(path: Path) -> dict[int, int]:
    """Pixels of every valid value of a single-band integer raster, in one streaming pass."""
    counts: dict[int, int] = {}
    with open_raster(path) as data:
        for piece in pieces(Window(0, data.height, 0, data.width)):
            patch = read_window(data, piece)
            values, numbers = np.unique(patch.values[0][patch.valid], return_counts=True)
            for value, number in zip(values.tolist(), numbers.tolist(), strict=True):
                counts[value] = counts.get(value, 0) + number
    return counts
