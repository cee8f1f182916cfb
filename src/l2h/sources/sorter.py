"""Sorter: rows of a table in order, however many there are, with memory for a fixed number of them."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

RUN_ROWS = 200_000  # rows held before a run is sorted and set aside
RUN_BYTES = 128 << 20  # or so many bytes
BATCH_ROWS = 2048  # rows of each run in memory while runs are merged


class Sorter:
    """Takes tables in any order; gives all rows sorted by the columns `key` (uint64) and `osm_id`.

    Merge sort on disk: what is held is sorted and set aside as a run; runs are read in step, a batch each. The rows
    come out in the same order wherever runs were cut: rows of one key and identity stay as they came.
    """

    def __init__(self, folder: Path, name: str, schema: pa.Schema, run_rows: int = RUN_ROWS) -> None:
        self._folder, self._name, self._schema, self._run_rows = folder, name, schema, run_rows
        self._held: list[pa.Table] = []
        self._runs: list[Path] = []
        self._rows, self._bytes = 0, 0  # of what is held

    def add(self, table: pa.Table) -> None:
        self._held.append(table.cast(self._schema))
        self._rows += len(table)
        self._bytes += table.nbytes
        if self._rows >= self._run_rows or self._bytes >= RUN_BYTES:
            self._set_aside()

    def merged(self) -> Iterator[pa.Table]:
        """All rows in order, in tables of no particular size. Once only: what was set aside goes."""
        if not self._runs:
            yield self._sorted(self._held)
            return
        self._set_aside()
        yield from self._merge()
        for path in self._runs:
            path.unlink()

    def _sorted(self, tables: list[pa.Table]) -> pa.Table:
        whole = pa.concat_tables(tables) if tables else self._schema.empty_table()
        return whole.take(pc.sort_indices(whole, [("key", "ascending"), ("osm_id", "ascending")]))

    def _set_aside(self) -> None:
        if not self._held:
            return
        path = self._folder / f".{self._name}.part-{len(self._runs):05}.arrow"
        table = self._sorted(self._held)
        self._held, self._rows, self._bytes = [], 0, 0
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, self._schema) as out:
            out.write_table(table, max_chunksize=BATCH_ROWS)
        self._runs.append(path)

    def _merge(self) -> Iterator[pa.Table]:
        runs = [_Run(path) for path in self._runs]
        while True:
            for run in runs:
                if not len(run.held):
                    run.read()
            last = [run.last for run in runs if not run.ended]
            bound = min(last) if last else None
            ready = [run.before(bound) for run in runs]
            if any(map(len, ready)):
                yield self._sorted([table for table in ready if len(table)])
            elif bound is None:
                return
            for run in runs:  # rows of the bound itself may go on in the next batch
                if not run.ended and run.last == bound:
                    run.read()


class _Run:
    """One run while it is merged: the rows read and not yet given."""

    def __init__(self, path: Path) -> None:
        self._reader = pa.ipc.open_stream(pa.OSFile(str(path), "rb"))
        self.held = self._reader.schema.empty_table()
        self.ended = False

    def read(self) -> None:
        """Hold another batch, or know that there is none."""
        if self.ended:
            return
        try:
            batch = pa.Table.from_batches([self._reader.read_next_batch()])
        except StopIteration:
            self.ended = True
        else:
            self.held = pa.concat_tables([self.held, batch])

    @property
    def last(self) -> int:
        return int(self.held["key"][-1].as_py())

    def before(self, bound: int | None) -> pa.Table:
        """Take the held rows whose key is below a bound; all of them where there is none."""
        count = len(self.held)
        if bound is not None:
            count = int(pc.sum(pc.less(self.held["key"], bound)).as_py() or 0)
        ready, self.held = self.held.slice(0, count), self.held.slice(count)
        return ready
