"""`l2h sample` as a person runs it: points, their design, the way to Collect Earth Online and back."""

import csv
import json
from pathlib import Path

import geopandas
import pytest


@pytest.mark.slow
def test_the_same_seed_draws_the_same_points(tiny_done: Path, l2h, tmp_path: Path) -> None:
    files = [tmp_path / f"{name}.gpkg" for name in ("one", "again", "other")]
    for path, seed in zip(files, (4, 4, 5), strict=True):
        said = l2h("sample", tiny_done, "--size", 12, "--seed", seed, "--out", path)
        assert (said.status, said.out) == (0, f"{path}\n")
    one, again, other = (geopandas.read_file(path, layer="points") for path in files)
    assert len(one) == 12
    assert one.geometry.geom_equals(again.geometry).all()
    assert not one.geometry.geom_equals(other.geometry).all()


@pytest.mark.slow
def test_strata_of_the_map_to_collect_earth_online_and_back(tiny_done: Path, l2h, tmp_path: Path) -> None:
    points, plots, answers, joined = (tmp_path / name for name in ("p.gpkg", "plots.csv", "answers.csv", "joined.gpkg"))
    draw = ("--method", "stratified", "--strata", "map", "--allocation", "equal", "--size", 20)
    said = l2h("sample", tiny_done, *draw, "--out", points, "--ceo", plots, "--json")
    assert said.status == 0
    design = json.loads(said.out)
    assert design["method"] == "stratified"
    rows = list(csv.DictReader(plots.read_text().splitlines()))
    assert list(rows[0]) == ["LON", "LAT", "PLOTID"]  # no stratum: it is the map's class
    assert len(rows) == len(geopandas.read_file(points, layer="points"))

    with answers.open("w", newline="") as file:
        table = csv.DictWriter(file, ["plotid", "lon", "lat", "Class"])
        table.writeheader()
        table.writerows({"plotid": r["PLOTID"], "lon": r["LON"], "lat": r["LAT"], "Class": "2"} for r in rows[:7])
    said = l2h("sample", "--answers", answers, "--points", points, "--out", joined)
    assert (said.status, said.out, said.err) == (0, f"{joined}\n", "7 points have a class\n")
    assert geopandas.read_file(joined, layer="points")["class"].tolist() == ["2"] * 7


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--size", 5, "--expected", "water"), "an expected accuracy needs NAME=P"),
        (("--answers", "x.csv"), "--answers needs --points"),
        ((), "size"),
        (("--size", 0), "--size"),
    ],
)
def test_what_is_asked_for_in_vain(tiny_done: Path, l2h, arguments: tuple[object, ...], message: str) -> None:
    said = l2h("sample", tiny_done, *arguments)
    assert said.status == 2
    assert message in said.err
    assert said.out == ""
    assert not (tiny_done / "samples").exists()


@pytest.mark.slow
def test_a_map_that_is_not_made_cannot_be_sampled_by_its_classes(tiny_layers: Path, l2h) -> None:
    said = l2h("sample", tiny_layers, "--method", "stratified", "--strata", "map", "--size", 20)
    assert said.status == 1
    assert "Traceback" not in said.err
    assert not (tiny_layers / "samples").exists()
