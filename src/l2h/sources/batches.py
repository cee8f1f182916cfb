"""Batches: the rows of a Parquet file, a few at a time, however large its groups of rows are.

A group may be the whole file, of gigabytes. Its columns are read side by side through small buffers.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from l2h.sources.tiles import Box

BUFFER = 1 << 20  # bytes of each column that are read at once
BATCH = 16_384  # rows of a batch at most
BATCH_BYTES = 16 << 20  # and about so many bytes, as the file says
SIDES = ("xmin", "ymin", "xmax", "ymax")  # of the column `bbox` of GeoParquet and of Overture
HALF_TURN = 180.0


def open_parquet(source: Path | pa.NativeFile) -> pq.ParquetFile:
    """A Parquet file whose columns are read through buffers instead of whole."""
    return pq.ParquetFile(source, buffer_size=BUFFER, pre_buffer=False)


def batches(
    file: pq.ParquetFile, columns: Sequence[str] | None = None, groups: Sequence[int] | None = None
) -> Iterator[pa.RecordBatch]:
    """The rows of some groups (or all) in their order; a batch never holds rows of two groups."""
    for group in range(file.num_row_groups) if groups is None else groups:
        rows = _rows(file.metadata.row_group(group))
        yield from file.iter_batches(rows, row_groups=[group], columns=columns, use_threads=False)


def _rows(group: pq.RowGroupMetaData) -> int:
    """How many rows are read at once."""
    fitting = BATCH_BYTES * int(group.num_rows) // max(1, int(group.total_byte_size))
    return max(1, min(BATCH, fitting))


def groups_near(metadata: pq.FileMetaData, box: Box) -> list[int]:
    """The groups that may meet a box (west, south, east, north, in degrees), by the statistics of the column `bbox`;
    all where it has no numbers.

    A shape across 180° has xmin above xmax (GeoParquet 1.1.0, "bbox"), so the ends of its group may lie anywhere.
    """
    return [number for number in range(metadata.num_row_groups) if _meets(metadata.row_group(number), box)]


def _meets(group: pq.RowGroupMetaData, box: Box) -> bool:
    columns = (group.column(number) for number in range(group.num_columns))
    said = {column.path_in_schema: column.statistics for column in columns if column.path_in_schema.startswith("bbox.")}
    stats = [found for side in SIDES if (found := said.get(f"bbox.{side}")) is not None and found.has_min_max]
    if len(stats) < len(SIDES) or not all(isinstance(found.min, float) for found in stats):
        return True
    west, south, east, north = stats
    turned = west.max - east.min > HALF_TURN  # so it must be where a shape narrower than that goes across
    beside = (west.min > box[2] or east.max < box[0]) and not turned
    return not (beside or south.min > box[3] or north.max < box[1])
