"""Settings of a sample: how many points, drawn how."""

from typing import Literal, Self

from pydantic import Field, model_validator

from l2h.core.settings import Settings

Method = Literal["simple_random", "systematic", "stratified", "two_stage"]
Allocation = Literal["proportional", "equal", "neyman"]


class SampleSettings(Settings):
    """How a sample is drawn.

    method         : simple_random, systematic (lattice with a random start), stratified, two_stage (blocks first)
    size           : points wanted; left out where `standard_error` or `difference` says how exact they shall be
    seed           : the same seed gives the same points
    strata         : of a stratified sample: "map" (classes of the map), "region", "province", "city", or a file: a
                     raster on the project's lattice, or polygons
    strata_column  : column with the stratum's name, of a file of polygons
    allocation     : how points go to strata: proportional to area, equal, or by Neyman (area × standard deviation)
    minimum        : points that each stratum gets at least
    expected       : expected accuracy of each stratum by name, for Neyman and for the size
    expected_accuracy : the same for all others
    standard_error : of overall accuracy, wanted
    difference     : of two maps' overall accuracies, to be detected on the same points with power 80 %
    discordant     : share of the area where exactly one of the two maps is right
    block_px       : side of the blocks of a two-stage sample
    per_block      : points in each of them
    """

    method: Method = "simple_random"
    size: int | None = Field(None, ge=2, le=10_000_000)
    seed: int = Field(0, ge=0)
    strata: str = Field("map", min_length=1)
    strata_column: str | None = None
    allocation: Allocation = "proportional"
    minimum: int = Field(0, ge=0)
    expected: dict[str, float] = Field(default_factory=dict)
    expected_accuracy: float = Field(0.8, gt=0, lt=1)
    standard_error: float | None = Field(None, gt=0, lt=0.5)
    difference: float | None = Field(None, gt=0, lt=1)
    discordant: float = Field(0.15, gt=0, le=1)
    block_px: int = Field(2000, ge=2)
    per_block: int = Field(10, ge=1)

    @model_validator(mode="after")
    def _one_way_to_the_size(self) -> Self:
        given = [name for name in ("size", "standard_error", "difference") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"say exactly one of size, standard_error and difference (said: {', '.join(given) or 'none'})"
            )
        if not all(0 < value < 1 for value in self.expected.values()):
            raise ValueError("expected accuracies lie between 0 and 1")
        return self
