"""From a source's pixels to ours: where each of our pixels lies in the source, and what is found there.

Pure functions on arrays. Everything is meant to be called on the fixed tiles of the lattice (`Grid.tiles(TILE_PX)`), so
that no result depends on the block that asks.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from l2h.core.crs import parse_crs, same_crs, transformer
from l2h.core.grid import Grid, Window
from l2h.sources.frame import Floats, Frame

TILE_PX = 500  # divides the default block of 6000, so that no tile is computed twice there
STEPS = (64, 16, 4)  # spacings of the mesh on which the projection is computed exactly, tried in turn
TOLERANCE_PX = 1e-4  # of a source pixel: how far a place interpolated between the mesh's points may be off
WIDE = 128  # a spacing that is wide enough where an index is all that is wanted
UNIT, SPAN = 1 << 16, 120  # 32 bits say a place to half of 1 / UNIT pixel below SPAN pixels (2 ** 23 units)
SNAP = 6  # decimals of a source pixel: places that differ by rounding alone must fall on one side of an edge
FAR_PX = 10**9  # no raster is wider
Pixels = npt.NDArray[np.int32]
MAX_SAMPLES = 4  # a side, when averaging


def hit(grid: Grid, window: Window, frame: Frame) -> tuple[Pixels, Pixels]:
    """Row and column of the source pixel that holds every pixel centre of a window: two int32 [H, W].

    The same pixels as the places of `locate` fall into, found faster: away from edges a place need not be known to the
    last digit, so it is interpolated by two small matrix products. Places outside the source have an index outside it
    (at most one billion off); a point without a place has -1.
    """
    rows, cols = np.arange(float(window.height)), np.arange(float(window.width))
    mesh = None if same_crs(grid.crs, frame.crs) else _mesh(grid, window, frame, (WIDE, *STEPS))
    if mesh is None:
        return tuple(_whole(axis) for axis in _exact(grid, window, frame, rows, cols))  # type: ignore[return-value]
    tables, nodes = mesh
    hats = _hats(nodes[0], rows), _hats(nodes[1], cols).T
    (r, unsure), (c, unsure_too) = (_quick(table, hats) for table in tables)
    near = np.flatnonzero(np.logical_or(unsure, unsure_too, out=unsure))
    if near.size:
        y, x = np.divmod(near, window.width)
        east, north = grid.xy(y + window.row_start, x + window.col_start)
        sure_v, sure_u = _project(grid, frame, east, north)
        r.flat[near], c.flat[near] = _whole(sure_v), _whole(sure_u)
    return r, c


def _quick(table: Floats, hats: tuple[Floats, Floats]) -> tuple[Pixels, npt.NDArray[np.bool_]]:
    """The index each interpolated place lies in, int32 [H, W], and where it is unsure since an edge is too near.

    Where the places of a tile span few source pixels, as those of a coarser product do, they are numbers of 1 / UNIT of
    a pixel: half the memory, and whole numbers are split by a shift and a mask. Interpolation in 32 bits and the cut to
    whole units are off by less than four units together, beside TOLERANCE_PX, which `slack` allows for.
    """
    base = np.floor(table.min()) - 1
    if table.max() - base >= SPAN or abs(base) > FAR_PX:
        places = hats[0] @ table @ hats[1]
        index = _whole(places)
        return index, np.abs(places - index - 0.5) >= 0.5 - 2 * TOLERANCE_PX  # 0.5 on an edge
    left, units, right = (part.astype("float32") for part in (hats[0], (table - base) * UNIT, hats[1]))
    whole = (left @ units @ right).astype("int32")
    slack = int(np.ceil(2 * TOLERANCE_PX * UNIT)) + 3
    unsure = ((whole + np.int32(slack)) & np.int32(UNIT - 1)) < 2 * slack
    whole >>= UNIT.bit_length() - 1
    whole += np.int32(base)
    return whole, unsure


def _whole(places: Floats) -> Pixels:
    """The index of the pixel a place lies in; -1 for a place that is none."""
    if places.min(initial=0.0) >= 0 and places.max(initial=0.0) < FAR_PX:
        return places.astype("int32")  # towards zero is downwards here, and several times faster
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(places), np.clip(np.floor(places), -FAR_PX, FAR_PX), -1).astype("int32")


def _hats(known: Floats, wanted: Floats) -> Floats:
    """float64 [wanted, known]: the weights of bilinear interpolation along one axis."""
    weights = np.zeros((wanted.size, known.size))
    if known.size == 1:
        return weights + 1.0
    low = np.clip(np.searchsorted(known, wanted, side="right") - 1, 0, known.size - 2)
    share = (wanted - known[low]) / (known[low + 1] - known[low])
    rows = np.arange(wanted.size)
    weights[rows, low], weights[rows, low + 1] = 1 - share, share
    return weights


def locate(grid: Grid, window: Window, frame: Frame) -> tuple[Floats, Floats]:
    """Row and column in the source of every pixel centre of a window: two float64 [H, W].

    0.0 is the outer edge of the source's first row or column, 0.5 its centre; inf where the point has no place in the
    source's CRS. The projection is exact on a mesh and bilinear between, at a spacing where the midpoints of the mesh
    are right to TOLERANCE_PX; places near a pixel's edge are computed exactly, so the pixel hit is always the true one.
    """
    rows, cols = np.arange(float(window.height)), np.arange(float(window.width))
    mesh = None if same_crs(grid.crs, frame.crs) else _mesh(grid, window, frame)
    if mesh is None:
        return _exact(grid, window, frame, rows, cols)
    fine, nodes = mesh
    v, u = (_between(f, *nodes, rows, cols) for f in fine)
    return _settle_edges(grid, window, frame, v, u)


def _mesh(
    grid: Grid, window: Window, frame: Frame, steps: Sequence[int] = STEPS
) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]] | None:
    """Exact places on the coarsest mesh that is fine enough, and its rows and columns; None where none is."""
    for step in steps:
        coarse = _exact(grid, window, frame, _nodes(window.height, step), _nodes(window.width, step))
        nodes = _nodes(window.height, step // 2), _nodes(window.width, step // 2)
        fine = _exact(grid, window, frame, *nodes)
        with np.errstate(invalid="ignore"):  # inf - inf is nan: no mesh is fine enough there
            guess = [_between(c, _nodes(window.height, step), _nodes(window.width, step), *nodes) for c in coarse]
            error = np.max([np.abs(g - f).max() for g, f in zip(guess, fine, strict=True)])
        if error <= TOLERANCE_PX:
            return fine, nodes
    return None


def _nodes(length: int, step: int) -> Floats:
    """0, step, 2 step, … and the last index."""
    return np.append(np.arange(0.0, length - 1, step), float(length - 1))


def _between(table: Floats, rows: Floats, cols: Floats, to_rows: Floats, to_cols: Floats) -> Floats:
    """Bilinear interpolation of a table given at rows × cols, at to_rows × to_cols."""
    for axis, (known, wanted) in enumerate(((rows, to_rows), (cols, to_cols))):
        if known.size == 1:
            continue
        low = np.clip(np.searchsorted(known, wanted, side="right") - 1, 0, known.size - 2)
        share = (wanted - known[low]) / (known[low + 1] - known[low])
        share = share[:, None] if axis == 0 else share[None, :]
        table = np.take(table, low, axis) * (1 - share) + np.take(table, low + 1, axis) * share
    return table


def _exact(grid: Grid, window: Window, frame: Frame, rows: Floats, cols: Floats) -> tuple[Floats, Floats]:
    """Places in the source of rows × cols, counted within the window."""
    x, y = grid.xy(rows + window.row_start, cols + window.col_start)
    shape = (rows.size, cols.size)
    return _project(grid, frame, np.broadcast_to(x, shape), np.broadcast_to(y[:, None], shape))


def _project(grid: Grid, frame: Frame, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    if not same_crs(grid.crs, frame.crs):
        x, y = transformer(grid.crs, frame.crs).transform(x, y)
    if parse_crs(frame.crs).is_geographic:  # 181° E and 179° W are one place: take the turn nearest to the frame
        start = frame.x + frame.width * frame.dx / 2 - 180.0
        with np.errstate(invalid="ignore"):
            x = np.where(np.isfinite(x), start + np.mod(x - start, 360.0), x)
    return np.round((frame.y - y) / frame.dy, SNAP), np.round((x - frame.x) / frame.dx, SNAP)


def _settle_edges(grid: Grid, window: Window, frame: Frame, v: Floats, u: Floats) -> tuple[Floats, Floats]:
    """Compute exactly the places so near to an edge between source pixels that interpolation might cross it."""
    near = (np.abs(v - np.rint(v)) <= 2 * TOLERANCE_PX) | (np.abs(u - np.rint(u)) <= 2 * TOLERANCE_PX)
    r, c = np.nonzero(near)
    x, y = grid.xy(r + window.row_start, c + window.col_start)
    v[near], u[near] = _project(grid, frame, x, y)
    return v, u


def window_of(v: Floats, u: Floats, frame: Frame) -> Window:
    """The part of the source that places need, one pixel around them included; empty where none falls inside."""
    inside = (v >= 0) & (v < frame.height) & (u >= 0) & (u < frame.width)
    if not inside.any():
        return Window(0, 0, 0, 0)
    v, u = v[inside], u[inside]
    box = Window(int(v.min()), int(v.max()) + 1, int(u.min()), int(u.max()) + 1)
    return box.pad(1).intersect(frame.window)


def sample_nearest(
    values: npt.NDArray[np.generic], valid: npt.NDArray[np.bool_], v: Floats, u: Floats
) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.bool_]]:
    """The source pixel that holds each place.

    values, valid : [C, h, w] and [h, w] of the source
    v, u          : [H, W] places in it, in pixels from its corner; a place on an edge belongs to the pixel after it
    Returns [C, H, W] of the same dtype, 0 where not valid, and validity [H, W].
    """
    h, w = valid.shape
    inside = (v >= 0) & (v < h) & (u >= 0) & (u < w)
    r, c = np.where(inside, v, 0).astype("int64"), np.where(inside, u, 0).astype("int64")
    good = inside & valid[r, c]
    return np.where(good, values[:, r, c], values.dtype.type(0)), good


def take_pixels(
    values: npt.NDArray[np.generic], valid: npt.NDArray[np.bool_], rows: Pixels, cols: Pixels
) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.bool_]]:
    """The source pixels of these rows and columns: [C, H, W], 0 where not valid, and validity [H, W].

    values, valid : [C, h, w] and [h, w] of the source
    rows, cols    : [H, W], outside where there is no pixel
    """
    h, w = valid.shape
    inside = None
    if rows.min() < 0 or cols.min() < 0 or rows.max() >= h or cols.max() >= w:
        inside = (rows >= 0) & (rows < h) & (cols >= 0) & (cols < w)
        rows, cols = np.where(inside, rows, 0), np.where(inside, cols, 0)
    place = rows * np.int32(w) + cols if h * w < 2**31 else rows.astype("int64") * w + cols
    taken = (
        np.where(valid, values, values.dtype.type(0)).reshape(len(values), -1).take(place, axis=1, mode="clip")
    )  # in range: no need to look
    if inside is None and valid.all():
        return taken, np.ones(rows.shape, bool)
    good = valid.ravel().take(place, mode="clip") & (True if inside is None else inside)
    return np.where(good, taken, values.dtype.type(0)), good


def sample_bilinear(
    values: npt.NDArray[np.generic], valid: npt.NDArray[np.bool_], v: Floats, u: Floats
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Mean of the four source pixels around each place, weighted by nearness; float64 [C, H, W] and validity [H, W].

    A place is valid where the pixel that holds it is; neighbours that are not valid lose their weight to the others.
    """
    h, w = valid.shape
    inside = (v >= 0) & (v < h) & (u >= 0) & (u < w)
    v, u = np.where(inside, v, 0), np.where(inside, u, 0)
    good = inside & valid[v.astype("int64"), u.astype("int64")]
    top, left = np.floor(v - 0.5).astype("int64"), np.floor(u - 0.5).astype("int64")
    down, right = v - 0.5 - top, u - 0.5 - left
    total, weights = np.zeros((values.shape[0], *v.shape)), np.zeros(v.shape)
    for dr, dc in ((0, 0), (0, 1), (1, 0), (1, 1)):
        r, c = np.clip(top + dr, 0, h - 1), np.clip(left + dc, 0, w - 1)
        weight = np.abs(1 - dr - down) * np.abs(1 - dc - right) * valid[r, c]
        total += values[:, r, c] * weight
        weights += weight
    return np.where(good, total / np.where(good, weights, 1), 0.0), good


def samples_for(grid: Grid, frame: Frame) -> int:
    """How many source pixels fit along one of ours at the middle of the source, rounded, 1 to MAX_SAMPLES."""
    x = frame.x + frame.dx * (frame.width / 2 + np.array([0, 1, 0]))
    y = frame.y - frame.dy * (frame.height / 2 + np.array([0, 0, 1]))
    if not same_crs(grid.crs, frame.crs):
        x, y = transformer(frame.crs, grid.crs).transform(x, y)
    sides = np.hypot(x[1:] - x[0], y[1:] - y[0])
    if not np.isfinite(sides).all():
        return 1
    return int(np.clip(np.floor(grid.pixel / sides.max() + 0.5), 1, MAX_SAMPLES))


def refine(grid: Grid, samples: int) -> Grid:
    """The lattice of sample points: `samples` × `samples` in each pixel."""
    return replace(grid, pixel=grid.pixel / samples, height=grid.height * samples, width=grid.width * samples)


def mean_of_samples(
    values: npt.NDArray[np.generic], valid: npt.NDArray[np.bool_], samples: int
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Mean of the valid samples of each pixel; valid where at least half of them are.

    values, valid : [C, H·k, W·k] and [H·k, W·k]. Returns float64 [C, H, W] and validity [H, W].
    """
    count, height, width = values.shape
    cells = (height // samples, samples, width // samples, samples)
    numbers = valid.reshape(cells).sum((1, 3))
    sums = np.where(valid, values, 0).reshape(count, *cells).sum((2, 4), dtype="float64")
    good = 2 * numbers >= samples * samples
    return np.where(good, sums / np.maximum(numbers, 1), 0.0), good


def to_bytes(values: npt.NDArray[np.generic], scale: tuple[tuple[float, float], ...] | None) -> npt.NDArray[np.uint8]:
    """uint8 from resampled values: (low, high) → (0, 255) linearly, halves up, clipped; as they are without scale.

    values : [C, H, W];  scale : one pair for all bands, or C pairs
    """
    if values.dtype == np.uint8 and scale is None:
        return values.astype("uint8", copy=False)
    pairs = np.array(scale or ((0.0, 255.0),))
    low, high = pairs[:, 0, None, None], pairs[:, 1, None, None]
    stretched: Floats = (values.astype("float64") - low) * (255.0 / (high - low))
    return np.floor(np.clip(stretched, 0, 255) + 0.5).astype("uint8")
