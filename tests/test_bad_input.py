"""Bad input through the command line: one clear error, the right exit status, and nothing lost."""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from shapely import Polygon, box
from tiny_project import CITIES, OSM, QUICK, RIGHTS, H, W, X, Y, edit, write_cities, write_tif

from l2h.core.files import sha256_file, sole

L2H = Callable[..., Any]
SERIAL = ("--executor", "serial")
SETTINGS = [part for setting in QUICK for part in ("--set", setting)]
SCENES = ("scenes/a_20200101.tif", "scenes/b_20210601.tif")
SCENE = SCENES[0]
PICTURE = np.full((3, H, W), 50)
CODES = np.full((1, H // 10, W // 10), 10)
BOW_TIE = Polygon([(X, Y), (X + 80, Y - 80), (X + 80, Y), (X, Y - 80)])


def scene(**change: Any) -> Callable[[Path], object]:
    return lambda folder: write_tif(folder / SCENE, change.pop("values", PICTURE), **change)


def product(values: Any = CODES, **change: Any) -> Callable[[Path], object]:
    return lambda folder: write_tif(folder / "worldcover.tif", values, **{"pixel": 10.0, **change})


def cities(*rows: Any, **change: Any) -> Callable[[Path], object]:
    def write(folder: Path) -> None:
        (folder / "cities.gpkg").unlink()
        write_cities(folder / "cities.gpkg", list(rows), **change)

    return write


def truncate(folder: Path) -> None:
    data = (folder / SCENE).read_bytes()
    (folder / SCENE).write_bytes(data[: len(data) // 2])


def both_elsewhere(folder: Path) -> None:
    for name in SCENES:
        write_tif(folder / name, PICTURE, crs="EPSG:32633")


def setting(old: str, new: str) -> Callable[[Path], object]:
    return lambda folder: edit(folder, old, new)


def remove(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def write(name: str, data: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(data)


# name → (what breaks the project, exit status, what the message must hold)
CASES: dict[str, tuple[Callable[[Path], object], int, str]] = {
    "glob without match": (setting("scenes/*.tif", "scenes/*.jp2"), 1, "no file matches (layer 'scenes')"),
    "product missing": (remove("worldcover.tif"), 1, "no file matches (layer 'worldcover')"),
    "boundary missing": (remove("cities.gpkg"), 1, "the file that 'boundary.path' names is missing"),
    "extract missing": (remove("roads.osm"), 1, "no file matches (layer 'osm')"),
    "extract cut short": (write("roads.osm", OSM[:80].encode()), 1, "OpenStreetMap extract cannot be read"),
    "truncated GeoTIFF": (truncate, 1, "a raster is truncated"),
    "no raster at all": (write(SCENE, b"hello"), 1, SCENE),
    "no CRS": (scene(crs=None), 1, "a raster has no CRS"),
    "all imagery elsewhere": (both_elsewhere, 1, "no scene touches the project's grid"),
    "product elsewhere": (product(crs="EPSG:32633"), 1, "a product does not touch the project's grid"),
    "flipped": (scene(transform=Affine(1, 0, X, 0, 1, Y - H)), 1, "rotated or flipped"),
    "rotated": (scene(transform=Affine(1, 0.1, X, 0.1, -1, Y)), 1, "rotated or flipped"),
    "bands missing": (scene(values=PICTURE[:2]), 1, "a raster lacks a band"),
    "16 bits beside 8": (scene(dtype="uint16"), 1, "a layer mixes files of different types"),
    "NaN in a product": (product(np.full(CODES.shape, np.nan), dtype="float32"), 1, "got float32"),
    "NaN in a scene": (scene(values=np.full((3, H, W), np.nan), dtype="float32"), 1, "got float32"),
    "unknown code": (product(CODES + 5), 1, "code 15 is absent from legend 'worldcover'"),
    "no city": (cities(), 1, "a boundary file has no cities"),
    "city without outline": (cities(("A", "B", "C", None), *CITIES), 1, "a city has no outline"),
    "outline that crosses itself": (cities(("A", "B", "C", BOW_TIE)), 1, "crosses itself"),
    "two cities of one name": (cities(CITIES[0], (*CITIES[0][:3], CITIES[1][3])), 1, "two cities have the same name"),
    "cities that overlap": (cities(*CITIES, ("A", "B", "C", box(X, Y - 9, X + 9, Y))), 1, "two cities overlap"),
    "cities elsewhere": (cities(("A", "B", "C", box(0, 0, 9, 9)), crs="EPSG:4326"), 1, "no city lies on the project's"),
    "column missing": (setting('gpkg"', 'gpkg"\ncity = "nam"'), 1, "lacks the column 'nam'"),
    "layer missing": (setting('gpkg"', 'gpkg"\nlayer = "nam"'), 1, "has no layer 'nam'"),
    "no vector file": (write("cities.gpkg", b"hello"), 1, "cities.gpkg"),
    "unknown CRS of the lattice": (setting("EPSG:32650", "EPSG:99999"), 2, "[grid] crs"),
    "lattice in degrees": (setting("EPSG:32650", "EPSG:4326"), 2, "the lattice is not in metres"),
    "lattice in feet": (setting("EPSG:32650", "EPSG:2232"), 2, "the lattice is not in metres"),
    "unknown setting": (setting("[labels]", "[labels]\ntemperin = 1"), 2, "Did you mean 'tempering'?"),
    "wrong value": (setting("cell_px = 10", "cell_px = 1000"), 2, "expected less than or equal to 255, got 1000"),
    "no TOML": (setting("[grid]", "[grid"), 2, "the project file is not TOML"),
    "no licence": (setting(RIGHTS, ""), 2, "Every source states its licence"),
    "no project": (remove("project.toml"), 2, "no project here"),
}


@pytest.mark.parametrize("name", CASES)
def test_one_clear_error_and_nothing_lost(name: str, tiny_layers: Path, tmp_path: Path, l2h: L2H) -> None:
    """The same message on `layers` whatever broke, what was made still verifies, and mending the input mends all."""
    spoil, status, words = CASES[name]
    whole = shutil.copytree(tiny_layers, tmp_path / "whole")
    made = digests(tiny_layers)
    spoil(tiny_layers)
    said = l2h("layers", tiny_layers, *SERIAL)
    assert (said.status, said.out) == (status, ""), said.err
    assert words in said.err
    assert said.err.startswith("l2h: ")
    assert said.err.count("\n") == 1, "one error, one line"
    assert "Traceback" not in said.err
    assert str(tiny_layers) in said.err or "layer '" in said.err, "says where"
    assert not list(tiny_layers.rglob(".*.part-*"))
    assert l2h("verify", tiny_layers).status == 0
    mend = shutil.ignore_patterns("work")
    shutil.copytree(whole, tiny_layers, dirs_exist_ok=True, ignore=mend)
    assert l2h("layers", tiny_layers, *SERIAL).status == 0
    assert digests(tiny_layers) == made


def digests(folder: Path) -> dict[str, str]:
    """Digest of everything made, but for the ledger, which tells times, and the settings, which a run may restate."""
    paths = [p for top in ("work", "release") for p in sorted((folder / top).rglob("*")) if p.is_file()]
    told = {"ledger.jsonl", "settings.json", "report.html", "log.jsonl", ".lock"}
    return {p.relative_to(folder).as_posix(): sha256_file(p) for p in paths if p.name not in told}


def test_a_corrupt_block_is_a_hole_and_the_rest_is_used(tiny: Path, l2h: L2H) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (3, H, 90))
    path = write_tif(tiny / SCENES[1], noise, x=X + 70, compress="DEFLATE")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    path.write_bytes(bytes(data))
    said = l2h("layers", tiny, *SERIAL, "--json")
    assert said.status == 3
    (hole,) = json.loads(said.out)["stages"][0]["holes"]
    assert "scene 'b_20210601'" in hole["where"]
    assert "IReadBlock" in hole["reason"]
    assert "hole: " in said.err


@pytest.mark.parametrize("wrong", ["nonsense", "=3", "learning..seed=3", "products.9.date=2020", "grid.crs.x=1"])
def test_nonsense_overrides(wrong: str, tiny: Path, l2h: L2H) -> None:
    said = l2h("layers", tiny, "--set", wrong)
    assert (said.status, said.out) == (2, "")
    assert wrong.partition("=")[0] in said.err
    assert not (tiny / "work").exists()


def test_a_wrong_override_is_traced_to_its_option(tiny: Path, l2h: L2H) -> None:
    said = l2h("status", tiny, "--set", "learning.seed=abc")
    assert said.status == 2
    assert "(--set learning.seed=abc): expected a whole number, got 'abc'" in said.err


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("run", "--executor", "threads"), "'threads' is not one of 'serial', 'processes', 'ray'"),
        (("run", "--workers", "0"), "0 is not in the range"),
        (("mapp",), "Did you mean 'map'?"),
        (("run", "--sett", "a=b"), "No such option"),
    ],
)
def test_unknown_words_on_the_command_line(command: tuple[str, ...], words: str, tiny: Path, l2h: L2H) -> None:
    said = l2h(command[0], tiny, *command[1:])
    assert (said.status, said.out) == (2, "")
    assert words in said.err
    assert not (tiny / "work").exists()


@pytest.mark.parametrize("command", ["run", "status", "layers", "verify"])
def test_a_folder_that_is_no_project(command: str, tmp_path: Path, l2h: L2H) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        said = l2h(command, folder)
        assert said.status == 2
        assert str(folder) in said.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("may_train = true", "may_train = false", "a network may not be trained on: 'scenes' (CC0-1.0)"),
        ("may_publish = true", "may_publish = false", "a release may not be made from: 'scenes' (CC0-1.0)"),
    ],
)
def test_rights_are_asked_for_before_the_first_task(old: str, new: str, words: str, tiny: Path, l2h: L2H) -> None:
    edit(tiny, old, new)
    said = l2h("run", tiny, *SERIAL)
    assert said.status == 2
    assert words in said.err
    assert not (tiny / "work").exists()
    assert l2h("layers", tiny, *SERIAL).status == 0  # what the terms allow may be done


def test_references_are_looked_for_before_the_first_task(tiny: Path, l2h: L2H) -> None:
    edit(tiny, "[labels]", '[reference]\npoints = "points.gpkg"\n[labels]')
    said = l2h("run", tiny, *SERIAL)
    assert said.status == 1
    assert "the file that 'reference.points' names is missing" in said.err
    assert not (tiny / "work").exists()


PLACES = f"id,x,y,class_value\n1,{X + 5},{Y - 5},2\n2,{X + 25},{Y - 5},9\n"
TABLES = {"reference": "[reference]", "calibration": "[calibration]", "clean": "[learning.clean]"}


@pytest.mark.parametrize("section", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize(
    ("table", "words"),
    [
        (PLACES.replace("class_value", "class"), "a point table has no column 'class_value'"),
        (PLACES.replace(",9", ",11"), "a reference point has an unknown class"),
        (PLACES.replace(str(X + 5), "0"), "1 of 2 reference points lie outside the map"),
    ],
    ids=["column", "class", "place"],
)
def test_points_are_read_before_the_first_task(section: str, table: str, words: str, tiny: Path, l2h: L2H) -> None:
    """Not after hours of training: the stages that use them come last."""
    (tiny / "points.csv").write_text(table)
    edit(tiny, "[labels]", f'{section}\npoints = "points.csv"\nclass_column = "class_value"\n[labels]')
    said = l2h("run", tiny, *SERIAL)
    assert said.status == 1, said.err
    assert words in said.err
    assert "points.csv" in said.err
    assert not (tiny / "work").exists()
    assert l2h("layers", tiny, *SERIAL).status == 0  # which needs no points


def test_a_second_run_in_the_same_project_is_refused(tiny: Path, l2h: L2H) -> None:
    with sole(tiny / "work" / ".lock", "held"):
        said = l2h("layers", tiny, *SERIAL)
        assert said.status == 1
        assert f"another l2h is at work in this project ({tiny / 'work'}): got process {os.getpid()} on " in said.err
        assert l2h("status", tiny).status == 0  # looking is free
    assert l2h("layers", tiny, *SERIAL).status == 0


def test_a_torn_line_of_the_ledger_is_a_task_that_never_was(tiny_layers: Path, l2h: L2H) -> None:
    path = tiny_layers / "work" / "ledger.jsonl"
    lines = path.read_text().splitlines()
    (torn,) = [n for n, line in enumerate(lines) if '"key":"layers/scenes"' in line]
    lines[torn] = lines[torn][:40]
    path.write_text("\n".join(lines) + "\n")
    said = l2h("layers", tiny_layers, *SERIAL, "--json")
    assert said.status == 0
    assert json.loads(said.out)["stages"][0]["made"] == 1


def test_a_line_of_another_version_is_named(tiny_layers: Path, l2h: L2H) -> None:
    path = tiny_layers / "work" / "ledger.jsonl"
    path.write_text('{"kind":"task","key":"x"}\n' + path.read_text())
    for command in ("layers", "status", "verify"):
        said = l2h(command, tiny_layers)
        assert said.status == 1
        assert f"{path}, line 1)" in said.err
        assert "Remove the line" in said.err


@pytest.mark.parametrize("stage", ["labels", "train", "release", "assess", "report"])
def test_a_stage_before_its_time_says_what_to_run(stage: str, tiny: Path, l2h: L2H) -> None:
    said = l2h(stage, tiny, *SERIAL)
    assert said.status == 1
    assert f"stage '{stage}' needs what an earlier stage makes" in said.err
    assert "Run the stages before it (layers" in said.err


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Callable[[Path], Path]]:
    """Make a folder read-only: by its rights, and for root, who minds none, by a mount."""
    mounted = []

    def make(folder: Path) -> Path:
        if os.geteuid() != 0:
            folder.chmod(0o555)
            return folder
        for options in (["--bind", str(folder)], ["-o", "remount,bind,ro", str(folder)]):
            if subprocess.run(["mount", *options, str(folder)], capture_output=True, check=False).returncode:
                pytest.skip("a read-only mount is not allowed here")
        mounted.append(folder)
        return folder

    yield make
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)
    for folder in tmp_path.iterdir():
        folder.chmod(0o755)


def test_a_read_only_folder(tiny: Path, read_only: Callable[[Path], Path], l2h: L2H) -> None:
    folder = read_only(tiny)
    said = l2h("layers", folder, *SERIAL)
    assert (said.status, said.out) == (1, "")
    assert "cannot write a file" in said.err
    assert str(folder) in said.err
    assert l2h("toy", folder / "toy", "--km2", "0.5").status == 1


@pytest.mark.slow
def test_a_read_only_project_can_be_looked_at(
    tiny_done: Path, read_only: Callable[[Path], Path], l2h: L2H, tmp_path: Path
) -> None:
    for path in tiny_done.rglob("*"):  # as after an unpacking: every time is another
        path.touch()
    folder = read_only(tiny_done)
    assert l2h("status", folder, *SETTINGS).status == 0
    assert l2h("verify", folder).status == 0
    assert l2h("run", folder, *SETTINGS, "--dry-run").status == 0


@pytest.mark.slow
def test_a_checkpoint_of_another_legend(tiny_done: Path, l2h: L2H) -> None:
    path = tiny_done / "work" / "train" / "network.json"
    record = json.loads(path.read_text())
    record["legend"]["values"][0] = 99
    path.write_text(json.dumps(record))
    made = digests(tiny_done / "release")
    said = l2h("map", tiny_done, *SERIAL, *SETTINGS)
    assert said.status == 1
    assert "the checkpoint was trained for another legend" in said.err
    assert "network.safetensors" in said.err
    assert "99" in said.err
    assert digests(tiny_done / "release") == made
    assert l2h("run", tiny_done, *SERIAL, *SETTINGS).status == 0  # the network is trained again
    assert l2h("verify", tiny_done).status == 0


def run_limited(folder: Path, largest_file: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "l2h", "run", str(folder), *SERIAL, *SETTINGS]
    limit = largest_file, resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    return subprocess.run(
        command, capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
    )  # fmt: skip


@pytest.mark.slow
def test_files_that_cannot_grow_then_can(tiny: Path, tiny_done_once: Path, l2h: L2H) -> None:
    done = run_limited(tiny, 40_000)  # layers and labels fit, what training writes does not
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot write a file" in done.stderr
    assert "train/album.npz" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tiny.rglob(".*.part-*"))
    assert l2h("verify", tiny).status == 0
    assert l2h("run", tiny, *SERIAL, *SETTINGS).status == 0
    assert digests(tiny / "release") == digests(tiny_done_once / "release")


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
@pytest.mark.parametrize("kilobytes", [150, 500])
def test_a_full_disk_then_a_larger_one(kilobytes: int, tmp_path: Path, tiny_done_once: Path, l2h: L2H) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    size = sum(p.stat().st_size for p in tiny_done_once.iterdir() if p.is_file()) // 1024
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size + 200 + kilobytes}k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system may not be mounted here")
    try:
        ignore = shutil.ignore_patterns("work", "release")
        folder = shutil.copytree(tiny_done_once, disk / "tiny", ignore=ignore)
        said = l2h("run", folder, *SERIAL, *SETTINGS)
        assert said.status == 1
        assert "No space left on device" in said.err or "the disk is full" in said.err  # by which write met it first
        assert "Traceback" not in said.err
        assert l2h("verify", folder).status == 0
        subprocess.run(["mount", "-o", "remount,size=30m", str(disk)], check=True)
        assert l2h("run", folder, *SERIAL, *SETTINGS).status == 0
        assert digests(folder / "release") == digests(tiny_done_once / "release")
    finally:
        subprocess.run(["umount", str(disk)], check=True)
