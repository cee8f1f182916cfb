"""When the picture was taken: how many scenes, pixels and square metres of it come from each year."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.core.areas import NANO, nano_areas
from l2h.core.files import read_json, write_json
from l2h.core.tasks import Context, Made, Task

NAME = "layers/capture"
UNDATED = "undated"
Table = Mapping[str, Sequence[int]]  # index of a scene → its pixels, and their area in 10^-9 m²


def count_scenes(scene_of: npt.NDArray[np.uint16], row_area: npt.NDArray[np.float64]) -> dict[str, list[int]]:
    """Pixels and area of every scene of a block.

    scene_of : [H, W], index of the scene of each pixel, 0 = none;  row_area : [H], m² of a pixel of each row
    """
    present = [int(index) for index in np.unique(scene_of) if index]
    if not present:
        return {}
    counts = np.stack([(scene_of == index).sum(1) for index in present], axis=1)
    areas = nano_areas(counts, row_area)
    return {str(i): [int(n), a] for i, n, a in zip(present, counts.sum(0), areas, strict=True)}


def years_table(blocks: Iterable[Table], years: Mapping[str, str]) -> list[dict[str, Any]]:
    """Year by year, oldest first, undated last: scenes of which at least a pixel is seen, pixels, and m².

    years : index of a scene → its year, or "undated". Sums are whole numbers: no order or size of blocks changes them.

    >>> years_table([{"1": [4, 8 * 10**9]}, {"1": [1, 10**9], "2": [9, 0]}], {"1": "2020", "2": "undated"})[0]
    {'year': '2020', 'scenes': 1, 'pixels': 5, 'm2': 9}
    """
    pixels: defaultdict[str, int] = defaultdict(int)
    nano: defaultdict[str, int] = defaultdict(int)
    seen: defaultdict[str, set[str]] = defaultdict(set)
    for block in blocks:
        for index, (count, area) in block.items():
            pixels[years[index]] += count
            nano[years[index]] += area
            seen[years[index]].add(index)
    order = sorted(seen)  # digits come before letters
    return [{"year": y, "scenes": len(seen[y]), "pixels": pixels[y], "m2": round(nano[y] / NANO)} for y in order]


def capture_tasks(context: Context) -> list[Task]:
    """One task that joins the counts of all blocks."""
    paths = tuple(capture_path(context, block.name) for block in context.store("layers/scene").blocks)
    rows, output = read_json(context.work / "layers" / "scenes.json"), context.work / f"{NAME}.json"
    years = {str(row["index"]): row["date"][:4] if row["date"] else UNDATED for row in rows}
    arguments = {"blocks": paths, "years": years, "output": output}
    return [Task(NAME, make_capture, arguments, paths, (output,), {"years": years})]


def capture_path(context: Context, block: str) -> Path:
    """Where the counts of a block lie."""
    return context.work / NAME / f"{block}.json"


def make_capture(blocks: tuple[Path, ...], years: dict[str, str], output: Path) -> Made:
    """Write the counts of the whole picture by year."""
    rows = years_table(map(read_json, blocks), years)
    write_json(output, rows)
    return Made(info={"scenes_by_year": {row["year"]: row["scenes"] for row in rows}})
