"""The groups of rows of a GeoParquet file that lie near a place, taken from a file that stays where it is.

Overture's files hold a part of the Earth each, in groups whose footer says which box they lie in: of gigabytes, a town
needs some megabytes.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from l2h.core.crs import metres_per_unit, parse_crs
from l2h.core.errors import InputError
from l2h.core.files import atomic_path
from l2h.core.grid import Grid
from l2h.sources.batches import BUFFER, batches, groups_near, open_parquet
from l2h.sources.intake import in_degrees
from l2h.sources.pace import Pace
from l2h.sources.remote import Handle, RemoteFile, write_receipt
from l2h.sources.settings import OsmSettings
from l2h.sources.stores import Remote, Store
from l2h.sources.tiles import Box
from l2h.sources.transfer import Receipt, WrongBytesError, stat_patiently, storage_errors
from l2h.sources.vector_files import geometry_of

MOST_KEPT = 256  # pieces: as many MiB


class LargePieces(RemoteFile):
    """Read in pieces of a megabyte: columns of a group are long, and read side by side."""

    piece, kept = BUFFER, 32

    def keep_for(self, columns: int) -> None:
        """Keep what so many columns are at: a piece is read in two goes, since columns begin anywhere."""
        self.kept = max(self.kept, min(2 * columns, MOST_KEPT))


def part_near(box: Box) -> str:
    """Which part of a file is taken, as receipts say it."""
    return f"groups near {[round(side, 6) for side in box]}"


def wanted_part(osm: OsmSettings, grid: Grid, file: str) -> str:
    """Which part of a file with an address is enough for a grid; empty for the whole."""
    box = box_near(osm, grid)
    return part_near(box) if box and file.endswith(".parquet") else ""


def box_near(osm: OsmSettings, grid: Grid) -> Box | None:
    """In degrees, around the grid, where only what is near it is taken; None where files come whole."""
    return None if osm.take == "whole" else box_around(osm, grid)


def box_around(osm: OsmSettings, grid: Grid) -> Box | None:
    """In degrees, around the grid with the margin in which features are kept; None where that is no box."""
    margin = osm.margin_m / metres_per_unit(grid.crs)
    left, bottom, right, top = grid.bounds()
    return in_degrees((left - margin, bottom - margin, right + margin, top + margin), grid.crs)


def cut_groups(store: Store, name: str, target: Path, box: Box, pace: Pace, advance: Callable[[int], None]) -> Receipt:
    """Write the groups of rows that may meet a box (west, south, east, north, in degrees), large ones as several.

    A file without such a group becomes one without rows; one whose boxes are not in degrees comes whole. InputError
    where the server knows no ranges or the file is no GeoParquet, WrongBytesError where it is no Parquet.
    """
    began = time.monotonic()
    remote = stat_patiently(store, name, pace, pace.deadline())
    file = LargePieces(store, name, remote, pace, advance)
    with atomic_path(target) as part:
        source = open_far(file, remote.address)
        groups = _wanted(source, box, remote.address)
        file.keep_for(source.metadata.num_columns)
        with storage_errors(part), pq.ParquetWriter(part, source.schema_arrow, compression="zstd") as out:
            rows = batches(source, groups=groups)
            while batch := _next(rows, file, remote.address):
                out.write_batch(batch, row_group_size=len(batch))
        return write_receipt(target, part, remote, part_near(box), file.came, time.monotonic() - began)


def has_groups_near(store: Store, name: str, remote: Remote, box: Box, pace: Pace) -> bool:
    """Whether a file that stays where it is has a group of rows that may meet a box, by its footer; as `cut_groups`."""
    file = LargePieces(store, name, remote, pace, lambda _: None)
    return bool(_wanted(open_far(file, remote.address), box, remote.address))


def open_far(file: RemoteFile, address: str) -> pq.ParquetFile:
    """A Parquet file that stays where it is, with its footer read."""
    if file.read(0, 4) != b"PAR1" and file.error is None:
        raise WrongBytesError("a file is no Parquet file", where=address)
    with reading(file, address):
        return open_parquet(pa.PythonFile(Handle(file), mode="r"))


def _wanted(source: pq.ParquetFile, box: Box, address: str) -> Sequence[int]:
    """The groups that may meet a box; all of a file whose boxes are not in degrees."""
    _, crs = geometry_of(source.schema_arrow, address)
    near = parse_crs(crs).is_geographic
    return groups_near(source.metadata, box) if near else range(source.num_row_groups)


def _next(rows: Iterator[pa.RecordBatch], file: RemoteFile, address: str) -> pa.RecordBatch | None:
    """The next rows that there are."""
    with reading(file, address):
        return next((batch for batch in rows if len(batch)), None)


@contextmanager
def reading(file: RemoteFile, address: str) -> Iterator[None]:
    """What the library makes of a failed read is told as the failure itself."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise file.error or InputError("a Parquet file cannot be read", where=address, got=str(error)) from error
    if file.error is not None:
        raise file.error
