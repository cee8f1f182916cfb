"""Buildings: houses, terraces, courtyard blocks and halls inside the town and village blocks."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import affinity
from shapely.geometry import Polygon, box

from l2h.toy.blocks import COUNTRY, Blocks, shrink
from l2h.toy.geometry import Points
from l2h.toy.materials import CODE
from l2h.toy.objects import Objects, random_tint


@dataclass(frozen=True)
class Building:
    """One building in local pixels: footprint (perhaps with a courtyard), height in metres, roof material."""

    shape: Polygon
    height: float
    roof: str
    gabled: bool
    angle: float
    recent: bool


@dataclass(frozen=True)
class Pattern:
    """How one use is built: spacing and size ranges in metres, chance that a plot is built, heights and roofs."""

    step: tuple[float, float]
    length: tuple[float, float]
    depth: tuple[float, float]
    chance: float
    height: tuple[float, float]
    roofs: tuple[str, ...]
    gabled: float
    setback: float = 7.0


_HOUSE_ROOFS = ("red_roof", "red_roof", "brown_roof", "grey_roof")
PATTERNS = {
    "houses": Pattern((17, 21), (9, 14), (7, 10), 0.80, (4, 8), _HOUSE_ROOFS, 0.8),
    "terraces": Pattern((58, 26), (34, 52), (10, 13), 0.85, (9, 18), ("red_roof", "grey_roof", "brown_roof"), 0.6),
    "industry": Pattern((40, 30), (24, 36), (14, 24), 0.9, (6, 12), ("white_roof", "blue_roof", "grey_roof"), 0.3, 5),
    "farm": Pattern((24, 20), (12, 20), (8, 11), 0.7, (4, 6), ("red_roof", "dark_roof", "grey_roof"), 0.8),
    "site": Pattern((40, 34), (16, 26), (12, 18), 0.55, (3, 14), ("grey_roof", "dark_roof"), 0.0),
}  # fmt: skip


def _turned(shape: Polygon, angle: float, centre: Points) -> Polygon:
    turned = affinity.rotate(shape, angle, origin=(0, 0), use_radians=True)
    return affinity.translate(turned, centre[0], centre[1])


def _plots(rng: np.random.Generator, pattern: Pattern, ground: Polygon, angle: float) -> Points:
    """Centres [n, 2] of plots on a lattice along `angle` inside `ground`."""
    centre = np.array(ground.centroid.coords[0])
    reach = np.hypot(*np.ptp(np.array(ground.exterior.coords), axis=0)) / 2
    along = np.arange(-reach, reach, pattern.step[0]) + rng.uniform(0, pattern.step[0])
    across = np.arange(-reach, reach, pattern.step[1]) + rng.uniform(0, pattern.step[1])
    u, v = (axis.ravel() for axis in np.meshgrid(along, across))
    u, v = u + rng.normal(0, 1.2, u.size), v + rng.normal(0, 1.0, v.size)
    points = centre + np.stack([u * np.cos(angle) - v * np.sin(angle), u * np.sin(angle) + v * np.cos(angle)], axis=1)
    inside: Points = points[shapely.contains_xy(ground, points[:, 0], points[:, 1])]
    return inside


def _footprint(rng: np.random.Generator, pattern: Pattern) -> Polygon:
    """Rectangle around the origin, one in four with a wing."""
    length, depth = rng.uniform(*pattern.length), rng.uniform(*pattern.depth)
    body = box(-length / 2, -depth / 2, length / 2, depth / 2)
    if rng.random() < 0.25:
        wing = box(length / 2 - 0.45 * length, 0, length / 2, depth / 2 + 0.35 * depth)
        body = body.union(wing)
    return body


def _row_of_plots(
    rng: np.random.Generator, pattern: Pattern, ground: Polygon, angle: float, recent: bool
) -> list[Building]:
    """One building a plot, where it fits wholly on the ground."""
    found = []
    style = str(rng.choice(pattern.roofs))
    for centre in _plots(rng, pattern, ground, angle):
        turn = angle + rng.normal(0, 0.03)
        shape = _turned(_footprint(rng, pattern), turn, centre)
        roof = style if rng.random() < 0.55 else str(rng.choice(pattern.roofs))
        keep = rng.random() < pattern.chance
        gabled, height = bool(rng.random() < pattern.gabled), float(rng.uniform(*pattern.height))
        if keep and ground.contains(shape):
            found.append(Building(shape, height, roof, gabled, turn, recent))
    return found


def _courtyard(rng: np.random.Generator, ground: Polygon, recent: bool) -> list[Building]:
    """A closed perimeter block around a courtyard, where the ground is wide enough; else a solid one."""
    depth = rng.uniform(10, 13)
    inner = shrink(ground, depth)
    roof = str(rng.choice(["red_roof", "grey_roof", "dark_roof", "brown_roof"]))
    if inner.is_empty or inner.geom_type != "Polygon" or inner.area < 150:
        return [Building(ground, float(rng.uniform(10, 16)), roof, False, 0.0, recent)] if ground.area < 2500 else []
    ring = Polygon(ground.exterior.coords, [inner.exterior.coords])
    return [Building(ring, float(rng.uniform(12, 20)), roof, False, 0.0, recent)]


def _build_block(rng: np.random.Generator, blocks: Blocks, block: int) -> list[Building]:
    use, recent, angle = blocks.use[block], bool(blocks.recent[block]), float(blocks.angle[block])
    pattern = PATTERNS.get(use, PATTERNS["houses"])
    ground = shrink(blocks.polygons[block], pattern.setback)
    if ground.is_empty or ground.geom_type != "Polygon" or use == "park":
        return []
    if use == "apartments":
        if rng.random() < 0.65 and ground.area < 9000:
            return _courtyard(rng, ground, recent)
        pattern = PATTERNS["terraces"]
    return _row_of_plots(rng, pattern, ground, angle, recent)


def _farms(rng: np.random.Generator, blocks: Blocks) -> list[Building]:
    """Lonely farmsteads at the corner of some field blocks."""
    found: list[Building] = []
    for block in np.flatnonzero(blocks.kind == COUNTRY):
        if blocks.use[block] not in ("crop", "pasture", "ponds") or rng.random() > 0.3:
            continue
        field = shrink(blocks.polygons[block], 9.0)
        if field.is_empty or field.geom_type != "Polygon":
            continue
        corner = np.array(field.exterior.coords[int(rng.integers(len(field.exterior.coords) - 1))])
        yard = field.intersection(box(*(corner - 32), *(corner + 32)))
        if yard.geom_type == "Polygon" and not yard.is_empty:
            found += _row_of_plots(rng, PATTERNS["farm"], yard, float(blocks.angle[block]), False)
    return found


def make_buildings(
    rng: np.random.Generator, blocks: Blocks, free: NDArray[np.bool_], extent: Polygon
) -> list[Building]:
    """All buildings that stand on `free` ground [H, W] (no water, no road) inside `extent`."""
    candidates = [b for block in np.flatnonzero(blocks.kind != COUNTRY) for b in _build_block(rng, blocks, int(block))]
    candidates += _farms(rng, blocks)
    return [b for b in candidates if extent.contains(b.shape) and _stands_free(b, free)]


def _stands_free(building: Building, free: NDArray[np.bool_]) -> bool:
    """Whether the footprint's corners, sides and middle all lie on free pixels."""
    outline = building.shape.exterior.segmentize(3.0)
    points = np.vstack([np.array(outline.coords), np.array(building.shape.representative_point().coords)])
    cols = np.clip(points[:, 0].astype(int), 0, free.shape[1] - 1)
    rows = np.clip(points[:, 1].astype(int), 0, free.shape[0] - 1)
    return bool(free[rows, cols].all())


def building_objects(rng: np.random.Generator, buildings: list[Building]) -> Objects:
    """Roof tints and ridges, one row a building."""
    count = len(buildings)
    angle = np.array([b.angle for b in buildings])
    gabled = np.array([b.gabled for b in buildings], np.float32)
    centre = np.array([b.shape.centroid.coords[0] for b in buildings]).reshape(-1, 2)
    blank = Objects.blank(count)
    return Objects(
        tint=random_tint(rng, count, 0.12, 0.03),
        row_x=blank.row_x, row_y=blank.row_y, row_depth=blank.row_depth,
        centre_x=centre[:, 0].astype(np.float32), centre_y=centre[:, 1].astype(np.float32),
        side_x=(-np.sin(angle) * gabled).astype(np.float32), side_y=(np.cos(angle) * gabled).astype(np.float32),
    )  # fmt: skip


def roof_codes(buildings: list[Building]) -> NDArray[np.uint8]:
    """Material code of each building's roof [n]."""
    return np.array([CODE[b.roof] for b in buildings], np.uint8)
