"""The whole country at 1 m: true classes, materials, heights and textures."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from shapely.geometry import LineString, box

from l2h.toy.blocks import COUNTRY, Blocks, make_blocks
from l2h.toy.country import City, city_index, make_cities
from l2h.toy.cover import Cover, make_cover
from l2h.toy.fields import Parcels, make_parcels
from l2h.toy.geometry import draw, lines_mask
from l2h.toy.layout import Layout, plan_layout
from l2h.toy.materials import CODE, VALUE_OF
from l2h.toy.noise import fractal_noise, quantise, smooth_noise
from l2h.toy.objects import Objects
from l2h.toy.roads import Road, make_roads
from l2h.toy.settlement import Building, building_objects, make_buildings, roof_codes
from l2h.toy.terrain import Terrain, make_terrain
from l2h.toy.trees import BUSHES, TREES, grow

Codes = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Landscape:
    """Rasters [H, W] on the project's grid and the vectors behind them, in local pixels (x right, y down).

    truth: sinolc1 values, never 0. truth_old: the same some years earlier. material: codes of `MATERIALS`. number: row
    of `objects` (int32). canopy: height of the crown or bush on top in metres, 0 none. tone: its brightness deviation
    in percent. roof: height of the building in metres. elevation: ground in metres. textures: int8 [4, H, W] in 1/32
    standard deviations, at 1, 4, 30 and 150 m. city: index of the owning city, 0 outside the country.
    """

    layout: Layout
    cities: list[City]
    roads: list[Road]
    buildings: list[Building]
    truth: Codes
    truth_old: Codes
    material: Codes
    number: NDArray[np.int32]
    objects: Objects
    canopy: NDArray[np.float16]
    tone: NDArray[np.int8]
    roof: NDArray[np.float16]
    elevation: NDArray[np.float32]
    textures: NDArray[np.int8]
    city: Codes

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.layout.frame.shape


def _draw_roads(roads: list[Road], shape: tuple[int, int]) -> Codes:
    """Material code of the visible roads [H, W], 0 elsewhere: kerbs or parapets, surface, markings."""
    shapes = []
    for road in (r for r in roads if r.visible):
        line = LineString(road.line)
        if road.bridge or road.kind in ("motorway", "primary", "secondary"):
            shapes.append((line.buffer(road.width / 2 + 0.9, cap_style="flat"), CODE["kerb"]))
        cap = "flat" if road.bridge else "round"
        shapes.append((line.buffer(road.width / 2, cap_style=cap), CODE[road.surface]))
        if road.kind in ("motorway", "primary", "rail"):
            shapes.append((line.buffer(0.5), CODE["marking"]))
    return draw(shapes, shape)


def _tree_chances(cover: Cover, roads: list[Road], paths: Codes, parcels: Parcels, blocks: Blocks) -> Codes:
    """Add avenues along the larger roads and hedges along some parcels; nothing grows out of roads and paving."""
    shape = paths.shape
    lines = [r.line for r in roads if r.visible and not r.bridge and r.kind in ("primary", "secondary", "tertiary")]
    avenue = lines_mask(lines, 21.0, shape) & ~lines_mask(lines, 12.0, shape)
    dry = VALUE_OF[cover.material] != 9
    high = np.isin(VALUE_OF[cover.material], (7, 8, 12))
    chances = cover.trees.copy()
    chances[avenue & dry & ~high] |= 110
    hedged = np.arange(blocks.count) % 3 == 0
    hedge = hedged[cover.block] & (parcels.edge < 1.4) & np.isin(VALUE_OF[cover.material], (4, 5))
    chances[hedge & (blocks.kind == COUNTRY)[cover.block]] = 120
    chances[(ndimage.maximum_filter(paths, 3) > 0) | ~dry] = 0
    return chances


def _put_up(buildings: list[Building], first: int, material: Codes, number: NDArray[np.int32]) -> NDArray[np.float16]:
    """Draw roofs into `material` and `number`; returns their heights [H, W]."""
    index = draw([(b.shape, i + 1) for i, b in enumerate(buildings)], material.shape, "int32")
    there = index > 0
    codes = np.concatenate([np.zeros(1, np.uint8), roof_codes(buildings)])
    heights = np.concatenate([[0], [b.height for b in buildings]]).astype(np.float16)
    material[there] = codes[index[there]]
    number[there] = index[there] + first - 1
    roof: NDArray[np.float16] = heights[index]
    return roof


def _plant(
    rng: np.random.Generator, chances: Codes, bushes: Codes, free: Mask
) -> tuple[NDArray[np.float16], NDArray[np.int8], Mask]:
    """Crowns and bushes: height, tone, and where the plant on top is a bush."""
    canopy, tone = grow(rng, chances, TREES)
    low, low_tone = grow(rng, np.where(free, bushes, 0).astype(np.uint8), BUSHES)
    bush = (low > 0) & (canopy == 0)
    canopy[bush], tone[bush] = low[bush], low_tone[bush]
    return canopy, tone, bush


def _classes(material: Codes, canopy: NDArray[np.float16], bush: Mask, forest: Mask) -> Codes:
    """True class of every pixel as seen from above: crowns hide what is under them, small gaps in woods are woods."""
    truth = VALUE_OF[material]
    truth[(canopy > 0) & ~bush] = 2
    truth[bush & np.isin(truth, (4, 7))] = 3
    gaps = forest & np.isin(truth, (3, 4))
    truth[gaps & (VALUE_OF[material] == 2)] = 2
    return truth


def _old_classes(truth: Codes, cover: Cover, blocks: Blocks, quarry: Mask) -> Codes:
    """The country some years earlier: recent town blocks were fields, the quarry was forest."""
    old = truth.copy()
    recent = blocks.recent[cover.block] & (truth != 9)
    old[recent] = 5
    old[quarry] = 2
    return old


def _textures(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.int8]:
    fine = rng.standard_normal(shape, dtype=np.float32)
    middle = fractal_noise(rng, shape, 5, 2)
    return np.stack(
        [quantise(f) for f in (fine, middle, fractal_noise(rng, shape, 34, 3), smooth_noise(rng, shape, 160))]
    )


def _ground(rng: np.random.Generator, layout: Layout) -> tuple[Terrain, Blocks, Parcels, Cover, Mask]:
    terrain = make_terrain(rng, layout)
    blocks = make_blocks(rng, layout, terrain)
    parcels = make_parcels(rng, blocks)
    cover, quarry = make_cover(rng, blocks, terrain, parcels)
    return terrain, blocks, parcels, cover, quarry


def make_landscape(rng: np.random.Generator, km2: float, progress: Progress) -> Landscape:
    """Generate the country of `km2` square kilometres; every random number comes from `rng`, in a fixed order."""
    layout = plan_layout(rng, km2)
    frame = layout.frame
    cities = make_cities(rng, layout)
    progress("terrain, fields and woods")
    terrain, blocks, parcels, cover, quarry = _ground(rng, layout)
    progress("roads and buildings")
    roads = make_roads(rng, layout, terrain, blocks)
    paths = _draw_roads(roads, frame.shape)
    free = (paths == 0) & ~terrain.water & (cover.material != CODE["snow"])
    buildings = make_buildings(rng, blocks, free, box(1, 1, frame.width - 1, frame.height - 1))
    material = np.where(paths > 0, paths, cover.material)
    number = np.where(VALUE_OF[material] == 5, parcels.number, 0).astype(np.int32)
    roof = _put_up(buildings, parcels.objects.count, material, number)
    progress("trees")
    chances = _tree_chances(cover, roads, paths, parcels, blocks)
    chances[roof > 0] = 0
    canopy, tone, bush = _plant(rng, chances, cover.bushes, (paths == 0) & (roof == 0))
    canopy[roof > 0] = 0
    truth = _classes(material, canopy, bush & (roof == 0), cover.forest)
    return Landscape(
        layout=layout,
        cities=cities,
        roads=roads,
        buildings=buildings,
        truth=truth,
        truth_old=_old_classes(truth, cover, blocks, quarry),
        material=material,
        number=number,
        objects=parcels.objects.followed_by(building_objects(rng, buildings)),
        canopy=canopy,
        tone=tone,
        roof=roof,
        elevation=terrain.elevation,
        textures=_textures(rng, frame.shape),
        city=city_index(cities, frame.shape),
    )
