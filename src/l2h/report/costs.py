"""What the run cost and could not read, from the ledger's records."""

from collections.abc import Iterable, Sequence
from typing import Any

from l2h.core.ledger import Record


def stage_costs(records: Iterable[Record], order: Sequence[str], leave_out: str = "report") -> list[dict[str, Any]]:
    """Per stage: tasks, seconds of work summed over workers, pixels, Mpx/s, the highest peak memory of a worker in MB.

    Stages stand in the order of the chain, unknown ones after them. Tasks that failed are left out: they made nothing.
    """
    stages: dict[str, dict[str, Any]] = {}
    for record in records:
        name = record.key.partition("/")[0]
        if record.failed or name == leave_out:
            continue
        row = stages.setdefault(name, {"name": name, "tasks": 0, "seconds": 0.0, "pixels": 0, "peak_mb": 0, "holes": 0})
        row["tasks"] += 1
        row["seconds"] += float(record.info.get("seconds", 0))
        row["pixels"] += int(record.info.get("pixels", 0))
        row["peak_mb"] = max(row["peak_mb"], int(record.info.get("peak_mb", 0)))
        row["holes"] += len(record.holes)
    for row in stages.values():
        row["seconds"] = round(row["seconds"], 3)
        row["mpx_s"] = row["pixels"] / row["seconds"] / 1e6 if row["seconds"] > 0 else None
    known = {name: i for i, name in enumerate(order)}
    return sorted(stages.values(), key=lambda row: (known.get(row["name"], len(known)), row["name"]))


def holes_of(records: Iterable[Record]) -> list[dict[str, str]]:
    """Everything that could not be read, with the task that met it, in order of its key."""
    rows = [{"task": record.key, **hole} for record in records if not record.failed for hole in record.holes]
    return sorted(rows, key=lambda row: (row["task"], row.get("where", ""), row.get("reason", "")))
