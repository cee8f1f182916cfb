"""Ground cover before roads, roofs and crowns: which material lies where, and how thick trees grow."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from l2h.toy.blocks import COUNTRY, Blocks
from l2h.toy.fields import Parcels
from l2h.toy.materials import CODE
from l2h.toy.noise import fractal_noise, smooth_noise
from l2h.toy.terrain import SNOW_LINE, Terrain

Codes = NDArray[np.uint8]
Mask = NDArray[np.bool_]

YARD_PAVED = {"apartments": 0.75, "houses": 0.30, "terraces": 0.35, "industry": 0.93, "park": 0.06, "site": 0.2}
TREE_CHANCE = {
    "apartments": 22,
    "houses": 38,
    "terraces": 40,
    "industry": 5,
    "park": 85,
    "site": 2,
    "crop": 0,
    "forest": 252,
    "pasture": 4,
    "orchard": 185,
    "scrub": 6,
    "waste": 3,
    "ponds": 5,
}
BUSH_CHANCE = {"scrub": 235, "forest": 0, "pasture": 5, "waste": 14, "park": 14, "houses": 12, "terraces": 8}


class Cover:
    """The ground being painted: material codes, tree and bush chances, all uint8 [H, W], and where crops grow."""

    def __init__(self, blocks: Blocks) -> None:
        use = blocks.lookup(np.arange(blocks.count, dtype=np.int32))
        self.block: NDArray[np.int32] = use.astype(np.int32)
        self.material: Codes = np.zeros(blocks.label.shape, np.uint8)
        trees = np.array([TREE_CHANCE[name] for name in blocks.use], np.uint8)
        bushes = np.array([BUSH_CHANCE.get(name, 0) for name in blocks.use], np.uint8)
        self.trees: Codes = trees[self.block]
        self.bushes: Codes = bushes[self.block]
        self.forest: Mask = np.zeros(blocks.label.shape, bool)

    def paint(self, where: Mask, material: str, trees: int | None = None, bushes: int | None = None) -> None:
        """Lay one material on the pixels of a mask; chances of plants change only where given."""
        self.material[where] = CODE[material]
        if trees is not None:
            self.trees[where] = trees
            self.forest[where] = trees > 200
        if bushes is not None:
            self.bushes[where] = bushes


def _is(blocks: Blocks, cover: Cover, *uses: str) -> Mask:
    return np.array([use in uses for use in blocks.use])[cover.block]


def _farmland(rng: np.random.Generator, cover: Cover, blocks: Blocks, parcels: Parcels) -> None:
    """Crops, balks, orchards, pastures, scrub, waste, fish ponds."""
    shape = cover.material.shape
    crop = _is(blocks, cover, "crop")
    cover.material[crop] = parcels.crop[parcels.number[crop]]
    cover.paint(crop & (parcels.edge < 0.55), "balk")
    cover.paint(_is(blocks, cover, "forest"), "broadleaf", 252)
    cover.paint(_is(blocks, cover, "pasture"), "meadow")
    cover.paint(_is(blocks, cover, "orchard"), "orchard", 200)
    patchy = fractal_noise(rng, shape, 26, 3)
    scrub = _is(blocks, cover, "scrub")
    cover.paint(scrub, "shrub")
    cover.paint(scrub & (patchy > 0.95), "meadow", bushes=20)
    waste = _is(blocks, cover, "waste")
    cover.paint(waste, "soil")
    cover.paint(waste & (patchy > 0.75), "meadow")
    cover.paint(waste & (patchy < -1.3), "shrub", bushes=200)
    ponds = _is(blocks, cover, "ponds")
    cover.paint(ponds, "pond_water")
    cover.paint(ponds & (parcels.edge < 2.2), "meadow")


def _woods(rng: np.random.Generator, cover: Cover, blocks: Blocks, terrain: Terrain) -> None:
    """Woods of their own shape in the hills, with a fringe of scrub and clearings; conifers in patches."""
    shape = cover.material.shape
    country = (blocks.kind == COUNTRY)[cover.block]
    wild = terrain.hills + 0.9 * np.minimum(terrain.altitude, 0.5) * 4 - 0.95
    wood = country & (wild > 0.12)
    fringe = country & (wild > -0.1) & ~wood
    patch = fractal_noise(rng, shape, 40, 3)
    cover.paint(fringe & (patch > -0.1), "shrub", 10, 235)
    cover.paint(fringe & (patch <= -0.1), "meadow", 6, 12)
    cover.paint(wood, "broadleaf", 253, 0)
    clearing = cover.forest & (patch > 1.45)
    cover.paint(clearing, "meadow", 3, 30)
    conifers = cover.forest & (fractal_noise(rng, shape, 140, 3) + terrain.altitude * 2 > 0.55)
    cover.material[conifers] = CODE["conifer"]


def _mountain(rng: np.random.Generator, cover: Cover, terrain: Terrain) -> None:
    """Belts by altitude: woods, scrub and alpine grass, rock and moss, snow."""
    shape = cover.material.shape
    length = float(np.sqrt(terrain.sea.size))
    patch = fractal_noise(rng, shape, max(0.022 * length, 12), 4)
    level = terrain.altitude + 0.018 * fractal_noise(rng, shape, 30, 3)
    cover.paint(level > 0.36, "shrub", 3, 225)
    cover.paint((level > 0.36) & (patch + 6 * (level - 0.44) > 0.0), "alpine", 2, 8)
    high = level > 0.50
    cover.paint(high, "rock", 0, 0)
    cover.paint(high & (patch > 0.02), "moss", 0, 0)
    cover.paint(high & (level < 0.56) & (patch < -0.75), "alpine", 0, 10)
    cover.paint(level + 0.02 * patch > SNOW_LINE, "snow", 0, 0)
    cover.paint((level > SNOW_LINE) & (level < 0.80) & (patch < -1.5), "rock", 0, 0)


def _quarry(rng: np.random.Generator, cover: Cover, blocks: Blocks, terrain: Terrain) -> Mask:
    """A bite of bare rock out of the mountain's foot, opened in the last years."""
    shape = cover.material.shape
    foot = np.argwhere((terrain.altitude[::8, ::8] > 0.16) & (terrain.altitude[::8, ::8] < 0.24))
    row, col = foot[int(rng.integers(len(foot)))] * 8
    y, x = np.ogrid[: shape[0], : shape[1]]
    radius = 0.034 * np.sqrt(shape[0] * shape[1])
    distance = np.sqrt((y - row) ** 2 + (x - col) ** 2).astype(np.float32) / np.float32(radius)
    pit: Mask = distance + 0.2 * smooth_noise(rng, shape, radius / 3) < 1
    cover.paint(pit, "quarry", 0, 0)
    opened: Mask = pit & (blocks.kind == COUNTRY)[cover.block]
    return opened


def _wet(rng: np.random.Generator, cover: Cover, terrain: Terrain) -> None:
    """Water, the reed and mud around the lake and along the river, the beach and tidal flats."""
    shape = cover.material.shape
    length = float(np.sqrt(terrain.sea.size))
    patch = fractal_noise(rng, shape, 34, 4)
    broad = fractal_noise(rng, shape, 0.1 * length, 3)
    bank = ndimage.distance_transform_edt(~terrain.river[::2, ::2]).astype(np.float32) * 2
    bank = np.repeat(np.repeat(bank, 2, axis=0), 2, axis=1)[: shape[0], : shape[1]]
    marsh = (terrain.lake_field < 1.38 + 0.25 * broad) | ((bank < 0.011 * length * broad) & (terrain.altitude < 0.1))
    marsh |= (terrain.shore < 0.035 * length * (broad - 0.2)) & (terrain.altitude < 0.1)
    beach = (terrain.shore < 4 + 7 * np.clip(1 + broad, 0, 2)) & ~marsh
    cover.paint(marsh, "reed", 2, 14)
    cover.paint(marsh & (patch > 0.55), "mud", 0, 0)
    cover.paint(marsh & (patch < -1.75), "pond_water", 0, 0)
    cover.paint(beach, "sand", 0, 3)
    edge = (bank < 3) & (patch > 0.3) & ~marsh
    cover.paint(edge, "sand", 0, 0)
    cover.trees[(bank < 9) & (bank > 2) & ~marsh & ~edge & (terrain.altitude < 0.4)] |= 60
    cover.paint(terrain.river, "river_water", 0, 0)
    cover.paint(terrain.lake, "lake_water", 0, 0)
    cover.paint(terrain.sea, "sea_water", 0, 0)


def _settled(rng: np.random.Generator, cover: Cover, blocks: Blocks) -> None:
    """Yards of town and village blocks: paving, lawn, garden beds, bare building sites."""
    shape = cover.material.shape
    built = (blocks.kind != COUNTRY)[cover.block] & ~np.isin(
        cover.material, [CODE["river_water"], CODE["lake_water"], CODE["sea_water"]]
    )
    patch = 0.5 + smooth_noise(rng, shape, 9) * 0.29
    paved = np.array([YARD_PAVED.get(use, 0) for use in blocks.use], np.float32)[cover.block]
    use_trees = np.array([TREE_CHANCE[use] for use in blocks.use], np.uint8)[cover.block]
    cover.paint(built, "lawn", 0, 10)
    cover.trees[built] = use_trees[built]
    garden = built & (patch > 0.92) & (paved < 0.5)
    cover.paint(garden, "vegetables", 0, 0)
    cover.paint(built & (patch < paved), "paved", bushes=0)
    cover.paint(built & _is(blocks, cover, "site") & (patch > 0.18), "soil", 0, 4)


def make_cover(rng: np.random.Generator, blocks: Blocks, terrain: Terrain, parcels: Parcels) -> tuple[Cover, Mask]:
    """Paint the ground; also returns the pixels of the quarry, which the oldest product saw as forest."""
    cover = Cover(blocks)
    _farmland(rng, cover, blocks, parcels)
    _woods(rng, cover, blocks, terrain)
    _mountain(rng, cover, terrain)
    quarry = _quarry(rng, cover, blocks, terrain)
    _wet(rng, cover, terrain)
    _settled(rng, cover, blocks)
    return cover, quarry & (cover.material == CODE["quarry"])
