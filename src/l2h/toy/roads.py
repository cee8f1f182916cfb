"""The road network: shortest paths along the sides of blocks, streets, tracks, a motorway and a railway."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra
from shapely.geometry import LineString

from l2h.toy.blocks import COUNTRY, Blocks
from l2h.toy.geometry import Points, chaikin, normals, sample, spline
from l2h.toy.layout import Layout
from l2h.toy.terrain import Terrain

WIDTH_M = {
    "motorway": 11.0,
    "primary": 13.0,
    "secondary": 9.5,
    "tertiary": 7.0,
    "residential": 6.0,
    "service": 4.5,
    "track": 3.2,
    "rail": 5.5,
}
LANES = {"motorway": 2, "primary": 4, "secondary": 2, "tertiary": 2, "residential": 2, "service": 1, "track": 1}
SURFACE = {"service": "concrete_road", "track": "dirt_road", "rail": "ballast"}


@dataclass(frozen=True)
class Road:
    """One stretch of road in local pixels: `kind` is a key of WIDTH_M, `width` in metres.

    A `tunnel` or a `proposed` road is known to the map but not seen from above. `block` is a block (0-based) it
    belongs to, -1 for through roads: recent blocks had no streets in the older year.
    """

    kind: str
    line: Points
    width: float
    surface: str
    bridge: bool = False
    tunnel: bool = False
    proposed: bool = False
    block: int = -1

    @property
    def visible(self) -> bool:
        """Whether it can be seen from above."""
        return not (self.tunnel or self.proposed)


class _Network:
    """Sides of blocks as a graph; sides are used up as roads are laid on them."""

    def __init__(self, blocks: Blocks, terrain: Terrain) -> None:
        self.blocks = blocks
        self.ends = blocks.vertices[blocks.ridges]
        self.length = np.linalg.norm(self.ends[:, 1] - self.ends[:, 0], axis=1)
        t = np.linspace(0, 1, 9)[None, :, None]
        points = self.ends[:, :1] * (1 - t) + self.ends[:, 1:] * t
        flat = points.reshape(-1, 2)

        def share(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
            mean: NDArray[np.float64] = sample(mask, flat).reshape(len(points), -1).mean(axis=1)
            return mean

        self.wet = share(terrain.river)
        self.blocked = share(terrain.sea | terrain.lake | (terrain.altitude > 0.42)) > 0
        height, width = terrain.sea.shape
        inside = (flat[:, 0] > 0) & (flat[:, 0] < width) & (flat[:, 1] > 0) & (flat[:, 1] < height)
        self.inside = inside.reshape(len(points), -1).mean(axis=1)
        self.kind: list[str | None] = [None] * len(self.ends)
        self.cost = self.length * (1 + 12 * self.wet) + 1e7 * self.blocked

    def node(self, point: Points) -> int:
        """The corner of a block nearest to a point."""
        used = np.unique(self.blocks.ridges)
        return int(used[np.argmin(np.linalg.norm(self.blocks.vertices[used] - point, axis=1))])

    def path(self, start: int, stop: int) -> list[int]:
        """Cheapest chain of nodes; roads that exist already cost less, so routes share them."""
        a, b = self.blocks.ridges.T
        discount = np.array([0.45 if kind else 1.0 for kind in self.kind])
        size = len(self.blocks.vertices)
        graph = coo_matrix((self.cost * discount + 1e-6, (a, b)), shape=(size, size)).tocsr()
        cost, before = dijkstra(graph, directed=False, indices=np.array(start), return_predecessors=True)
        if not cost[stop] < 1e7:
            return []
        nodes = [stop]
        while nodes[-1] != start:
            nodes.append(int(before[nodes[-1]]))
        return nodes

    def lay(self, nodes: list[int], kind: str) -> Iterator[Points]:
        """Mark the sides along a path; yields the stretches that were free until now."""
        index = {tuple(sorted(pair)): i for i, pair in enumerate(self.blocks.ridges.tolist())}
        stretch: list[int] = nodes[:1]
        for a, b in pairwise(nodes):
            side = index[tuple(sorted((a, b)))]
            if self.kind[side] is None:
                self.kind[side] = kind
                stretch.append(b)
            else:
                if len(stretch) > 1:
                    yield self.blocks.vertices[stretch]
                stretch = [b]
        if len(stretch) > 1:
            yield self.blocks.vertices[stretch]


def _road(rng: np.random.Generator, kind: str, line: Points, block: int = -1) -> Road:
    width = WIDTH_M[kind] * rng.uniform(0.85, 1.15)
    rural_concrete = kind in ("tertiary", "residential") and rng.random() < 0.35
    surface = "concrete_road" if rural_concrete else SURFACE.get(kind, "asphalt")
    return Road(kind, line, width, surface, block=block)


def _through_roads(rng: np.random.Generator, layout: Layout, network: _Network) -> list[Road]:
    """Primary between the towns, secondaries to the rim of the rectangle, a tertiary to every village."""
    frame = layout.frame
    first, second = (network.node(p) for p in frame.place(layout.towns))
    rim = np.array([[-0.02, 0.40], [0.97, 0.62], [0.16, 1.02], [0.36, -0.02]])
    errands = [(first, second, "primary"), (first, network.node(frame.place(rim[0])), "primary")]
    errands += [(second, network.node(p), "secondary") for p in frame.place(rim[1:3])]
    errands += [(first, network.node(frame.place(rim[3])), "secondary")]
    errands += [(second, network.node(p), "tertiary") for p in frame.place(layout.villages[1:])]
    roads = []
    for start, stop, kind in errands:
        for stretch in network.lay(network.path(start, stop), kind):
            roads.append(_road(rng, kind, chaikin(stretch)))
    return roads


def _local_roads(rng: np.random.Generator, network: _Network, blocks: Blocks) -> list[Road]:
    """Streets on the free sides of town and village blocks, tracks on some sides of field blocks."""
    roads = []
    for side, cells in enumerate(blocks.ridge_cells):
        built = blocks.kind[cells] != COUNTRY
        dry = network.wet[side] == 0 and not network.blocked[side]
        if network.kind[side] is not None or not dry or network.inside[side] == 0 or network.length[side] < 12:
            continue
        farmed = any(blocks.use[c] in ("crop", "orchard", "ponds", "pasture") for c in cells)
        if built.any():
            block = int(cells[blocks.recent[cells]][0]) if blocks.recent[cells].any() else -1
            network.kind[side] = "residential"
            roads.append(_road(rng, "residential", network.ends[side], block))
        elif rng.random() < (0.5 if farmed else 0.12):
            network.kind[side] = "track"
            roads.append(_road(rng, "track", chaikin(_bent(rng, network.ends[side]))))
    return roads


def _service_roads(rng: np.random.Generator, blocks: Blocks, terrain: Terrain) -> list[Road]:
    """A drive from the middle of a side into each works, building site and wasteland on dry low ground."""
    wild = terrain.water | (terrain.altitude > 0.3) | (terrain.lake_field < 1.5)
    roads = []
    for block, use in enumerate(blocks.use):
        if use in ("industry", "site", "waste"):
            corners = np.array(blocks.polygons[block].exterior.coords)
            side = int(rng.integers(len(corners) - 1))
            gate = corners[side : side + 2].mean(axis=0)
            inner = np.array(blocks.polygons[block].centroid.coords[0])
            line = np.vstack([gate, gate + 0.45 * (inner - gate)])
            if not sample(wild, line).any():
                roads.append(_road(rng, "service", line, block if blocks.recent[block] else -1))
    return roads


def _bent(rng: np.random.Generator, ends: Points) -> Points:
    """A side with its middle moved a little, so that tracks are not ruled lines."""
    length = np.linalg.norm(ends[1] - ends[0])
    middle = ends.mean(axis=0) + rng.normal(0, 0.025 * length, 2)
    return np.vstack([ends[:1], middle[None], ends[1:]])


def _trunk_lines(rng: np.random.Generator, layout: Layout) -> list[Road]:
    """Two carriageways of a motorway and a railway, on curves of their own."""
    centre = spline(layout.frame.place(layout.motorway), 15.0)
    across = normals(centre)
    width = min(WIDTH_M["motorway"], 0.008 * layout.frame.length + 3)
    roads = [replace(_road(rng, "motorway", centre + sign * (width / 2 + 2.2) * across), width=width)
             for sign in (-1, 1)]  # fmt: skip
    return [*roads, _road(rng, "rail", spline(layout.frame.place(layout.railway), 15.0))]


def _pieces(line: Points, inside: NDArray[np.bool_]) -> Iterator[tuple[Points, bool]]:
    """Cut a dense polyline where a property of its vertices changes; neighbours share the vertex of the cut."""
    cuts = np.flatnonzero(np.diff(inside.astype(np.int8))) + 1
    edges = [0, *cuts.tolist(), len(line)]
    for start, stop in pairwise(edges):
        piece = line[start : min(stop + 1, len(line))]
        if len(piece) > 1:
            yield piece, bool(inside[start])


def _dense(line: Points, step: float = 2.0) -> Points:
    shape = LineString(line)
    count = max(int(np.ceil(shape.length / step)) + 1, 2)
    return np.array([shape.interpolate(s).coords[0] for s in np.linspace(0, shape.length, count)])


def _thin(line: Points) -> Points:
    return np.array(LineString(line).simplify(0.25).coords)


def _with_tunnel(road: Road, terrain: Terrain) -> list[Road]:
    """Put the highest stretch of a trunk road underground."""
    line = _dense(road.line)
    altitude = sample(terrain.altitude, line)
    inside = np.zeros(len(line), bool)
    top = int(np.argmax(altitude))
    reach = max(int(0.035 * np.sqrt(terrain.sea.size) / 2), 8)
    inside[max(top - reach, 1) : top + reach] = True
    return [replace(road, line=_thin(piece), tunnel=flag) for piece, flag in _pieces(line, inside)]


def _with_bridges(road: Road, water: NDArray[np.bool_]) -> list[Road]:
    """Cut a road into land and bridge stretches."""
    line = _dense(road.line)
    over = sample(water, line)
    if not over.any():
        return [road]
    reach = 3
    over = np.convolve(over, np.ones(2 * reach + 1), "same") > 0
    return [replace(road, line=_thin(piece), bridge=flag) for piece, flag in _pieces(line, over)]


def make_roads(rng: np.random.Generator, layout: Layout, terrain: Terrain, blocks: Blocks) -> list[Road]:
    """All roads of the country, cut at bridges and tunnels; minor ones first, as they are drawn."""
    network = _Network(blocks, terrain)
    through = _through_roads(rng, layout, network)
    local = [*_local_roads(rng, network, blocks), *_service_roads(rng, blocks, terrain)]
    trunks = _trunk_lines(rng, layout)
    tunnelled = [
        part for road in trunks for part in (_with_tunnel(road, terrain) if road.kind == "motorway" else [road])
    ]
    roads = [part for road in [*local, *through, *tunnelled]
             for part in ([road] if road.tunnel else _with_bridges(road, terrain.water))]  # fmt: skip
    free = [r for r in range(len(roads)) if roads[r].kind == "track"]
    chosen = int(rng.choice(free)) if free else 0
    roads[chosen] = replace(roads[chosen], kind="tertiary", proposed=True)
    rank = list(WIDTH_M)[::-1]
    return sorted(roads, key=lambda road: (road.bridge, rank.index(road.kind)))
