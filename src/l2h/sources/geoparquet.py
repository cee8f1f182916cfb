"""GeoParquet written in groups of rows, so that neither writer nor reader holds a country (GeoParquet 1.1.0)."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from l2h.core.crs import parse_crs
from l2h.core.files import atomic_path

GROUP_ROWS = 16_384
CORNERS = ("xmin", "ymin", "xmax", "ymax")
WORDS = ("highway",)  # columns of few values; a dictionary of the others costs time and saves nothing
OWN = b"l2h"  # key of what we say of the file ourselves


class GroupWriter:
    """Gathers rows and writes them in groups of GROUP_ROWS: the same bytes however the rows came."""

    def __init__(self, out: pq.ParquetWriter) -> None:
        self._out = out
        self._held: list[pa.Table] = []
        self.rows = 0

    def write(self, table: pa.Table) -> None:
        self._held.append(_with_boxes(table))
        self.rows += len(table)
        while sum(map(len, self._held)) >= GROUP_ROWS:
            whole = pa.concat_tables(self._held)
            self._group(whole.slice(0, GROUP_ROWS))
            self._held = [whole.slice(GROUP_ROWS)]

    def close(self) -> None:
        """Write what is left, if anything."""
        if sum(map(len, self._held)):
            self._group(pa.concat_tables(self._held))

    def _group(self, table: pa.Table) -> None:
        self._out.write_table(table.combine_chunks(), row_group_size=GROUP_ROWS)


@contextmanager
def open_geoparquet(
    path: Path, columns: Sequence[pa.Field], crs: str, kinds: Sequence[str], own: Mapping[str, Any]
) -> Iterator[GroupWriter]:
    """A GeoParquet file that takes its name when the block ends well.

    Tables written to it have `columns`, then CORNERS (float64) and `geometry` (WKB); the corners become the bounding
    box of each row by which the file can be read in parts.

    kinds : types of geometry that occur, as GeoParquet names them
    own   : what we say of the file ourselves, as JSON under the key "l2h"
    """
    box = pa.struct([pa.field(name, pa.float64()) for name in CORNERS])
    schema = pa.schema([*columns, pa.field("geometry", pa.binary()), pa.field("bbox", box)])
    meta = {b"geo": json.dumps(_geo(crs, kinds)).encode(), OWN: json.dumps(own, sort_keys=True).encode()}
    words = [column.name for column in columns if column.name in WORDS]
    with (
        atomic_path(path) as part,
        pq.ParquetWriter(part, schema.with_metadata(meta), compression="zstd", use_dictionary=words or False) as out,
    ):
        writer = GroupWriter(out)
        yield writer
        writer.close()


def read_own(path: Path) -> dict[str, Any]:
    """What a file of ours says of itself; empty for a file of others."""
    return dict(json.loads((pq.read_schema(path).metadata or {}).get(OWN, b"{}")))


def _geo(crs: str, kinds: Sequence[str]) -> dict[str, Any]:
    column = {
        "encoding": "WKB",
        "geometry_types": list(kinds),
        "crs": json.loads(parse_crs(crs).to_json()),
        "covering": {"bbox": {name: ["bbox", name] for name in CORNERS}},
    }
    return {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}


def _with_boxes(table: pa.Table) -> pa.Table:
    """The corners of each row packed into one column, behind the geometry."""
    corners = [pa.concat_arrays(table[name].chunks) if len(table) else pa.array([], "f8") for name in CORNERS]
    box = pa.StructArray.from_arrays(corners, list(CORNERS))
    return table.drop_columns(list(CORNERS)).append_column("bbox", box)
