"""Roads and buildings on the page: of what time they are, how many came in, and what was left out or lost and why."""

from pathlib import Path
from typing import Any

from l2h.core.files import read_json
from l2h.report.settings import PageSettings
from l2h.report.workspace import Workspace

FILE = "layers/osm.json"
NAMED = 5  # names shown for each reason; the file lists more


def vector_values(space: Workspace, _: PageSettings, __: bool) -> dict[str, Any] | None:
    """What the section shows; None where the project names no roads and buildings."""
    path = space.work / FILE
    return view(path) if path.is_file() else None


def view(path: Path) -> dict[str, Any] | None:
    """Counts, files with their time, and a row for every reason; None for an account of nothing."""
    account = read_json(path)
    if not account.get("files"):
        return None
    rows = [{"what": "left out", "reason": why, "count": n, "names": ""} for why, n in account["left_out"].items()]
    for key, what in (("repaired", "mended"), ("dropped", "lost")):
        for reason, found in account[key].items():
            more = "…" if found["count"] > NAMED else ""
            row = {"what": what, "reason": reason, "count": found["count"]}
            rows.append(row | {"names": ", ".join(found["first"][:NAMED]) + more})
    files = [{"name": name, "time": time.replace("T", " ").rstrip("Z")} for name, time in account["files"].items()]
    return {"roads": account["roads"], "buildings": account["buildings"], "files": files, "rows": rows}
