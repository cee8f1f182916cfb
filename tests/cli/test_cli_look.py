"""`status`, `run --dry-run`, `verify`, `inspect`, `doctor`: commands that only look."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_project import CODES, QUICK, H, W, edit, quarters, write_tif

from l2h.cli.plan import GUESSED_PACE_S, expected
from l2h.cli.progress import LineProgress, duration, size
from l2h.pipeline import STAGES, Pipeline

L2H = Callable[..., Any]
SERIAL = ("--executor", "serial")
SETTINGS = [part for setting in QUICK for part in ("--set", setting)]


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file: what looking must not change."""
    found = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in found}


def rows(l2h: L2H, folder: Path, *settings: str) -> dict[str, dict[str, Any]]:
    said = l2h("status", folder, "--json", *settings)
    assert said.status == 0
    return {row["stage"]: row for row in json.loads(said.out)}


@pytest.mark.slow
def test_status_of_a_fresh_project(tiny: Path, l2h: L2H) -> None:
    before = files(tiny)
    found = rows(l2h, tiny)
    assert tuple(found) == STAGES
    assert (found["layers"]["make"], found["layers"]["waiting"]) == (20, True)
    assert (found["map"]["make"], found["map"]["waiting"]) == (0, True)
    said = l2h("status", tiny)
    assert f"next: l2h run {tiny}" in said.err
    assert files(tiny) == before


@pytest.mark.slow
def test_status_of_a_partly_made_project(tiny_layers: Path, l2h: L2H) -> None:
    found = rows(l2h, tiny_layers)
    assert (found["layers"]["keep"], found["layers"]["make"], found["layers"]["waiting"]) == (25, 0, False)
    assert found["labels"]["make"] == 8
    assert found["train"]["waiting"]


@pytest.mark.slow
def test_status_of_a_finished_and_a_changed_project(tiny_done: Path, l2h: L2H) -> None:
    before = files(tiny_done)
    found = rows(l2h, tiny_done, *SETTINGS)
    assert {row["make"] + row["remake"] for row in found.values()} == {0}
    assert "all is made" in l2h("status", tiny_done, *SETTINGS).err
    changed = rows(l2h, tiny_done, *SETTINGS, "--set", "labels.tempering=0.9")
    assert changed["layers"]["remake"] == 0
    # what rests on something stale is stale, however far down the chain
    assert all(changed[name]["remake"] > 0 for name in ("labels", "train", "map", "release", "assess", "report"))
    assert files(tiny_done) == before


@pytest.mark.slow
def test_status_tells_why_a_plan_cannot_be_made(tiny: Path, l2h: L2H) -> None:
    edit(tiny, "scenes/*.tif", "scenes/*.jp2")
    said = l2h("status", tiny)
    assert said.status == 1
    assert "problem: no file matches (layer 'scenes')" in said.err
    assert "next: mend the problem" in said.err


@pytest.mark.slow
def test_status_tells_why_a_task_failed(tiny_layers: Path, l2h: L2H) -> None:
    good = (tiny_layers / "worldcover.tif").read_bytes()
    write_tif(tiny_layers / "worldcover.tif", quarters((15,) * 4, H // 10, W // 10)[None], pixel=10.0)
    assert l2h("layers", tiny_layers, *SERIAL).status == 1
    row = rows(l2h, tiny_layers)["layers"]
    assert (row["failed"], row["make"]) == (4, 4)
    assert "code 15 is absent from legend 'worldcover'" in row["problem"]
    (tiny_layers / "worldcover.tif").write_bytes(good)
    assert l2h("layers", tiny_layers, *SERIAL).status == 0
    assert rows(l2h, tiny_layers)["layers"]["problem"] == ""


@pytest.mark.slow
def test_a_dry_run_tells_sizes_and_times_and_changes_nothing(tiny: Path, l2h: L2H) -> None:
    before = files(tiny)
    said = l2h("run", tiny, "--dry-run", "--workers", "2")
    assert (said.status, said.out) == (0, "")
    assert "120 rows × 160 columns of 1 m, EPSG:32650: 0.019 km² in 4 blocks" in said.err
    assert "(guess)" in said.err
    assert "are free" in said.err
    plan = json.loads(l2h("run", tiny, "--dry-run", "--json").out)
    assert [row["stage"] for row in plan["stages"]] == list(STAGES)
    assert plan["seconds_expected"] > 0
    assert [row["stage"] for row in json.loads(l2h("map", tiny, "--dry-run", "--json").out)["stages"]] == ["map"]
    assert files(tiny) == before


@pytest.mark.slow
def test_a_dry_run_takes_the_pace_of_last_time(tiny_done: Path, l2h: L2H) -> None:
    done = json.loads(l2h("run", tiny_done, *SETTINGS, "--dry-run", "--json").out)
    assert (done["seconds_expected"], {row["basis"] for row in done["stages"]}) == (0, {"nothing to do"})
    again = json.loads(
        l2h("run", tiny_done, *SETTINGS, "--set", "mapping.draw_vectors=false", "--dry-run", "--json").out
    )
    assert {row["stage"]: row["basis"] for row in again["stages"]}["map"] == "recorded pace"


def test_expected_seconds() -> None:
    fresh = {"stage": "map", "make": 0, "remake": 0, "waiting": True, "seconds": 0.0, "pixels": 0, "pixels_to_make": 0}
    assert expected(fresh, 3e6, 2) == {"seconds_expected": GUESSED_PACE_S["map"] * 3 / 2, "basis": "guess"}
    known = fresh | {"remake": 2, "waiting": False, "seconds": 8.0, "pixels": 400, "pixels_to_make": 100}
    assert expected(known, 3e6, 2) == {"seconds_expected": 1.0, "basis": "recorded pace"}
    kept = known | {"remake": 0}
    assert expected(kept, 3e6, 2)["seconds_expected"] == 0


def test_a_plan_asks_for_rights_and_files_too(tiny: Path, l2h: L2H) -> None:
    edit(tiny, "may_train = true", "may_train = false")
    assert l2h("run", tiny, "--dry-run").status == 2


def test_a_layer_without_a_stated_licence_is_named(tiny: Path) -> None:
    edit(tiny, 'licence = "CC0-1.0"', 'licence = "unknown"')
    assert Pipeline.open(tiny).unlicensed() == ["scenes"]


def test_verify_names_a_flipped_byte_and_a_missing_file(tiny_layers: Path, l2h: L2H) -> None:
    assert l2h("verify", tiny_layers).status == 0
    victim, gone = (tiny_layers / "work/layers/imagery" / f"r0000c000{n}.tif" for n in (0, 1))
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(bytes(data))
    gone.unlink()
    said = l2h("verify", tiny_layers)
    assert said.status == 1
    assert f"differs  {victim}" in said.err
    assert f"missing  {gone}" in said.err
    report = json.loads(l2h("verify", tiny_layers, "--json").out)
    assert [(row["fault"], row["path"]) for row in report["differences"]] == [
        ("differs", str(victim)), ("missing", str(gone)),
    ]  # fmt: skip
    assert report["checked"] > 20
    assert l2h("layers", tiny_layers, *SERIAL).status == 0  # and the next run makes them again
    assert l2h("verify", tiny_layers).status == 0


@pytest.mark.slow
def test_verify_of_a_release(tiny_done: Path, l2h: L2H) -> None:
    release = tiny_done / "release" / "1.0"
    assert l2h("verify", release).status == 0
    victim = next(release.rglob("*.zip"))
    data = bytearray(victim.read_bytes())
    data[-30] ^= 1
    victim.write_bytes(bytes(data))
    (release / "stray.txt").write_text("?")
    said = l2h("verify", release)
    assert said.status == 1
    assert victim.name in said.err
    assert "stray.txt" in said.err


def test_inspect_of_good_and_bad_files(tmp_path: Path, l2h: L2H) -> None:
    codes = quarters(CODES["worldcover"], 40, 40)[None]
    good = write_tif(tmp_path / "good.tif", codes, pixel=10.0, nodata=0)
    bad = write_tif(tmp_path / "bad.tif", codes + 7, pixel=10.0, nodata=0)
    (tmp_path / "no.tif").write_bytes(b"hello")
    said = l2h("inspect", good, "--legend", "worldcover")
    assert (said.status, said.out) == (0, "")
    assert "Tree cover 25.0%" in said.err
    said = l2h("inspect", bad, tmp_path / "no.tif", tmp_path / "missing.tif", good, "--legend", "worldcover", "--json")
    assert said.status == 1
    found = json.loads(said.out)
    rules = [{f["rule"] for f in row["findings"] if f["severity"] == "error"} for row in found]
    assert rules == [{"code-outside-legend"}, {"cannot-open"}, {"cannot-open"}, set()]
    assert found[1]["facts"]["path"] == str(tmp_path / "no.tif")


def test_inspect_finds_repeated_rows(tmp_path: Path, l2h: L2H) -> None:
    values = np.random.default_rng(0).integers(1, 7, (1, 200, 60))
    values[0, 120:160] = values[0, 40:80]
    said = l2h("inspect", write_tif(tmp_path / "strip.tif", values, nodata=0), "--legend", "sinolc1")
    assert said.status == 1
    assert "40 rows repeat rows 40:80 exactly" in said.err


@pytest.mark.slow
def test_doctor(tmp_path: Path, l2h: L2H) -> None:
    said = l2h("doctor", tmp_path / "not/there/yet", "--json")
    facts = json.loads(said.out)
    assert said.status == (1 if facts["problems"] else 0)
    assert facts["cores"] >= 1
    assert facts["packages"]["torch"] != "not installed"
    rows = dict(line.split(maxsplit=1) for line in l2h("doctor", tmp_path).err.splitlines())
    assert rows["torch"] == facts["packages"]["torch"]
    assert rows["jpeg2000"] == ("yes" if facts["jpeg2000"] else "no")
    assert rows["gpus"] == (", ".join(facts["gpus"]) or "none")


def test_durations_and_sizes_are_readable() -> None:
    assert [duration(s) for s in (0.4, 59.4, 60, 3599, 7620)] == [
        "0 s", "59 s", "1 min 00 s", "59 min 59 s", "2 h 07 min",
    ]  # fmt: skip
    assert [size(n) for n in (999, 1000, 2.5e9)] == ["999 B", "1.0 kB", "2.5 GB"]


def test_lines_of_progress_tell_the_step(capsys: pytest.CaptureFixture[str]) -> None:
    progress = LineProgress(every_s=0.0)
    with progress:
        progress.start("map 2/2", 4)
        progress.advance(1)
        progress.advance(3)
        progress.finish()
    told = capsys.readouterr()
    assert told.out == ""
    lines = told.err.splitlines()
    assert lines[0].startswith("  map 2/2       25.0 %")
    assert lines[1].startswith("  map 2/2      100.0 %   0 s left")
