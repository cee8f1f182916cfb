"""Where the page finds its facts."""

from dataclasses import dataclass
from pathlib import Path

from l2h.core.grid import Grid, Window


@dataclass(frozen=True)
class Workspace:
    """A workspace whose stages have run.

    work : work folder; grid : the lattice
    windows : (file stem, city index, window), in the order they are shown
    """

    work: Path
    grid: Grid
    windows: tuple[tuple[str, int, Window], ...]

    @property
    def report(self) -> Path:
        return self.work / "report"
