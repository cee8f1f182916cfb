"""Drawn polygons with a class: checked as a whole once, then read near a block of the lattice."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from l2h.clean.burn import Shapes
from l2h.core.crs import same_crs, transformer
from l2h.core.errors import GridError, InputError, LegendError
from l2h.core.formats import check_vector
from l2h.core.grid import Grid, Window
from l2h.core.legend import Legend

BATCH = 8192
AREAS = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)
Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class PolygonFile:
    """A vector file of polygons. layer : None for its only one; column : holds the class, by value, name or label."""

    path: Path
    layer: str | None
    column: str

    def check(self, grid: Grid, legend: Legend) -> list[Window]:
        """The window of each polygon on the lattice, in the order of the file.

        InputError where the file cannot be read, lacks the column, is empty, holds other shapes than polygons, or a
        polygon that is not valid or lies beside the lattice; GridError without a CRS; LegendError for an unknown class.
        """
        windows: list[Window] = []
        for shapes, classes in self._batches(grid):
            first = len(windows)
            for i, (shape, entry) in enumerate(zip(shapes, classes, strict=True)):
                self._value(entry, legend, first + i)
                windows.append(self._window(shape, grid, first + i))
        if not windows:
            raise InputError("a file of drawn polygons is empty", where=str(self.path))
        return windows

    def near(self, grid: Grid, window: Window, legend: Legend) -> dict[int, Shapes]:
        """Value of the legend → its polygons whose bounding boxes meet a window, in the grid's CRS."""
        found: dict[int, list[Any]] = {}
        box = shapely.box(*grid.bounds(window))
        for shapes, classes in self._batches(grid, window):
            for i in np.flatnonzero(shapely.intersects(shapely.envelope(shapes), box)):
                value = self._value(classes[i], legend, int(i))  # `check` has named the row of a wrong one before
                found.setdefault(value, []).append(shapes[i])
        return {value: np.array(found[value], object) for value in sorted(found)}

    def _value(self, entry: Any, legend: Legend, row: int) -> int:
        value = legend.value_of(entry)
        if value is None:
            raise LegendError(
                "a drawn polygon has an unknown class",
                where=f"{self.path}, row {row}",
                expected=f"a value or name of legend '{legend.name}': {', '.join(legend.names)}",
                got=str(entry),
            )
        return value

    def _window(self, shape: Any, grid: Grid, row: int) -> Window:
        where = f"{self.path}, row {row}"
        if shape is None or shapely.get_type_id(shape) not in AREAS or shapely.is_empty(shape):
            kind = "nothing" if shape is None or shapely.is_empty(shape) else shape.geom_type
            raise InputError("drawn ground is no polygon", where=where, expected="Polygon or MultiPolygon", got=kind)
        if not shapely.is_valid(shape):
            hint = "Mend it where it was drawn: nobody else knows what was meant."
            raise InputError("a drawn polygon is not valid", where=where, got=shapely.is_valid_reason(shape), hint=hint)
        bounds = shape.bounds
        window = grid.window_of_bounds(bounds) if np.isfinite(bounds).all() else Window(0, 0, 0, 0)
        if window.empty:
            hint = "Check its CRS, or leave it out."
            raise InputError("a drawn polygon lies outside the map", where=where, hint=hint)
        return window

    def _batches(self, grid: Grid, near: Window | None = None) -> Iterator[tuple[Shapes, list[Any]]]:
        """Shapes in the grid's CRS and their classes, in the order of the file; of a window, those that may meet it."""
        import pyogrio

        check_vector(self.path)
        with self._told():
            asked: dict[str, Any] = {"layer": self._layer(), "batch_size": BATCH, "use_pyarrow": True}
            if near is not None:
                crs = pyogrio.read_info(self.path, layer=asked["layer"])["crs"]
                asked["bbox"] = _around(grid.bounds(near), grid.crs, crs)
            with pyogrio.open_arrow(self.path, **asked) as (meta, reader):
                if not meta["crs"]:
                    raise GridError(
                        "a vector file has no CRS", where=str(self.path), hint="Assign one (ogr2ogr -a_srs)."
                    )
                if self.column not in reader.schema.names:
                    raise InputError(
                        f"drawn polygons have no column '{self.column}'",
                        where=str(self.path),
                        got=", ".join(map(str, meta["fields"])),
                    )
                for batch in reader:
                    raw = batch.column(meta["geometry_name"] or "wkb_geometry").to_pylist()
                    shapes = np.asarray(shapely.from_wkb(np.array(raw, object), on_invalid="ignore"), object)
                    yield moved(shapely.force_2d(shapes), meta["crs"], grid.crs), batch.column(self.column).to_pylist()

    def _layer(self) -> str | None:
        import pyogrio

        names = [str(name) for name, _ in pyogrio.list_layers(self.path)]
        if self.layer is None and len(names) > 1:
            raise InputError(
                "a file of drawn polygons has several layers",
                where=str(self.path),
                got=", ".join(names),
                hint="Say which: learning.clean.drawn_layer.",
            )
        return self.layer

    @contextmanager
    def _told(self) -> Iterator[None]:
        from pyarrow import ArrowException
        from pyogrio.errors import DataLayerError, DataSourceError

        try:
            yield
        except (DataSourceError, DataLayerError, ArrowException) as error:
            raise InputError("drawn polygons cannot be read", where=str(self.path), got=str(error)) from error


def _around(bounds: Bounds, source: str, target: str) -> Bounds:
    """Bounds in another CRS, and a tenth more to every side: which shapes to look at, not which to take."""
    if not same_crs(source, target):
        bounds = transformer(source, target).transform_bounds(*bounds, densify_pts=21)
    left, bottom, right, top = bounds
    x, y = (right - left) / 10, (top - bottom) / 10
    return left - x, bottom - y, right + x, top + y


def moved(shapes: Shapes, source: str, target: str) -> Shapes:
    """Shapes with every vertex in another CRS; what cannot be projected has coordinates that are not finite."""
    if same_crs(source, target):
        return shapes
    change = transformer(source, target)

    def places(at: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.stack(change.transform(at[:, 0], at[:, 1]), axis=1)

    there = np.array([shape is not None for shape in shapes], bool)
    out = shapes.copy()
    out[there] = shapely.transform(shapes[there], places)
    return out
