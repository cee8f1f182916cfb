"""Which blocks of a layer a stretch is taken from, and how scenes come to look alike."""

from types import SimpleNamespace
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from l2h.core.grid import Window
from l2h.sources.radiometry import chosen, percentiles, sample_of
from l2h.sources.stretch import WHOLE_BYTE, balanced, reference_of


def scene(height: int, width: int) -> Any:
    return SimpleNamespace(frame=SimpleNamespace(height=height, width=width, window=Window(0, height, 0, width)))


def test_every_block_is_looked_at_once() -> None:
    found = list(chosen(scene(300, 600), 1))
    assert sorted(found) == [
        Window(0, 256, 0, 256), Window(0, 256, 256, 512), Window(0, 256, 512, 600),
        Window(256, 300, 0, 256), Window(256, 300, 256, 512), Window(256, 300, 512, 600),
    ]  # fmt: skip


def test_a_picture_as_large_as_a_country_is_never_listed() -> None:
    country = scene(4_000_000, 5_000_000)  # 305 million blocks: a list of them would fill the memory
    sample = sample_of([country])
    assert sample.every == 15_625 * 19_532 // 4096
    few = [window for window, _ in zip(chosen(country, sample.every), range(50), strict=False)]
    assert len(set(few)) == 50
    assert few[0] == Window(0, 256, 0, 256)


def test_a_scene_half_as_bright_is_stretched_twice_as_much() -> None:
    bright, dark = ((40.0, 120.0),), ((20.0, 60.0),)
    assert balanced(WHOLE_BYTE, bright, bright) == WHOLE_BYTE
    assert balanced(WHOLE_BYTE, dark, bright) == ((0.0, 127.5),)
    # a scene without contrast is not stretched to have some, but by half: 50 is 80, 51 is 82
    assert balanced(WHOLE_BYTE, ((50.0, 50.0),), bright) == ((10.0, 137.5),)


@given(st.floats(0.6, 1.6), st.floats(-40, 40), st.lists(st.floats(0, 255), min_size=1, max_size=9))
def test_two_looks_of_one_ground_become_one(gain: float, offset: float, ground: list[float]) -> None:
    first, second = ((40.0, 120.0),), ((gain * 40 + offset, gain * 120 + offset),)
    reference = reference_of([first, second])
    values = np.array(ground)
    seen = [
        (look - low) * 255 / (high - low)
        for look, own in ((values, first), (gain * values + offset, second))
        for low, high in balanced(((10.0, 200.0),), own, reference)
    ]
    np.testing.assert_allclose(*seen, atol=1e-6)


def test_one_in_a_hundred_lies_beyond_either_end_of_a_stretch() -> None:
    counts = np.zeros((2, 65536), "int64")
    counts[0, 32768 : 32768 + 1000] = 1  # 0 to 999 once each
    counts[1, 32768 + 7] = 5  # one value alone: its ends are one apart
    assert percentiles(counts) == ((10.0, 990.0), (7.0, 8.0))
