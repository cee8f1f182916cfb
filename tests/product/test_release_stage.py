"""The whole stage: what is in the files, and that nothing but the pixels decides their bytes."""

import csv
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rio_cogeo.cogeo import cog_validate

from l2h.cli.verify import cut_lines
from l2h.core.errors import InputError, LegendError, SettingsError, TaskError
from l2h.core.files import read_json, write_json
from l2h.core.inspect import inspect_raster
from l2h.core.legend import load_legend
from l2h.core.tasks import plan_stage, run_stage
from l2h.product.facts import LayerFact, ReleaseFacts
from l2h.product.settings import ReleaseSettings
from l2h.product.stage import stage
from l2h.product.verify import verify_release

FACTS = ReleaseFacts("toyland", "Toyland", "1.0")
DOCUMENTS = {
    "ATTRIBUTION.txt", "MANIFEST.json", "README.txt", "SHA256SUMS", "areas.csv", "legend.clr", "legend.csv",
    "legend.qml", "legend.sld",
}  # fmt: skip
ARCHIVES = {
    f"{folder}{suffix}/{name}{suffix}.zip"
    for suffix in ("", "_confidence", "_date")
    for folder, name in (
        ("Central", "Central_Hubei"), ("Central", "Central_Inner Mongolia"), ("South", "South_Hainan")
    )
}  # fmt: skip


def tree(folder: Path) -> dict[str, str]:
    """Path → digest of every file below a folder."""
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def member(released: Path, archive: str, name: str) -> rasterio.DatasetReader:
    return rasterio.open(f"/vsizip/{released}/release/1.0/{archive}/{name}")


def test_a_release_holds_these_files_and_no_other(released):
    assert set(tree(released / "release" / "1.0")) == DOCUMENTS | ARCHIVES


def test_city_files_hold_the_map_inside_the_city_and_zero_outside(released, truth):
    with member(released, "Central/Central_Hubei.zip", "Central_Hubei_Wuhan.tif") as data:
        got = data.read(1)
        assert (data.bounds.left, data.bounds.top) == (400_010.0, 3_499_980.0)
        assert data.tags()["licence"] == "CC-BY-4.0"
        named = data.tags()["sources"].split("; ")
        assert "OpenStreetMap" in data.tags()["sources"]
        assert len(set(named)) == len(named)
    window = np.s_[20:230, 10:150]  # both parts
    np.testing.assert_array_equal(got, np.where(truth["regions"] == 1, truth["map"][0], 0)[window])
    with member(released, "Central/Central_Inner Mongolia.zip", "Central_Inner Mongolia_Dot.tif") as data:
        assert data.read(1).tolist() == [[9]]


def test_cities_put_side_by_side_make_the_map_again(released, truth):
    whole = np.zeros(truth["regions"].shape, "uint8")
    for path in (released / "work" / "cities").glob("*.tif"):
        if path.stem.count("_") == 2:
            row, _, col, _ = read_json(path.with_suffix(".json"))["window"]
            with rasterio.open(path) as data:
                whole[row : row + data.height, col : col + data.width] += data.read(1)  # no two own a pixel
    np.testing.assert_array_equal(whole, np.where(truth["regions"] > 0, truth["map"][0], 0))


def test_confidence_and_month_go_with_the_map(released, truth):
    owner, window = truth["regions"] == 4, np.s_[10:310, 180:270]
    with member(released, "South_confidence/South_Hainan_confidence.zip", "South_Hainan_Haikou_confidence.tif") as data:
        assert data.nodata == 255
        wanted = np.where(owner & (truth["map"][0] > 0), truth["map"][1], 255)
        np.testing.assert_array_equal(data.read(1), wanted[window])
    with member(released, "South_date/South_Hainan_date.zip", "South_Hainan_Haikou_date.tif") as data:
        assert (data.dtypes[0], data.nodata) == ("uint32", 0)
        np.testing.assert_array_equal(data.read(1), np.where(truth["scenes"] == 2, 202111, 0)[window])  # 3 is undated


def test_every_raster_is_a_valid_cog_in_which_nothing_is_wrong(released):
    paths = sorted((released / "work" / "cities").glob("*.tif"))
    assert len(paths) == 12
    for path in paths:
        assert cog_validate(path, strict=True) == (True, [], [])
        assert [f for f in inspect_raster(path) if f.severity == "error"] == []


def test_areas_add_up_to_the_last_digit_and_to_every_pixel(released, truth):
    with (released / "release" / "1.0" / "areas.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    for key in ("pixels", "area_m2"):
        totals = {
            level: sum(Decimal(r[key]) for r in rows if r["level"] == level)
            for level in ("nation", "region", "province", "city")
        }
        assert len(set(totals.values())) == 1, key
    assert sum(int(r["pixels"]) for r in rows if r["level"] == "city") == np.count_nonzero(truth["regions"])
    wuhan = {r["value"]: int(r["pixels"]) for r in rows if r["city"] == "Wuhan"}
    counts = np.bincount(truth["map"][0][truth["regions"] == 1], minlength=13)
    assert wuhan == {str(v): int(counts[v]) for v in (0, *load_legend("sinolc1").values)}


def test_manifest_says_what_is_there(released):
    manifest = read_json(released / "release" / "1.0" / "MANIFEST.json")
    assert {f["path"] for f in manifest["files"]} == ARCHIVES
    assert {f["layer"] for f in manifest["files"]} == set(manifest["layers"])
    assert manifest["cities_without_pixels"] == ["South_Hainan_Sansha"]
    haikou = next(m for f in manifest["files"] for m in f["members"] if m["name"] == "South_Hainan_Haikou.tif")
    assert haikou["pixels"]["0"] == 20
    assert manifest["holes"] == [{"city": "South_Hainan_Haikou", "pixels": 20}]
    assert haikou["bounds"] == [400_180.0, 3_499_690.0, 400_270.0, 3_499_990.0]
    assert manifest["sources"][0]["attribution"] == "Imagery by Nobody"
    text = (released / "release" / "1.0" / "MANIFEST.json").read_text()
    assert str(released) not in text  # no machine path


def test_a_city_cut_by_the_bounds_is_told_wherever_one_looks(tmp_path, build, reopen, recipe):
    build(tmp_path)
    folder, regions = tmp_path / "release" / "1.0", tmp_path / "work" / "layers" / "regions.json"
    assert read_json(folder / "MANIFEST.json")["cities_cut"] == []
    assert cut_lines(folder) == []
    write_json(regions, read_json(regions) | {"cut": {"South_Hainan_Haikou": 0.25, "South_Hainan_Sansha": 0.5}})
    run_stage(stage(*recipe), reopen(tmp_path))
    manifest = read_json(folder / "MANIFEST.json")
    assert manifest["cities_cut"] == [{"city": "South_Hainan_Haikou", "share_inside": 0.25}]  # the other has no pixel
    assert "South_Hainan_Haikou: 25.0% of its outline" in (folder / "README.txt").read_text("utf-8")
    assert cut_lines(folder) == ["cut: South_Hainan_Haikou: only 25.0% of its outline lies within the bounds"]
    assert verify_release(folder)[1] == []


def test_a_city_outside_the_bounds_is_no_hole_but_told(tmp_path, build, reopen, recipe):
    build(tmp_path)
    folder, regions = tmp_path / "release" / "1.0", tmp_path / "work" / "layers" / "regions.json"
    (hole,) = run_stage(stage(*recipe), reopen(tmp_path)).holes
    assert hole.where == "South_Hainan_Sansha"
    write_json(regions, read_json(regions) | {"outside": ["South_Hainan_Sansha"]})
    assert run_stage(stage(*recipe), reopen(tmp_path)).holes == ()
    manifest = read_json(folder / "MANIFEST.json")
    assert (manifest["cities_without_pixels"], manifest["cities_outside"]) == ([], ["South_Hainan_Sansha"])
    assert "not here\n  South_Hainan_Sansha\n" in (folder / "README.txt").read_text("utf-8")


def test_sha256sum_and_unzip_agree(released):
    folder = released / "release" / "1.0"
    subprocess.run(["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=folder, check=True, capture_output=True)
    listed = {line.split("  ", 1)[1] for line in (folder / "SHA256SUMS").read_text().splitlines()}
    assert listed == (DOCUMENTS | ARCHIVES) - {"SHA256SUMS"}


def test_a_city_without_pixels_is_a_hole_and_what_the_map_lacks_is_not_told_again(tmp_path, build):
    report = build(tmp_path)
    assert [(h.where, h.reason) for h in report.holes] == [
        ("South_Hainan_Sansha", "the city has no pixel on the project's grid")
    ]


@pytest.mark.parametrize("block_px", [64, 97, 400])
def test_the_same_release_for_any_block_size(tmp_path, build, released, block_px):
    build(tmp_path, block_px)
    assert tree(tmp_path / "release") == tree(released / "release")


def test_the_same_release_in_another_time_zone_locale_and_umask(tmp_path, released):
    script = f"""
import os, sys, importlib.util
os.umask(0o077)
spec = importlib.util.spec_from_file_location("c", {str(Path(__file__).with_name("conftest.py"))!r})
c = importlib.util.module_from_spec(spec); spec.loader.exec_module(c)
from pathlib import Path
c.make_release(Path(sys.argv[1]))
"""
    env = os.environ | {"TZ": "Asia/Shanghai", "LC_ALL": "C", "LANG": "C", "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", script, tmp_path], check=True, env=env)
    assert tree(tmp_path / "release") == tree(released / "release")


def test_a_second_run_keeps_everything_and_a_change_remakes_only_what_depends_on_it(tmp_path, build, reopen, recipe):
    settings = ReleaseSettings(dates="none", confidence="none")
    first = build(tmp_path, settings=settings)
    again = run_stage(stage(settings, recipe[1]), reopen(tmp_path))
    assert (again.made, again.kept) == (0, first.made)
    assert again.holes == first.holes
    store = reopen(tmp_path).store("map")
    _flip(store.path(store.blocks[-1]))  # the corner that only Haikou meets
    changed = list(plan_stage(stage(settings, recipe[1]), reopen(tmp_path)))
    assert {task.key for task, decision in changed if decision != "keep"} == {"release/cities/South_Hainan_Haikou"}
    report = run_stage(stage(settings, recipe[1]), reopen(tmp_path))
    assert report.made == 3  # the city, its province, the catalogue


def _flip(path: Path) -> None:
    with rasterio.open(path, "r+") as data:
        values = data.read()
        values[0, -1, -1] = 2 if values[0, -1, -1] == 9 else 9
        data.write(values)


def test_a_smaller_limit_splits_and_takes_away_what_was_there(tmp_path, build, reopen, recipe):
    build(tmp_path)
    folder = tmp_path / "release" / "1.0"
    largest = (tmp_path / "work" / "cities" / "South_Hainan_Haikou.tif").stat().st_size
    limit = recipe[0].model_copy(update={"size_limit_gb": (largest + 600) / 1e9, "dates": "none", "confidence": "none"})
    run_stage(stage(limit, recipe[1]), reopen(tmp_path))
    paths = set(tree(folder))
    assert paths - DOCUMENTS == {
        "Central_part1/Central_Hubei_part1.zip", "Central_part2/Central_Hubei_part2.zip",
        "Central_part3/Central_Inner Mongolia.zip", "South/South_Hainan.zip",
    }  # fmt: skip
    for part in {Path(p).parent for p in paths if "/" in p}:
        assert sum(f.stat().st_size for f in (folder / part).iterdir()) <= limit.size_limit_bytes
    members = [m["name"] for f in read_json(folder / "MANIFEST.json")["files"] for m in f["members"]]
    assert len(members) == len(set(members)) == 4
    assert run_stage(stage(limit, recipe[1]), reopen(tmp_path)).made == 0


def test_a_layer_that_may_not_be_given_away_stops_the_release(workspace):
    facts = ReleaseFacts("t", "T", "1.0", layers=(LayerFact("basemap", "imagery", "terms of use", may_publish=False),))
    with pytest.raises(SettingsError, match=r"'basemap' \(terms of use\)"):
        run_stage(stage(ReleaseSettings(), facts), workspace)
    assert not (workspace.project_dir / "release").exists()
    assert not (workspace.work / "cities").exists()
    planned = list(plan_stage(stage(ReleaseSettings(), facts), workspace))  # it can still be planned
    assert planned[0][1] == "make"


def test_a_code_outside_the_legend_is_named(workspace):
    store = workspace.store("map")
    with rasterio.open(store.path(store.blocks[0]), "r+") as data:
        values = data.read()
        values[0, 30, 20] = 11
        data.write(values)
    with pytest.raises(LegendError, match=r"code 11 is absent from legend 'sinolc1' .*Wuhan"):
        run_stage(stage(ReleaseSettings(), FACTS), workspace)


def test_a_missing_block_and_a_broken_list_are_clear(workspace):
    store = workspace.store("map")
    store.path(store.blocks[0]).unlink()
    with pytest.raises(InputError, match="missing"):
        run_stage(stage(ReleaseSettings(), FACTS), workspace)
    path = workspace.work / "layers" / "regions.json"
    listed = json.loads(path.read_text())
    listed["cities"] = listed["cities"][2:]
    write_json(path, listed)
    with pytest.raises(InputError, match=r"unknown cities \[1, 2\]"):
        run_stage(stage(ReleaseSettings(), FACTS), workspace)


def date_members(root: Path) -> list[str]:
    archives = (root / "release").rglob("*_date*.zip")
    return sorted(name for archive in archives for name in zipfile.ZipFile(archive).namelist())


def test_only_cities_with_a_dated_pixel_have_months(workspace):
    path = workspace.work / "layers" / "scenes.json"
    dated = [{"index": i, "name": "a", "path": "a", "date": "2023-06-15" if i == 1 else None} for i in (1, 2, 3)]
    write_json(path, dated)  # the first scene is the hundred columns on the left
    run_stage(stage(ReleaseSettings(), FACTS), workspace)
    some = date_members(workspace.project_dir)
    assert "South_Hainan_Haikou_date.tif" not in some  # its columns are 180 to 270
    assert len(some) > 0
    write_json(path, [{**row, "date": None} for row in dated])
    run_stage(stage(ReleaseSettings(), FACTS), workspace)  # what an undated picture leaves of an earlier run goes
    assert date_members(workspace.project_dir) == []
    assert not list((workspace.project_dir / "release").rglob("*_date"))


def test_an_undeclared_scene_and_a_broken_date_are_clear(workspace):
    path = workspace.work / "layers" / "scenes.json"
    write_json(path, [{"index": 1, "name": "a", "path": "a", "date": "2023-06-15"}])
    with pytest.raises(TaskError, match=r"not in scenes.json .*got \[2"):
        run_stage(stage(ReleaseSettings(), FACTS), workspace)
    for date in ("15 June", "2023-13-01", "2023-00-01", "23-06-15"):
        write_json(path, [{"index": 1, "name": "a", "path": "a", "date": date}])
        with pytest.raises(InputError, match="no readable date"):
            run_stage(stage(ReleaseSettings(), FACTS), workspace)


def test_a_plan_of_an_empty_project_makes_nothing(tmp_path, reopen):
    planned = list(plan_stage(stage(ReleaseSettings(), FACTS), reopen(tmp_path)))
    assert {task.key: decision for task, decision in planned}.pop("release/licences") == "make"
    assert {decision for _, decision in planned[1:]} == {None}
    assert not (tmp_path / "release").exists()
