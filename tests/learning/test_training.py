"""The loop: it learns, it resumes to the bit, it says when it fails."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from virtual_areas import TINY, ArrayReader, make_area

from l2h.core.errors import CheckpointError
from l2h.core.legend import load_legend
from l2h.learning.areas import TrainingReaders
from l2h.learning.devices import count_devices
from l2h.learning.loop import train
from l2h.learning.schedule import one_cycle
from l2h.learning.settings import LearningSettings
from l2h.learning.training import DivergedError
from l2h.nets.checkpoint import read_checkpoint


def log_of(folder: Path) -> list[dict[str, Any]]:
    """Log lines without their times, which differ from run to run."""
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


class StoppedError(Exception):
    """Stands for whatever ends a process early."""


def stop_after(steps: int) -> Any:
    def progress(phase: str, done: int, _total: int) -> None:
        if phase == "train" and done == steps:
            raise StoppedError

    return progress


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folder of a training of a recipe that nothing disturbed."""

    @cache
    def run(recipe: str) -> Path:
        folder = tmp_path_factory.mktemp(recipe)
        train([make_area()], LearningSettings(recipe=recipe, **TINY), folder)
        return folder

    return run


@pytest.mark.parametrize(("recipe", "stopped_at"), [("default", 6), ("default", 8), ("l2h", 8), ("ce", 11)])
def test_a_stopped_training_continues_to_the_bit(
    straight: Callable[[str], Path], tmp_path: Path, recipe: str, stopped_at: int
) -> None:
    settings = LearningSettings(recipe=recipe, **TINY)
    assert settings.steps == 12
    with pytest.raises(StoppedError):
        train([make_area()], settings, tmp_path, progress=stop_after(stopped_at))
    assert not (tmp_path / "network.safetensors").exists()
    seen: list[int] = []
    train(
        [make_area()],
        settings,
        tmp_path,
        progress=lambda phase, done, _: seen.append(done) if phase == "train" else None,
    )
    # went on from the last state saved, one every three steps
    assert seen[0] == stopped_at // 3 * 3 + 1
    assert log_of(tmp_path) == log_of(straight(recipe))
    for name in ("network.safetensors", "network.json"):
        assert (tmp_path / name).read_bytes() == (straight(recipe) / name).read_bytes()


KILLED = """
import os, signal, sys
from pathlib import Path
from virtual_areas import make_area
from l2h.learning.loop import train
from l2h.learning.settings import LearningSettings

def progress(phase, done, total):
    if phase == "train" and done == 7:
        os.kill(os.getpid(), signal.SIGKILL)

settings = LearningSettings.model_validate_json(sys.argv[2])
train([make_area()], settings, Path(sys.argv[1]), progress=progress)
"""


@pytest.mark.slow
def test_a_killed_training_continues_to_the_bit(straight: Callable[[str], Path], tmp_path: Path) -> None:
    """A process of its own is killed with no chance to clean up."""
    settings = LearningSettings(**TINY)
    command = [sys.executable, "-c", KILLED, str(tmp_path), settings.model_dump_json()]
    done = subprocess.run(command, check=False, cwd=Path(__file__).parent)
    assert done.returncode == -signal.SIGKILL
    train([make_area()], settings, tmp_path)
    undisturbed = straight("default")
    assert log_of(tmp_path) == log_of(undisturbed)
    assert (tmp_path / "network.safetensors").read_bytes() == (undisturbed / "network.safetensors").read_bytes()


def test_a_state_of_other_settings_is_not_resumed(tmp_path: Path) -> None:
    with pytest.raises(StoppedError):
        train([make_area()], LearningSettings(**TINY), tmp_path, progress=stop_after(6))
    train([make_area()], LearningSettings(**TINY | {"rate": 1e-3}), tmp_path)
    assert [line["step"] for line in log_of(tmp_path) if "loss" in line] == list(range(1, 13))


def test_a_state_of_other_data_is_not_resumed(straight: Callable[[str], Path], tmp_path: Path) -> None:
    with pytest.raises(StoppedError):
        train([make_area(seed=1)], LearningSettings(**TINY), tmp_path, progress=stop_after(6), data_digest="one")
    train([make_area()], LearningSettings(**TINY), tmp_path, data_digest="two")
    assert log_of(tmp_path) == log_of(straight("default"))


def test_a_damaged_state_is_said_not_skipped(tmp_path: Path) -> None:
    with pytest.raises(StoppedError):
        train([make_area()], LearningSettings(**TINY), tmp_path, progress=stop_after(6))
    state = tmp_path / "state.safetensors"
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="state of the training is damaged"):
        train([make_area()], LearningSettings(**TINY), tmp_path)


def test_same_seed_same_network_and_another_seed_another(straight: Callable[[str], Path], tmp_path: Path) -> None:
    expected = (straight("default") / "network.safetensors").read_bytes()
    weights = [
        train([make_area()], LearningSettings(**TINY, seed=seed), tmp_path / str(seed)).read_bytes() for seed in (0, 1)
    ]
    assert weights[0] == expected != weights[1]


def test_training_leaves_the_random_state_and_the_threads_alone(tmp_path: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    train([make_area()], LearningSettings(**TINY), tmp_path)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(
    ("extra", "terms"),
    [
        ({}, {"cell", "pure", "split", "rest"}),
        ({"rest_weight": 0.0}, {"cell", "pure", "split"}),
        ({"recipe": "ce"}, {"ce", "split", "rest"}),
        ({"recipe": "l2h", "cas_start_share": 0.0}, {"ce", "dva"}),
        ({"recipe": "l2h", "cas": "agreement", "cas_start_share": 0.0}, {"ce", "dva"}),
        (
            {"recipe": "ce", "cas": "agreement", "cas_start_share": 0.0, "dva_gamma": 0.1},
            {"ce", "dva", "split", "rest"},
        ),
        ({"network": "unet", "alpha": 2.0, "pure_weight": 0.0, "split_weight": 0.0, "rest_weight": 0.0}, {"cell"}),
        ({"network": "surround", "chip_px": 80}, {"cell", "pure", "split", "rest"}),
        ({"network": "hybrid"}, {"cell", "pure", "split", "rest"}),
    ],
)
def test_every_switch_runs_and_logs_its_terms(tmp_path: Path, extra: dict[str, Any], terms: set[str]) -> None:
    train([make_area()], LearningSettings(**TINY | {"megapixels": 0.002} | extra), tmp_path)
    lines = [line for line in log_of(tmp_path) if "loss" in line]
    for line in lines:
        assert set(line) - {"step", "loss", "rate", "pixels"} == terms
        assert line["loss"] == pytest.approx(sum(line[term] for term in terms), rel=1e-5)


def test_vague_areas_wait_for_their_share_of_the_training(tmp_path: Path) -> None:
    train([make_area()], LearningSettings(**TINY, recipe="l2h", cas_start_share=0.5), tmp_path)
    started = ["dva" in line for line in log_of(tmp_path) if "loss" in line]
    assert started == [False] * 6 + [True] * 6


def test_checkpoint_tells_how_it_came_about(tmp_path: Path) -> None:
    areas = [make_area(name="one"), make_area(seed=1, name="two")]
    found = read_checkpoint(train(areas, LearningSettings(**TINY), tmp_path), load_legend("sinolc1"), bands=3)
    assert found.name == "l2hnet"
    assert found.training["areas"] == ["one", "two"]
    assert found.training["steps"] == 12
    assert found.training["settings"]["rate"] == 0.003
    assert found.training["plan"]["held_out_blocks"] == 13  # a tenth of 2 · 8²
    assert found.training["held_out"]["held_out_places"] == 13 * 36
    assert 50 < found.normalisation.mean[0] < 150


def test_no_held_out_blocks_no_scores(tmp_path: Path) -> None:
    path = train([make_area()], LearningSettings(**TINY | {"held_out_share": 0.0}), tmp_path)
    assert read_checkpoint(path).training["held_out"] is None


def test_a_loss_that_is_no_number_is_a_clear_error(tmp_path: Path) -> None:
    settings = LearningSettings(**TINY | {"rate": 1e30, "gradient_clip": 1e30, "warmup_share": 0.0})
    with pytest.raises(DivergedError, match=r"loss or gradient is not finite \(step \d+ of 12\).*Lower rate"):
        train([make_area()], settings, tmp_path)
    assert not (tmp_path / "network.safetensors").exists()


def test_bf16_runs_everywhere(tmp_path: Path) -> None:
    train([make_area()], LearningSettings(**TINY | {"precision": "bf16-mixed", "megapixels": 0.002}), tmp_path)
    assert all(np.isfinite(line["loss"]) for line in log_of(tmp_path) if "loss" in line)


def test_one_cycle_rises_to_its_peak_and_falls_to_nothing() -> None:
    rates = [one_cycle(step, 100, 1.0, 0.15) for step in range(100)]
    assert rates[0] == pytest.approx(1 / 25)
    assert rates[14] == 1.0 == max(rates)
    assert rates[99] == pytest.approx(4e-6)
    assert rates[:15] == sorted(rates[:15])
    assert rates[14:] == sorted(rates[14:], reverse=True)


def test_one_cycle_is_that_of_torch() -> None:
    optimiser = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=3e-3, total_steps=40, pct_start=0.15, cycle_momentum=False
    )
    for step in range(40):
        assert one_cycle(step, 40, 3e-3, 0.15) == pytest.approx(theirs.get_last_lr()[0])
        optimiser.step()
        if step < 39:
            theirs.step()


def true_share(area: TrainingReaders, path: Path) -> dict[str, float]:
    """Accuracy over all pixels, and over the pixels of traffic route, of a trained network."""
    checkpoint = read_checkpoint(path)
    assert isinstance(area.imagery, ArrayReader)
    assert isinstance(area.label, ArrayReader)
    image = checkpoint.normalisation.apply(area.imagery.values, area.imagery.valid)
    with torch.no_grad():
        index = checkpoint.network(torch.from_numpy(image)[None]).argmax(1)[0].numpy()
    predicted, truth = np.array(checkpoint.legend_values)[index], area.label.values[0]
    return {"all": float((predicted == truth).mean()), "traffic": float((predicted == truth)[truth == 1].mean())}


@pytest.mark.slow
def test_a_small_problem_is_learned_down_to_the_roads(tmp_path: Path) -> None:
    """20 px patches, roads of 4 px that no 10 m label shows, a third of roads and roofs known to the vectors."""
    area, quick = make_area(), {"width": 16, "chip_px": 40, "threads": 1, "accelerator": "cpu"}
    share = true_share(area, train([area], LearningSettings(**quick, megapixels=0.5, rate=6e-3), tmp_path))
    assert share["all"] > 0.9
    assert share["traffic"] > 0.9


@pytest.mark.slow
def test_the_sinolc1_recipe_learns_where_products_agree(tmp_path: Path) -> None:
    """Nothing is asked of roads: area selection drops classes that lag behind, as the study found of it."""
    area, quick = make_area(), {"width": 16, "chip_px": 40, "threads": 1, "accelerator": "cpu"}
    share = true_share(area, train([area], LearningSettings(recipe="l2h", **quick, megapixels=0.3), tmp_path))
    assert share["all"] > 0.85


@pytest.mark.slow
def test_two_processes_train_one_network(tmp_path: Path) -> None:
    settings = LearningSettings(**TINY | {"devices": 2, "megapixels": 6 * 2 * 20**2 / 1e6})
    path = train([make_area()], settings, tmp_path)
    assert read_checkpoint(path).training["steps"] == 6
    assert [line["step"] for line in log_of(tmp_path) if "loss" in line] == list(range(1, 7))


def test_more_readers_give_the_same_bytes(straight: Callable[[str], Path], tmp_path: Path) -> None:
    train([make_area()], LearningSettings(**TINY | {"readers": 3}), tmp_path)
    assert (tmp_path / "network.safetensors").read_bytes() == (straight("default") / "network.safetensors").read_bytes()
    assert log_of(tmp_path) == log_of(straight("default"))


def test_all_devices_of_a_machine_without_any_are_one_process() -> None:
    assert count_devices(LearningSettings(devices=0, accelerator="cpu")) == 1


@pytest.mark.slow
def test_the_standard_regime_runs_unchanged_on_two_cores(tmp_path: Path) -> None:
    """Two steps of 32 chips of 160 px through the wide network; only how long it trains is cut."""
    settings = LearningSettings(regime="standard", megapixels=2 * 32 * 160**2 / 1e6, accelerator="cpu", threads=2)
    checkpoint = read_checkpoint(train([make_area(640, 640)], settings, tmp_path))
    assert (checkpoint.training["steps"], checkpoint.arguments) == (2, {"width": 64})
