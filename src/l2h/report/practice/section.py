"""The checklist as a section of the page."""

from collections.abc import Sequence
from typing import Any

from l2h.core.files import read_json
from l2h.report.practice.validation import FILE
from l2h.report.settings import PageSettings
from l2h.report.workspace import Workspace

MARKS = {"met": "✓", "not met": "✗", "not known": "?", "no need": "–"}
STAGES = {"sampling": "Sampling design", "response": "Response design", "analysis": "Analysis"}


def practice_values(space: Workspace, _settings: PageSettings, _public: bool) -> dict[str, Any] | None:
    """Values of the section."""
    path = space.report / FILE
    return practice_view(read_json(path)["practice"]) if path.is_file() else None


def practice_view(rows: Sequence[dict[str, str]]) -> dict[str, Any]:
    """Rows by stage, each with its mark, and how many are met of those that apply."""
    apply = [row for row in rows if row["verdict"] != "no need"]
    return {
        "met": sum(row["verdict"] == "met" for row in apply),
        "apply": len(apply),
        "stages": [
            {
                "title": title,
                "rows": [
                    {**row, "mark": MARKS[row["verdict"]], "css": row["verdict"].replace(" ", "-")}
                    for row in rows
                    if row["stage"] == stage
                ],
            }
            for stage, title in STAGES.items()
        ],
    }
