"""The toy country's cities: five polygons that tile it exactly, with an island and an enclave."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rasterio.features import rasterize
from shapely.geometry import LineString, MultiPolygon, Point, Polygon
from shapely.ops import polygonize, unary_union

from l2h.toy.layout import Layout
from l2h.toy.noise import curve_noise


@dataclass(frozen=True)
class City:
    """One city: its names and its area in local pixels."""

    region: str
    province: str
    city: str
    shape: Polygon | MultiPolygon

    @property
    def name(self) -> str:
        """`Region_Province_City`, the name of the city's file."""
        return f"{self.region}_{self.province}_{self.city}"


# Province Tashan lies in two pieces: Ershan is an enclave inside Chenxi, which belongs to another region.
NAMES = {
    "northwest": ("North", "Luhe", "Aoling"),
    "southwest": ("North", "Luhe", "Baishu"),
    "northeast": ("North", "Meishan", "Chenxi"),
    "southeast": ("South", "Tashan", "Dongpo"),
    "enclave": ("South", "Tashan", "Ershan"),
}


def _divide(rng: np.random.Generator, start: list[float], stop: list[float]) -> NDArray[np.float64]:
    """Wavy dividing line [61, 2] in unit coordinates."""
    t = np.linspace(0, 1, 61)[:, None]
    line = np.array(start) * (1 - t) + np.array(stop) * t
    wave = 0.012 * curve_noise(rng, 61, 8)
    across = 0 if abs(start[0] - stop[0]) < abs(start[1] - stop[1]) else 1
    line[:, across] += wave
    return line


def make_cities(rng: np.random.Generator, layout: Layout) -> list[City]:
    """Cut the country into its five cities, in local pixels.

    The faces come from one set of noded lines, so neighbours share every vertex: no gap and no overlap.
    """
    place = layout.frame.place
    down = LineString(place(_divide(rng, [0.45, -0.1], [0.45, 1.1])))
    across = LineString(place(_divide(rng, [-0.1, 0.58], [1.1, 0.58])))
    mainland, enclave = layout.polygon(layout.outline), layout.polygon(layout.enclave)
    faces = polygonize(unary_union([mainland.exterior, enclave.exterior, down, across]))
    owners: dict[str, list[Polygon]] = {key: [] for key in NAMES}
    for face in faces:
        point = face.representative_point()
        if mainland.contains(point):
            owners[_owner(layout, enclave, point, (down, across))].append(face)
    owners["southeast"].append(layout.polygon(layout.island))
    return [City(*NAMES[key], shape=_joined(parts)) for key, parts in owners.items()]


def _joined(parts: list[Polygon]) -> Polygon | MultiPolygon:
    return unary_union(parts)


def _owner(layout: Layout, enclave: Polygon, point: Point, lines: tuple[LineString, LineString]) -> str:
    """Which city a face belongs to, from its side of the two dividing lines."""
    if enclave.contains(point):
        return "enclave"
    down, across = lines
    x_line = down.interpolate(down.project(point)).x
    y_line = across.interpolate(across.project(point)).y
    west = (point.x < x_line) != layout.frame.mirror_x
    north = (point.y < y_line) != layout.frame.mirror_y
    return ("north" if north else "south") + ("west" if west else "east")


def city_index(cities: list[City], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Which city owns each pixel centre: uint8 [H, W], 1-based in the order of `cities`, 0 outside the country."""
    shapes = [(city.shape, number) for number, city in enumerate(cities, start=1)]
    owned: NDArray[np.uint8] = rasterize(shapes, out_shape=shape, fill=0, dtype="uint8")
    return owned
