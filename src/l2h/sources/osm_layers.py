"""Roads and buildings of the project: whatever files name them, written as the workspace keeps them."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from l2h.core.crs import metres_per_unit
from l2h.core.files import PART, atomic_path, write_json
from l2h.core.formats import check_vector
from l2h.core.grid import Grid
from l2h.sources.account import Account, labels_of
from l2h.sources.geoparquet import open_geoparquet
from l2h.sources.intake import BUILDING_FIELDS, ROAD_FIELDS, Intake
from l2h.sources.notes import WRITTEN
from l2h.sources.osm import read_osm
from l2h.sources.osm_ways import Seen
from l2h.sources.overture import is_overture, read_overture
from l2h.sources.paths import check_stems
from l2h.sources.vector_files import read_package, read_parquet, told

Outputs: TypeAlias = tuple[Path, Path, Path, Path]
PACKAGE, PARQUET = ".gpkg", ".parquet"


def write_layers(paths: Sequence[Path], grid: Grid, margin_m: float, outputs: Outputs) -> Account:
    """Write roads, buildings (GeoParquet), the account of them (JSON) and its notes from extracts and vector files.

    Memory is bounded whatever the files hold: see `Intake`. What occurs in two extracts counts once, as in the first.
    InputError where two GeoPackages or GeoParquet files share a name: it is what tells their features apart.
    """
    check_stems(paths)
    outputs[0].parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".osm{PART}", dir=outputs[0].parent) as folder:
        intake = Intake(grid, margin_m / metres_per_unit(grid.crs), Path(folder), labels_of(paths))
        extracts = [path for path in paths if path.suffix not in (PACKAGE, PARQUET)]
        seen = Seen() if len(extracts) > 1 else None
        for path in paths:
            if path.suffix == PACKAGE:
                read_package(path, intake)
            elif path.suffix == PARQUET:
                _read_parquet(path, intake)
            else:
                read_osm(path, intake, Path(folder), seen)
        own = {"timestamp": intake.account.timestamp, "files": intake.account.files}
        with open_geoparquet(outputs[0], ROAD_FIELDS, grid.crs, ["LineString"], own) as out:
            intake.roads(out)
        with open_geoparquet(outputs[1], BUILDING_FIELDS, grid.crs, ["Polygon", "MultiPolygon"], own) as out:
            intake.buildings(out)
        _write_notes(outputs[3], intake.account)
    write_json(outputs[2], intake.account.to_dict())
    return intake.account


def _write_notes(path: Path, account: Account) -> None:
    """All that was mended or lost: what, its name, the reason; in the order of their names."""
    schema = pa.schema([pa.field("what", pa.string()), *WRITTEN])
    with atomic_path(path) as part, pq.ParquetWriter(part, schema, compression="zstd") as out:
        for what, notes in (("mended", account.repaired), ("lost", account.dropped)):
            for table in notes.settled():
                out.write_table(table.add_column(0, "what", pa.array([what] * len(table), pa.string())))


def _read_parquet(path: Path, intake: Intake) -> None:
    check_vector(path)
    with told(path):
        overture = is_overture(pq.read_schema(path))
    (read_overture if overture else read_parquet)(path, intake)
