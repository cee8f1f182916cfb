"""Settings of the labels: few dials, and the widths that vectors are drawn with."""

from typing import Literal

from pydantic import Field, PositiveFloat

from l2h.core.settings import Settings


class VectorSettings(Settings):
    """How roads and buildings become evidence. A ring of 0 m beyond the width, or a core of share 1, switch a part off.

    road_width_m         carriageway width per highway class, instead of the table in `roads`; 0 leaves a class out
    lane_m               width of a lane, where lanes are tagged and the width is not
    road_core_share      inner share of the width that is surely road, whatever the displacement of a metre or two
    road_ring_factor     the ignore ring reaches to this many half-widths …
    road_ring_m          … and this many metres from the centre line
    building_core_m      footprints shrink by this much to be surely building
    building_ring_m      … and grow by this much for their ignore ring
    """

    road_width_m: dict[str, float] = Field(default_factory=dict)
    lane_m: PositiveFloat = 3.5
    road_core_share: float = Field(default=0.7, gt=0.0, le=1.0)
    road_ring_factor: float = Field(default=2.5, ge=1.0)
    road_ring_m: float = Field(default=2.0, ge=0.0)
    building_core_m: float = Field(default=1.0, ge=0.0)
    building_ring_m: float = Field(default=3.0, ge=0.0)


class LabelSettings(Settings):
    """How the products become labels.

    method            ``posterior``: each product a noisy observation with its own confusion matrix, fitted by EM;
                      ``intersection``: the SinoLC-1 rule, a label only where the products agree
    cell_px           side of a label cell in pixels; 10 at 1 m
    per               one label model per geographical ``region``, or one for the ``nation``
    anchor_strength   weight of the published confusion matrices, as a multiple of the data's own weight; 0.1 to 3
                      stayed above majority on every family of real pictures, 0.1 to 0.3 was best
    tempering         exponent on each product's likelihood; below 1 where products share their errors
    prior_smoothing   weight of an even class prior, as a multiple of the data's own weight
    neighbour_cells   how far the neighbours of a cell are heard: σ of a Gaussian, 0 not at all
    neighbour_rounds  how often
    prior_neighbours  how loudly they are heard in what the map multiplies the network with (`labels/prior`), an
                      exponent: 1 as in the label, 0 not at all
    void_below        cells of less reliability (0 to 100) get no class in the label; the posterior keeps them
    """

    method: Literal["posterior", "intersection"] = "posterior"
    cell_px: int = Field(default=10, ge=1, le=255)
    per: Literal["region", "nation"] = "region"
    anchor_strength: float = Field(default=0.2, ge=0.0)
    tempering: float = Field(default=1.0, gt=0.0, le=1.0)
    prior_smoothing: float = Field(default=0.01, ge=0.0)
    neighbour_cells: float = Field(default=2.0, ge=0.0, le=10.0)
    neighbour_rounds: int = Field(default=3, ge=0, le=10)
    prior_neighbours: float = Field(default=0.35, ge=0.0, le=1.0)
    void_below: int = Field(default=25, ge=0, le=100)
    vectors: VectorSettings = VectorSettings()
