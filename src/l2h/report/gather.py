"""All blocks together: the national pictures and the windows to show."""

from collections.abc import Iterable
from pathlib import Path

from l2h.core.files import write_bytes, write_json
from l2h.core.grid import Block, Grid, Window
from l2h.core.legend import load_legend
from l2h.core.tasks import Made
from l2h.report.blocks import read_digest
from l2h.report.choice import Candidate, choose
from l2h.report.digest import Array, candidate_step, overview_factor
from l2h.report.overview import Overview
from l2h.report.pictures import jpeg, png


def gather(digests: tuple[tuple[Block, Path], ...], grid: Grid, window_px: int, limit: int, folder: Path) -> Made:
    """Write overview-image.jpg, overview-map.png, overview-confidence.png and windows.json below `folder`.

    windows.json: {"factor": …, "windows": [{"city": index, "window": [row_start, row_stop, col_start, col_stop]}]}
    """
    legend, factor = load_legend("sinolc1"), overview_factor(grid)
    overview = Overview.empty(grid, legend)
    tables = []
    for block, path in digests:
        sums, windows = read_digest(path)
        overview.add(sums, block.window.coarsen(factor))
        tables.append(windows)
    for name, picture in overview.pictures(legend).items():
        image = name == "image"
        write_bytes(folder / f"overview-{name}.{'jpg' if image else 'png'}", jpeg(picture) if image else png(picture))
    chosen = choose(sum_windows(tables, grid, window_px), window_px, limit)
    rows = [{"city": city, "window": list(candidate.window.edges)} for city, candidate in chosen]
    write_json(folder / "windows.json", {"factor": factor, "windows": rows})
    return Made(info={"windows": len(rows)})


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
