"""Regimes: how large a training is, on one dial. What is learned is the recipe's affair."""

from dataclasses import dataclass
from typing import Any, Literal

Regime = Literal["small", "standard", "large"]


@dataclass(frozen=True)
class Size:
    """Megapixels a training sees of an area where the user does not say: ``passes`` over it, within bounds."""

    passes: float
    least: float
    most: float

    def megapixels(self, pixels: int) -> float:
        """
        >>> Size(15, 10, 120).megapixels(2_000_000)
        30.0
        """
        return round(min(max(self.passes * pixels / 1e6, self.least), self.most), 3)


SIZES: dict[str, Size] = {
    "small": Size(40, 20.0, 120.0),
    "standard": Size(15, 40.0, 20_000.0),
    "large": Size(2, 40.0, 100_000.0),
}
# what a regime sets where the user says nothing; small is what the settings' own defaults say
REGIMES: dict[str, dict[str, Any]] = {
    # two CPU cores, minutes
    "small": {},
    # one GPU, a province in hours
    "standard": {
        "width": 64,
        "chip_px": 160,
        "chips_per_step": 32,
        "held_out_share": 0.02,
        "log_every_steps": 50,
        "save_every_steps": 500,
        "score_every_share": 0.1,
        "readers": 4,
    },
    # all GPUs of a machine, a nation in days
    "large": {
        "width": 64,
        "chip_px": 160,
        "chips_per_step": 256,
        "held_out_share": 0.005,
        "log_every_steps": 100,
        "save_every_steps": 500,
        "score_every_share": 0.05,
        "readers": 8,
        "devices": 0,
    },
}
