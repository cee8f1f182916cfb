"""Which blocks of a layer the stretch of 16 bits is taken from."""

from types import SimpleNamespace
from typing import Any

from l2h.core.grid import Window
from l2h.sources.radiometry import chosen, sample_of


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
