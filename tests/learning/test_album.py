"""Pictures of a training: few, small, at their moments, and the same when a training was stopped between."""

from pathlib import Path

import numpy as np
import pytest
from virtual_areas import TINY, make_area

from l2h.core.legend import coarse_legend, load_legend
from l2h.learning.album import MOMENTS, PLACES, diverse
from l2h.learning.areas import TileCache
from l2h.learning.classes import ClassMap
from l2h.learning.loop import train
from l2h.learning.plan import make_plan
from l2h.learning.settings import LearningSettings

SETTINGS = LearningSettings(**TINY)


class StoppedError(Exception):
    """Stands for whatever ends a process early."""


def stop_at_eight(phase: str, done: int, _total: int) -> None:
    if (phase, done) == ("train", 8):
        raise StoppedError


def pictures(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "album.npz", allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def test_pictures_of_a_training_and_of_one_that_was_stopped(tmp_path: Path) -> None:
    train([make_area()], SETTINGS, tmp_path / "straight")
    made = pictures(tmp_path / "straight")
    assert made["steps"].tolist() == [max(1, round(share * SETTINGS.steps)) for share in MOMENTS] == [2, 6, 12]
    assert made["image"].shape == (PLACES, 3, 60, 60)  # a block of three chips of 20 px
    assert made["prediction"].shape == (3, PLACES, 60, 60)
    assert set(np.unique(made["prediction"])) <= set(load_legend("sinolc1").values)
    assert set(np.unique(made["label"])) <= {2, 5, 6, 9}
    with pytest.raises(StoppedError):
        train([make_area()], SETTINGS, tmp_path / "stopped", progress=stop_at_eight)
    assert pictures(tmp_path / "stopped")["steps"].tolist() == [2, 6]
    train([make_area()], SETTINGS, tmp_path / "stopped")
    assert (tmp_path / "stopped/album.npz").read_bytes() == (tmp_path / "straight/album.npz").read_bytes()


def test_hard_labels_are_shown_as_they_are(tmp_path: Path) -> None:
    train([make_area()], LearningSettings(recipe="l2h", **TINY), tmp_path)
    assert 1 in pictures(tmp_path)["label"]  # roads are burnt in


def test_the_places_are_the_most_diverse() -> None:
    area = make_area()
    classes = ClassMap.of(load_legend("sinolc1"), coarse_legend())
    plan = make_plan([area], SETTINGS, classes, TileCache())
    kinds = (plan.counts[:, : len(coarse_legend())] > 0).sum(axis=1)
    chosen = [plan.blocks.tolist().index(block) for block in diverse(plan).tolist()]
    assert kinds[chosen].min() >= np.median(kinds)
