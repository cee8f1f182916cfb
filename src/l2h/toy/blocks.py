"""Blocks of land between roads: town blocks, village blocks, field blocks, each with one use."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import Voronoi
from shapely.geometry import Polygon

from l2h.toy.geometry import Points, draw, sample
from l2h.toy.layout import Layout
from l2h.toy.terrain import Terrain

TOWN, VILLAGE, COUNTRY = 1, 2, 3
TOWN_USES = ("apartments", "houses", "terraces", "industry", "park", "site")
COUNTRY_USES = ("crop", "forest", "pasture", "orchard", "scrub", "waste", "ponds")
USES = TOWN_USES + COUNTRY_USES


@dataclass(frozen=True)
class Blocks:
    """A Voronoi partition of the rectangle; index b runs over cells, `label` holds b + 1 for every pixel.

    kind: TOWN, VILLAGE or COUNTRY. use: a name of USES. recent: built after the oldest product. angle: direction of
    the longest side in radians. vertices, ridges: the graph of the cells' sides; ridge_cells: the two cells of a side.
    """

    polygons: list[Polygon]
    label: NDArray[np.int32]
    kind: NDArray[np.int8]
    use: list[str]
    recent: NDArray[np.bool_]
    angle: NDArray[np.float64]
    vertices: Points
    ridges: NDArray[np.int64]
    ridge_cells: NDArray[np.int64]

    @property
    def count(self) -> int:
        """Number of blocks."""
        return len(self.polygons)

    def lookup(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        """Spread one value a block over the pixels: [H, W]."""
        return values[self.label - 1]


def _lattice(rng: np.random.Generator, centre: Points, radius: float, spacing: float, jitter: float) -> Points:
    """Jittered points of a randomly turned square lattice within `radius` of `centre`."""
    steps = np.arange(-int(radius / spacing) - 1, int(radius / spacing) + 2) * spacing
    grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    turn = rng.uniform(0, np.pi / 2)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points = grid @ rotation.T + rng.uniform(-jitter, jitter, grid.shape) * spacing
    near: Points = centre + points[np.linalg.norm(points, axis=1) < radius]
    return near


def _seeds(rng: np.random.Generator, layout: Layout) -> tuple[Points, NDArray[np.int8]]:
    """Cell centres and their kinds: dense where people live, sparse in the fields."""
    frame = layout.frame
    places = [(point, 0.112 * frame.length * size, min(96.0, 0.055 * frame.length), TOWN)
              for point, size in zip(frame.place(layout.towns), (1.0, 0.72), strict=True)]  # fmt: skip
    village = min(105.0, 0.06 * frame.length)
    places += [(point, village * rng.uniform(0.7, 1.1), 66.0, VILLAGE) for point in frame.place(layout.villages)]
    seeds, kinds = [], []
    for point, radius, spacing, kind in places:
        found = _lattice(rng, point, radius, spacing, 0.06 if kind == TOWN else 0.2)
        seeds.append(found)
        kinds += [kind] * len(found)
    spacing = min(185.0, 0.12 * frame.length)
    centre = np.array([frame.width, frame.height]) / 2
    field = _lattice(rng, centre, np.hypot(frame.width, frame.height) / 2 + 2 * spacing, spacing, 0.33)
    for point, radius, _, _ in places:
        field = field[np.linalg.norm(field - point, axis=1) > radius + 0.45 * spacing]
    return np.vstack([*seeds, field]), np.array(kinds + [COUNTRY] * len(field), np.int8)


def _angle(polygon: Polygon) -> float:
    sides = np.diff(np.array(polygon.exterior.coords), axis=0)
    longest = sides[np.argmax(np.linalg.norm(sides, axis=1))]
    return float(np.arctan2(longest[1], longest[0]))


def _town_use(rng: np.random.Generator, away: float, side: float) -> str:
    """Dense in the centre, halls on one side, houses outwards."""
    weights = {
        "apartments": 3.0 * max(0.9 - away, 0.05),
        "houses": 1.6 * away + 0.2,
        "terraces": 0.9,
        "industry": 2.2 * max(side - 0.25, 0) * away + 0.05,
        "park": 0.3,
        "site": 0.12,
    }
    chances = np.array(list(weights.values()))
    return str(rng.choice(list(weights), p=chances / chances.sum()))


def _country_use(rng: np.random.Generator, hills: float, altitude: float, lake: float) -> str:
    """Woods and scrub in the hills, fields in the plain, ponds by the lake."""
    wild = np.clip(0.5 + 0.5 * hills + 2.0 * altitude, 0.05, 2.5)
    weights = {
        "crop": 2.6 / (0.5 + wild),
        "forest": 0.85 * wild,
        "pasture": 0.42,
        "orchard": 0.18,
        "scrub": 0.34 * wild + 0.12,
        "waste": 0.15,
        "ponds": 1.3 if 1.3 < lake < 2.3 else 0.03,
    }
    chances = np.array(list(weights.values()))
    return str(rng.choice(list(weights), p=chances / chances.sum()))


def _uses(
    rng: np.random.Generator, layout: Layout, terrain: Terrain, seeds: Points, kinds: NDArray[np.int8]
) -> list[str]:
    towns = layout.frame.place(layout.towns)
    reach = 0.125 * layout.frame.length
    factory_side = rng.uniform(0, 2 * np.pi)
    hills, altitude, lake = (sample(f, seeds) for f in (terrain.hills, terrain.altitude, terrain.lake_field))
    uses = []
    for i, (seed, kind) in enumerate(zip(seeds, kinds, strict=True)):
        if kind == TOWN:
            offset = min((seed - town for town in towns), key=lambda d: float(np.linalg.norm(d)))
            side = np.cos(np.arctan2(offset[1], offset[0]) - factory_side)
            uses.append(_town_use(rng, float(np.linalg.norm(offset)) / reach, float(side)))
        elif kind == VILLAGE:
            uses.append(str(rng.choice(["houses", "terraces", "park"], p=[0.75, 0.15, 0.10])))
        else:
            uses.append(_country_use(rng, float(hills[i]), float(altitude[i]), float(lake[i])))
    return uses


def _recent(rng: np.random.Generator, layout: Layout, seeds: Points, kinds: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Town blocks of the last years: one side of each town, from a random bearing."""
    recent = np.zeros(len(seeds), bool)
    for town in layout.frame.place(layout.towns):
        bearing = rng.uniform(0, 2 * np.pi)
        along = (seeds - town) @ np.array([np.cos(bearing), np.sin(bearing)])
        near = np.linalg.norm(seeds - town, axis=1) < 0.14 * layout.frame.length
        recent |= near & (kinds == TOWN) & (along > 0.055 * layout.frame.length)
    return recent


def make_blocks(rng: np.random.Generator, layout: Layout, terrain: Terrain) -> Blocks:
    """Partition the rectangle into blocks and give each a use."""
    seeds, kinds = _seeds(rng, layout)
    frame = layout.frame
    span = 4 * (frame.width + frame.height)
    ring = np.array([[-span, -span], [-span, 2 * span], [2 * span, -span], [2 * span, 2 * span]], float)
    diagram = Voronoi(np.vstack([seeds, ring]))
    polygons = [Polygon(diagram.vertices[diagram.regions[diagram.point_region[i]]]) for i in range(len(seeds))]
    label = draw([(polygon, i + 1) for i, polygon in enumerate(polygons)], frame.shape, "int32")
    inner = [(pair, cells) for pair, cells in zip(diagram.ridge_vertices, diagram.ridge_points, strict=True)
             if -1 not in pair and max(cells) < len(seeds)]  # fmt: skip
    return Blocks(
        polygons=polygons,
        label=label,
        kind=kinds,
        use=_uses(rng, layout, terrain, seeds, kinds),
        recent=_recent(rng, layout, seeds, kinds),
        angle=np.array([_angle(polygon) for polygon in polygons]),
        vertices=diagram.vertices,
        ridges=np.array([pair for pair, _ in inner], np.int64),
        ridge_cells=np.array([cells for _, cells in inner], np.int64),
    )


def shrink(polygon: Polygon, margin: float) -> Polygon:
    """The polygon less a margin along its sides; may be empty."""
    return shapely.buffer(polygon, -margin, join_style="mitre")
