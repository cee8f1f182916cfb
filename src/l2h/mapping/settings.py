"""Settings of mapping."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from l2h.core.settings import Settings


class MappingSettings(Settings):
    """How a trained network is laid over the imagery.

    window_px      : side of the lattice windows that own pixels; a multiple of the network's stride (80 fits
                     all). With 480 the default network needs 0.25 GB above its weights and reads 2.0 times the pixels
                     it keeps; 720 needs 0.5 GB and reads 1.6 times. Blocks waste least where it divides them
    precision      : of the network's arithmetic; class and confidence are always taken from float32
    prior          : whether the network's probabilities are multiplied with the smoothed coarse posterior. "auto"
                     measures it once for the project (docs/method.md, section 4)
    prior_margin   : "auto" leaves the prior out where the network expects itself to be right oftener than the fused
                     labels expect of themselves, by more than this share
    prior_sigma_cells, prior_beta, prior_mix : width of the smoothing, exponent, and share of the uniform distribution
                     mixed in (docs/method.md, section 4)
    trust          : "auto" trusts the network in each window as far as its cells agree with the labels there, so that
                     pictures unlike those it learned from get low confidence and the labels' class (docs/method.md,
                     section 4). "off" trusts it everywhere
    pair_weight    : how strongly neighbours of like colour are of one class (docs/method.md, section 4); 0: not at all
    pair_colour    : how far their colours may lie apart, in standard deviations of the imagery
    draw_vectors   : draw known roads and buildings on top, marked in the source band
    road_precision, building_precision : how often a pixel drawn from a road, or a building, is expected to be one,
                     before any point says so; heard with the network's opinion (docs/method.md, section 4)
    calibration    : "auto" tells calibrated confidence: fitted at the points of [calibration], by default temperatures
                     without them (docs/method.md, section 4). "off" tells the largest probability as it comes
    set_levels     : chances with which the sets of classes at the assessment's points are to hold the truth, where
                     there are points of [calibration] (docs/method.md, section 4)
    without_extras : extras that are not looked at, as if the project had none of these names
    gpu_batch      : windows per pass on a GPU; on the CPU it is always 1
    """

    window_px: int = Field(480, ge=16)
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    prior: Literal["auto", "on", "off"] = "auto"
    prior_margin: float = Field(0.05, ge=0, le=1)
    prior_sigma_cells: float = Field(0.8, gt=0, le=20)
    prior_beta: float = Field(1.0, gt=0, le=4)
    prior_mix: float = Field(0.05, gt=0, lt=1)
    trust: Literal["auto", "off"] = "auto"
    pair_weight: float = Field(8.0, ge=0, le=50)
    pair_colour: float = Field(0.5, gt=0, le=10)
    draw_vectors: bool = True
    road_precision: float = Field(0.8, gt=0, lt=1)
    building_precision: float = Field(0.9, gt=0, lt=1)
    calibration: Literal["auto", "off"] = "auto"
    set_levels: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.9, 0.95)
    without_extras: tuple[str, ...] = ()
    gpu_batch: int = Field(8, ge=1)

    @model_validator(mode="after")
    def _levels_differ(self) -> Self:
        """Columns of tables bear the levels in their names, so names must differ and say all of a level."""
        names = [f"{level:g}" for level in self.set_levels]
        if len(set(names)) < len(names) or tuple(map(float, names)) != self.set_levels:
            raise ValueError("set_levels must differ, and have six digits at most")
        return self

    @property
    def tells_sets(self) -> bool:
        """Whether sets of classes are bounded where there are points to calibrate by."""
        return self.calibration == "auto" and bool(self.set_levels)
