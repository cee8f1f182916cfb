"""Label quality on real pictures: references drawn by hand, products simulated from them (so: upper bounds).

Cases are read as the benchmark reads them: cells, references and what counts as right are the same there and here.
"""

import importlib
from pathlib import Path
from typing import Any

import pytest

from l2h.labels.fusion import class_of, fuse
from l2h.labels.settings import LabelSettings
from l2h.labels.votes import intersection, majority

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
# measured: kept and right share of the cells whose reference is known, per rule
MEASURED = {
    "zurich": {"majority": (0.985, 0.875), "intersection": (0.469, 0.990), "posterior": (0.964, 0.938)},
    "newbrunswick": {"majority": (1.000, 0.967), "intersection": (0.820, 1.000), "posterior": (0.984, 0.983)},
    "loveda": {"majority": (0.943, 0.952), "intersection": (0.653, 0.996), "posterior": (0.938, 0.986)},
    "deepglobe": {"majority": (0.990, 0.867), "intersection": (0.452, 0.992), "posterior": (0.980, 0.933)},
}


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The benchmark of labels, a script among scripts."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("labels")


@pytest.mark.real_data
@pytest.mark.parametrize("family", MEASURED)
def test_quality_of_labels(real_data: Path, family: str, benchmark: Any) -> None:
    legends, score = benchmark.LEGENDS, benchmark.score
    areas = [benchmark.read_area(case) for case in benchmark.find_families(real_data / "cases")[family]]
    fused = fuse([area.codes for area in areas], legends)
    scores = {
        "majority": score([majority(area.codes, legends) for area in areas], areas),
        "intersection": score([intersection(area.codes, legends) for area in areas], areas),
        "posterior": score([class_of(cells, LabelSettings().void_below) for cells in fused], areas),
    }
    measured = {name: (quality.kept_share, quality.right_share) for name, quality in scores.items()}
    for name, shares in MEASURED[family].items():
        assert measured[name] == pytest.approx(shares, abs=0.01), name
    everywhere = score([class_of(cells) for cells in fused], areas)
    assert everywhere.kept == scores["majority"].kept
    assert everywhere.right > scores["majority"].right
