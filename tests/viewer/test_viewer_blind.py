"""The blind run without a person: sample, two simulated interpreters over HTTP, a third, export, accuracy."""

import sqlite3
from contextlib import closing
from pathlib import Path
from types import ModuleType

import geopandas
import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
N = 60


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import _blind

    return _blind


def test_what_the_reference_will_say_follows_from_the_error_rates(blind: ModuleType) -> None:
    chances = blind.Errors((0.3, 0.3), common=0.5).transition()
    alone = 0.5 * 0.3 * 0.3 / 9  # both wrong on their own, both in the same one of three ways
    assert chances[0] == pytest.approx([1 - 0.5 - 3 * alone, 0.5 + alone, alone, alone])
    assert chances[3] == pytest.approx([0.5 + alone, alone, alone, 1 - 0.5 - 3 * alone])
    assert np.array_equal(blind.Errors((0.0, 0.0)).transition(), np.eye(4))


def test_figures_of_a_population_known_whole(blind: ModuleType) -> None:
    joint = np.diag([4.0, 3.0, 2.0, 0.0])
    joint[3] = [0.5, 0, 0, 0.5]  # half of what is mapped as building is tree
    told = blind.truths(joint)
    assert told["overall accuracy"] == 0.95
    assert (told["area, tree"], told["area, building"], told["user's accuracy, building"]) == (4.5, 0.5, 0.5)


@pytest.mark.slow
def test_the_chain_is_whole_for_three_seeds(blind: ModuleType, tmp_path: Path) -> None:
    country = blind.make_country(tmp_path / "country", 120)
    for seed, method in enumerate(("stratified", "simple_random", "stratified")):
        errors = blind.Errors((0.1, 0.3))
        outcome = blind.run_seed(country, method, N, errors, seed)
        disputed = outcome.states["adjudicated"]
        assert outcome.answered == (N, N, disputed)
        assert outcome.states == {"open": 0, "agreed": N - disputed, "disputed": 0, "adjudicated": disputed}
        assert 5 <= disputed <= 40  # 0.1 · 0.7 + 0.3 · 0.9 + … = 36 % of 60 are expected: 22
        assert outcome.agreed_on_wrong <= 4  # 0.1 · 0.3 / 3 of 60: 0.6 are expected
        with closing(sqlite3.connect(outcome.exported.parent / f"{_stem(outcome.exported)}.sqlite")) as records:
            (kept,) = records.execute("SELECT count(*) FROM events").fetchone()
        assert kept == 2 * N + disputed
        frame = geopandas.read_file(outcome.exported, layer="points")
        assert (len(frame), set(frame["answers"])) == (N, {2})
        value, error, low, high = outcome.figures["overall accuracy"]
        assert low < value < high
        assert error > 0
        assert abs(value - blind.truths(country.joint())["overall accuracy"]) < 5 * error


@pytest.mark.slow
def test_people_without_error_tell_the_truth_and_never_disagree(blind: ModuleType, tmp_path: Path) -> None:
    country = blind.make_country(tmp_path / "country", 120)
    outcome = blind.run_seed(country, "stratified", N, blind.Errors((0.0, 0.0)), 0)
    assert (outcome.answered, outcome.agreed_on_wrong) == ((N, N, 0), 0)


@pytest.mark.slow
def test_a_seed_gives_the_same_figures_again(blind: ModuleType, tmp_path: Path) -> None:
    country = blind.make_country(tmp_path / "country", 120)
    first, second = (blind.run_seed(country, "stratified", N, blind.Errors((0.2, 0.2), 0.1), 5) for _ in range(2))
    assert (first.figures, first.states) == (second.figures, second.states)
    assert first.exported != second.exported  # two records, in two orders of the points


def _stem(exported: Path) -> str:
    return exported.stem.removesuffix("-interpreted")
