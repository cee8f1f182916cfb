"""The promises of docs/concepts.md, each held on the whole chain over a small generated country."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from l2h.core.areas import square_metres
from l2h.core.files import sha256_file
from l2h.core.grid import Grid
from l2h.core.ledger import Ledger
from l2h.core.raster import BlockStore
from l2h.core.verify import verify_workspace
from l2h.pipeline import STAGES, Pipeline
from l2h.product.verify import verify_release
from l2h.toy.stage import make_toy

pytestmark = pytest.mark.slow

# so little training that the map is poor: what is tested is that it is the same
QUICK = ("learning.megapixels=0.25", "learning.save_every_steps=2", "learning.threads=1", "release.confidence=none")
CHAIN = STAGES[:-2]  # what the release rests on
REPORT = {"report.html", "report.pdf", "validation.json"}


def run(
    folder: Path, *settings: str, executor: str = "serial", workers: int = 1, stages: tuple[str, ...] = CHAIN
) -> Pipeline:
    pipeline = Pipeline.open(folder, (*QUICK, *settings))
    with pipeline.context(executor, workers) as context:  # type: ignore[arg-type]
        for name in stages:
            pipeline.run(name, context)
    return pipeline


def release_digests(folder: Path) -> dict[str, str]:
    """Digest of every file of the release but those of the report, which comes after it and tells times."""
    root = folder / "release"
    return {
        path.relative_to(root).as_posix(): sha256_file(path)
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name not in REPORT and path.parent.name != "figures"
    }


def copy_inputs(source: Path, target: Path) -> Path:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("work", "release"))
    return target


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated country with its finished release: what every other way of making it must equal."""
    folder = tmp_path_factory.mktemp("promises") / "country"
    make_toy(folder, seed=3, km2=0.5)
    run(folder, stages=STAGES)
    return folder


@pytest.mark.parametrize(
    ("block_px", "executor", "workers"),
    [(512, "serial", 1), (1024, "processes", 2), (1536, "processes", 1), (333, "processes", 2), (400, "ray", 2)],
)
def test_same_bytes_for_any_block_size_executor_and_number_of_workers(
    country: Path, tmp_path: Path, block_px: int, executor: str, workers: int
) -> None:
    other = copy_inputs(country, tmp_path / "other")
    run(other, f"grid.block_px={block_px}", executor=executor, workers=workers)
    assert release_digests(other) == release_digests(country)


def test_same_bytes_in_any_order_of_completion(country: Path, tmp_path: Path) -> None:
    other = copy_inputs(country, tmp_path / "other")
    pipeline = Pipeline.open(other, QUICK)
    with pipeline.context("serial", 1) as context:
        shuffled = Shuffled(random.Random(0))
        context = type(context)(**{**vars(context), "executor": shuffled})
        for name in CHAIN:
            pipeline.run(name, context)
    assert shuffled.moved > 0
    assert release_digests(other) == release_digests(country)


class Shuffled:
    """An executor that hands tasks out, and results back, in random order."""

    workers = 1

    def __init__(self, rng: random.Random) -> None:
        self.rng, self.moved = rng, 0

    def map(self, function, items):  # type: ignore[no-untyped-def]
        items = list(items)
        order = self.rng.sample(range(len(items)), len(items))
        self.moved += order != sorted(order)
        yield from (function(items[i]) for i in order)


def test_killed_at_random_moments_then_resumed_gives_the_same_release(country: Path, tmp_path: Path) -> None:
    other = copy_inputs(country, tmp_path / "other")
    rng, kills = random.Random(7), 0
    command = [sys.executable, "-m", "l2h", "run", str(other), "--workers", "2"]
    command += [part for setting in QUICK for part in ("--set", setting)]
    for _ in range(40):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
        # every run gets a little further than the start of Python, and none is sure to end
        wait = rng.uniform(3.0, 9.0) if kills < 8 else None
        try:
            assert process.wait(timeout=wait) == 0
            break
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
    assert kills >= 2
    assert release_digests(other) == release_digests(country)
    assert not list(other.rglob(".*.part-*"))


def test_nothing_is_made_twice_and_only_what_depends_on_a_change_is_remade(country: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(country, other)
    pipeline = Pipeline.open(other, QUICK)
    assert {row["stage"]: row["make"] + row["remake"] for row in pipeline.status()} == dict.fromkeys(STAGES, 0)
    changed = {row["stage"]: row for row in Pipeline.open(other, (*QUICK, "mapping.draw_vectors=false")).status()}
    assert changed["map"]["remake"] > 0
    assert all(changed[name]["remake"] == 0 for name in ("layers", "labels", "train"))


def test_a_changed_input_is_noticed_by_its_bytes(country: Path, tmp_path: Path) -> None:
    """A new time changes nothing; one cell of one product remakes what rests on that product, and nothing else."""
    other = tmp_path / "other"
    shutil.copytree(country, other)
    product = next((other / "inputs" / "products").glob("esri*.tif"))
    product.touch()
    pipeline = Pipeline.open(other, QUICK)
    assert {row["stage"]: row["make"] + row["remake"] for row in pipeline.status()} == dict.fromkeys(STAGES, 0)
    with rasterio.open(product, "r+") as dataset:
        codes = dataset.read(1)
        row, col = np.array(codes.shape) // 2
        codes[row, col] = 2 if codes[row, col] != 2 else 5
        dataset.write(codes, 1)
    before = {path: sha256_file(path) for path in (other / "work" / "layers").rglob("*.tif")}
    rows = {row["stage"]: row for row in pipeline.status()}
    assert all(rows[name]["remake"] > 0 for name in STAGES)
    run(other, stages=("layers", "labels"))
    changed = {path.parent.name for path, digest in before.items() if sha256_file(path) != digest}
    assert changed == {"esri"}
    records = {record.key: record for record in Ledger(country).records()}
    remade = {r.key for r in Ledger(other).records() if r.wanted != records[r.key].wanted}
    assert {key.split("/")[1] for key in remade if key.startswith("layers/")} == {"esri"}


def test_a_changed_date_is_noticed_and_status_changes_nothing(country: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(country, other)
    before = sha256_file(other / "work" / "layers" / "products.json"), sha256_file(other / "work" / "ledger.jsonl")
    table = Pipeline.open(other, (*QUICK, "products.1.date=1999")).status()
    assert next(row for row in table if row["stage"] == "layers")["remake"] > 0
    after = sha256_file(other / "work" / "layers" / "products.json"), sha256_file(other / "work" / "ledger.jsonl")
    assert after == before


def test_a_flipped_bit_is_named_and_remade(country: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(country, other)
    victim = next((other / "work" / "map").glob("*.tif"))
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(bytes(data))
    found = list(verify_workspace(Ledger(other)))
    assert [(d.path, d.fault) for d in found] == [(victim, "differs")]
    run(other)
    assert not list(verify_workspace(Ledger(other)))
    assert release_digests(other) == release_digests(country)


def test_a_release_is_whole_and_areas_close(country: Path) -> None:
    folder = country / "release" / "1.0"
    checked, differences = verify_release(folder)
    assert checked > 5
    assert differences == []
    areas = json.loads((country / "work" / "assess" / "areas.json").read_text())
    for key in ("pixels", "hundredths"):
        total = {
            level: sum((counts_of(row, key) for row in areas if row["level"] == level), Counter())
            for level in ("city", "province", "nation")
        }
        assert total["city"] == total["province"] == total["nation"]
        assert len(total["nation"]) > 5
        provinces = {row["name"] for row in areas if row["level"] == "province"}
        for province in provinces:
            whole, parts = (
                sum((counts_of(row, key) for row in areas if row["level"] == level and row[of] == province), Counter())
                for level, of in (("province", "name"), ("city", "province"))
            )
            assert whole == parts
    table = [line.split(",") for line in (folder / "areas.csv").read_text("utf-8").splitlines()[1:]]
    told = {int(value): (int(pixels), m2) for level, _, _, _, value, _, pixels, m2 in table if level == "nation"}
    for c in next(row for row in areas if row["level"] == "nation")["classes"]:
        assert told[c["value"]] == (c["pixels"], square_metres(c["hundredths"]))


def counts_of(row: dict[str, Any], key: str) -> Counter[int]:
    """Class value → pixels, or hundredths of a square metre, of a place."""
    return Counter({c["value"]: c[key] for c in row["classes"]})


def test_every_pixel_of_a_city_is_mapped_or_a_recorded_hole(country: Path) -> None:
    pipeline = Pipeline.open(country, QUICK)
    grid: Grid = pipeline.grid
    block_px = pipeline.project.grid.block_px
    city = BlockStore(country / "work/layers/regions", grid, block_px).read(grid.window).values[0]
    mapped = BlockStore(country / "work/map", grid, block_px).read(grid.window).values[0]
    assert np.count_nonzero(city) > 400_000
    assert np.count_nonzero((city > 0) & (mapped == 0)) == 0


def test_a_corrupt_scene_is_a_recorded_hole_and_status_3(country: Path, tmp_path: Path) -> None:
    other = copy_inputs(country, tmp_path / "other")
    scene = next((other / "inputs" / "imagery").glob("north_*.tif"))
    data = bytearray(scene.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4000] = bytes(4000)
    scene.write_bytes(bytes(data))
    command = [sys.executable, "-m", "l2h", "layers", str(other), "--executor", "serial", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    holes = json.loads(done.stdout)["stages"][0]["holes"]
    assert holes
    assert scene.name in json.dumps(holes)
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 3  # a hole does not go away by asking twice
    assert json.loads(again.stdout)["stages"][0]["holes"] == holes


def test_two_runs_at_once_do_not_mix(country: Path, tmp_path: Path) -> None:
    """The second is refused, the first ends in the release it would have made alone."""
    other = copy_inputs(country, tmp_path / "other")
    command = [sys.executable, "-m", "l2h", "run", str(other), "--workers", "1", "--executor", "serial"]
    command += [part for setting in QUICK for part in ("--set", setting)]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while not (other / "work" / "layers").exists():
        assert first.poll() is None, first.communicate()[1].decode()
        time.sleep(0.05)
    second = subprocess.run([*command, "--set", "learning.seed=9"], capture_output=True, text=True, check=False)
    assert second.returncode == 1, second.stderr
    assert f"another l2h is at work in this project ({other / 'work'}): got process {first.pid} on" in second.stderr
    told = first.communicate()[1].decode()
    assert first.returncode == 0, told
    assert release_digests(other) == release_digests(country)
