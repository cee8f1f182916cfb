"""All blocks together: the national pictures and the windows to show."""

from collections.abc import Iterable
from pathlib import Path

from l2h.core.files import write_bytes, write_json
from l2h.core.grid import Block, Grid, Window
from l2h.core.legend import load_legend
from l2h.core.tasks import Made
from l2h.report.blocks import read_digest
from l2h.report.choice import Candidate, choose
from l2h.report.digest import Array, Counts, candidate_step, page_factor, tile_px
from l2h.report.overview import Overview, Sums
from l2h.report.pictures import jpeg, png


def gather(digests: tuple[tuple[Block, Path], ...], grid: Grid, window_px: int, limit: int, folder: Path) -> Made:
    """Write overview.npz, overview-image.jpg, -map.png, -confidence.png and the JSON files below `folder`.

    windows.json: {"factor": …, "windows": [{"city": index, "window": [row_start, row_stop, col_start, col_stop]}]}
    trust.json: {"pixels": mapped ones of cities, "doubted": those where the labels contradict the network}
    tiles.json: {"side": pixels, "tiles": [[tile row, tile column, scene, pixels]]}
    """
    legend, sums = load_legend("sinolc1"), Sums(grid, load_legend("sinolc1"))
    tables, tiles, doubted = [], [], [0, 0]
    for block, path in digests:
        digest = read_digest(path)
        sums.add(digest.sums, block.window.coarsen(sums.factor))
        tables.append(digest.windows)
        tiles.append(digest.tiles)
        doubted = [one + more for one, more in zip(doubted, digest.doubted.tolist(), strict=True)]
    overview = Overview.of(sums.fields, legend)
    overview.save(folder / "overview.npz")
    small = overview if page_factor(grid) == sums.factor else Overview.of(sums.halved(), legend)
    for name, picture in small.pictures(legend).items():
        image = name == "image"
        write_bytes(folder / f"overview-{name}.{'jpg' if image else 'png'}", jpeg(picture) if image else png(picture))
    chosen = choose(sum_windows(tables, grid, window_px), window_px, limit)
    rows = [{"city": city, "window": list(candidate.window.edges)} for city, candidate in chosen]
    write_json(folder / "windows.json", {"factor": sums.factor, "windows": rows})
    write_json(folder / "tiles.json", {"side": tile_px(grid), "tiles": sum_tiles(tiles)})
    write_json(folder / "trust.json", dict(zip(("pixels", "doubted"), doubted, strict=True)))
    return Made(info={"windows": len(rows)})


def sum_tiles(tables: Iterable[Array]) -> list[list[int]]:
    """Pixels of each scene in each tile, from the counts of all blocks, in order of place."""
    total: Counts = {}
    for table in tables:
        for row, col, scene, pixels in table.tolist():
            total[row, col, scene] = total.get((row, col, scene), 0) + pixels
    return [[*key, pixels] for key, pixels in sorted(total.items())]


def sum_windows(tables: Iterable[Array], grid: Grid, window_px: int) -> list[Candidate]:
    """Candidates from the window counts of all blocks, in order of place."""
    step = candidate_step(grid, window_px)
    totals: dict[tuple[int, int], tuple[dict[int, int], dict[int, int]]] = {}
    for table in tables:
        for row, col, kind, value, pixels in table.tolist():
            into = totals.setdefault((row, col), ({}, {}))[kind]
            into[value] = into.get(value, 0) + pixels
    result = []
    for (row, col), (classes, cities) in sorted(totals.items()):
        window = Window(row * step, row * step + window_px, col * step, col * step + window_px)
        result.append(Candidate(window.intersect(grid.window), classes, cities))
    return result
