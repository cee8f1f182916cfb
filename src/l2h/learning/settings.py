"""Settings of learning: a named recipe and the few dials that override it."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from l2h.core.errors import SettingsError
from l2h.core.settings import Settings
from l2h.learning.regimes import REGIMES, SIZES, Regime

Recipe = Literal["default", "l2h", "ce"]

# what a recipe sets where the user says nothing
RECIPES: dict[str, dict[str, Any]] = {
    # U-Net, cell loss on the fused posterior, vectors as positives only
    "default": {},
    # SinoLC-1: L2HNet, hard labels where the products agree and roads burnt in, confident areas, vague-area term
    "l2h": {
        "network": "l2hnet",
        "labels": "label",
        "loss": "ce",
        "cas": "confidence",
        "dva_gamma": 0.01,
        "split_weight": 0.0,
        "rest_weight": 0.0,
    },
    # the control: as default, but every pixel must match its cell's posterior
    "ce": {"loss": "ce"},
}
# where it runs and how often it is saved, not what is learned: they stay out of the digest of a trained network. How
# often it is logged is no such thing: the log and the record of the last losses are bytes of the result
EXECUTION = frozenset({"threads", "readers", "accelerator", "devices", "save_every_steps"})
HEARING = ("unet", "slim", "surround")  # the networks that have a place for extras
LATTICE_PX = 80  # where cells of 10 px and features of 8 px, or of 16 px, meet
EXTRAS_KEYS = {"extras", "extras_drop", "extras_drop_all"}


class CleanSettings(Settings):
    """Clean samples: points and drawn ground whose class somebody has looked up, learned beside the labels. None of
    them may be a point of the assessment, nor lie near one.

    points        table of points as in [reference]: a vector file or a CSV
    layer         layer of the points' vector file; its only one where it is left out
    drawn         files of drawn ground: polygons (a vector file), or label rasters in values of the legend, 0 or nodata
                  where nothing is drawn. What polygons leave out is unknown, not another class
    drawn_layer   layer of the polygons' vector files; their only one where it is left out
    class_column  column with the class of points and polygons, as a value of the legend or as a class name
    apart_m       points nearer than this to a point of [reference], or in its pixel, are refused; likewise drawn pixels
    weight        of their cross entropy beside the other losses, of points and of drawn ground each
    chips_share   share of a step's chips that lie around a point or on drawn ground, half of them each where there are
                  both
    """

    points: str | None = None
    layer: str | None = None
    drawn: tuple[str, ...] = ()
    drawn_layer: str | None = None
    class_column: str = Field("class", min_length=1)
    apart_m: float = Field(20.0, ge=0.0)
    weight: float = Field(1.0, ge=0.0)
    chips_share: float = Field(0.25, ge=0.0, le=1.0)

    @property
    def given(self) -> bool:
        """Whether there are any."""
        return self.points is not None or bool(self.drawn)

    def slots(self, chips_per_step: int) -> int:
        """Chips of a step on clean ground: the nearest number to the share, one at least unless the share is 0."""
        return max(1, round(self.chips_share * chips_per_step)) if self.chips_share else 0


class LearningSettings(Settings):
    """How a network is trained. ``recipe`` (what is learned) and ``regime`` (how large) set defaults; any key given
    explicitly overrides them.

    regime               ``small``: two CPU cores, minutes; ``standard``: one GPU, a province; ``large``: all GPUs of a
                         machine, a nation (table below)
    recipe               a named set of defaults (below)
    network, width       which network (docs/method.md, 3.1), and its width (multiple of 4)
    labels               ``posterior`` (soft, per cell) or ``label`` (hard, per pixel)
    loss                 ``cell`` (cell means must match the posterior) or ``ce`` (each pixel must match)
    alpha                sharpness of the cell vote: 1 takes a cell's class for the mean of its pixels, 3 for the one
                         that most of them have, and leaves the rest free
    pure_weight          weight of the pixel term in unanimous 3 × 3 neighbourhoods (cell loss only)
    split_weight         weight of traffic against building on vectors, as positives only
    rest_weight          weight of the lean to building of built-up ground that no vector speaks of
    cas                  confident-area selection: by agreement with the labels, or by the network's confidence
    cas_start_share      share of the training from which on it selects
    dva_gamma            weight of the dynamic-vague-area term (0: off)
    megapixels           pixels to see, in millions; by default what the regime makes of the area
    chip_px              side of a chip
    chips_per_step       chips an optimiser step sees
    class_balance        0: chips drawn by area; 1: every class equally often
    colour_jitter        largest relative change of brightness of a chip
    min_valid_share      share of a chip that must be valid
    held_out_share       share of the lattice's blocks kept from training, scored while it runs
    rate, warmup_share   largest learning rate, and share of the training over which it rises to it
    weight_decay         of AdamW
    gradient_clip        largest norm of a step's gradient
    seed                 of the weights and of the chips drawn
    precision            of the arithmetic; auto: bf16 where the device has it, else 32 bits
    accelerator          where to train
    devices              on how many of them; 0: on all there are
    log_every_steps      how often a line is logged
    save_every_steps     how often the state is saved that a killed training goes on from
    score_every_share    share of the training between two scores on the held-out blocks
    threads              0: all cores this process may use
    readers              threads of each process that read chips ahead of the network
    extras               whether the project's [[extras]] are learned from beside the picture
    extras_drop          chance that a chip goes without an extra that is there, so that the network can do without
    extras_drop_all      chance that it goes without all of them
    """

    regime: Regime = "small"
    recipe: Recipe = "default"
    network: Literal["unet", "slim", "surround", "l2hnet", "hybrid"] = "unet"
    width: int = Field(32, ge=4, le=1024, multiple_of=4)
    labels: Literal["posterior", "label"] = "posterior"
    loss: Literal["cell", "ce"] = "cell"
    alpha: float = Field(3.0, ge=1.0, le=4.0)
    pure_weight: float = Field(0.5, ge=0.0)
    split_weight: float = Field(1.0, ge=0.0)
    rest_weight: float = Field(0.1, ge=0.0)
    cas: Literal["none", "agreement", "confidence"] = "none"
    cas_start_share: float = Field(0.3, ge=0.0, le=1.0)
    dva_gamma: float = Field(0.0, ge=0.0)

    megapixels: float | None = Field(None, gt=0.0)
    chip_px: int = Field(80, ge=10)
    chips_per_step: int = Field(8, ge=2)
    class_balance: float = Field(0.5, ge=0.0, le=1.0)
    colour_jitter: float = Field(0.03, ge=0.0, le=0.5)
    min_valid_share: float = Field(0.5, gt=0.0, le=1.0)
    held_out_share: float = Field(0.1, ge=0.0, lt=0.9)

    rate: float = Field(3e-3, gt=0.0)
    warmup_share: float = Field(0.15, ge=0.0, lt=1.0)
    weight_decay: float = Field(1e-4, ge=0.0)
    gradient_clip: float = Field(5.0, gt=0.0)
    seed: int = Field(0, ge=0, lt=2**32)

    precision: Literal["auto", "32-true", "bf16-mixed"] = "auto"
    accelerator: Literal["auto", "cpu", "cuda"] = "auto"
    devices: int = Field(1, ge=0)
    threads: int = Field(0, ge=0)
    readers: int = Field(1, ge=1, le=64)
    log_every_steps: int = Field(10, ge=1)
    save_every_steps: int = Field(100, ge=1)
    score_every_share: float = Field(0.25, gt=0.0, le=1.0)
    extras: bool = True
    extras_drop: float = Field(0.3, ge=0.0, lt=1.0)
    extras_drop_all: float = Field(0.2, ge=0.0, lt=1.0)
    clean: CleanSettings = CleanSettings()

    @model_validator(mode="before")
    @classmethod
    def _apply_recipe(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        size = REGIMES.get(str(values.get("regime", "small")), {})
        return size | RECIPES.get(str(values.get("recipe", "default")), {}) | values

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.loss == "cell" and self.labels != "posterior":
            raise ValueError("loss 'cell' matches cells to their posterior: it needs labels = 'posterior'")
        if self.cas != "none" and self.loss != "ce":
            raise ValueError("confident-area selection masks pixels: it needs loss = 'ce'")
        if self.dva_gamma > 0 and self.cas == "none":
            raise ValueError("the dynamic-vague-area term needs a confident area: set cas")
        if self.devices and self.chips_per_step % self.devices:
            raise ValueError("chips_per_step must be a multiple of devices")
        if self.network == "surround" and self.chip_px % LATTICE_PX:
            # else what lies around a chip would be laid beside other ground than its own
            raise ValueError(
                f"network 'surround' joins cells of 10 px and 16 px, which meet every {LATTICE_PX} px: "
                f"chip_px must be a multiple of {LATTICE_PX}, got {self.chip_px}"
            )
        return self

    @property
    def steps(self) -> int:
        """Optimiser steps that see ``megapixels``, at least one. Their number is known once an area is (`sized`)."""
        if self.megapixels is None:
            raise SettingsError("how long to train follows from the area", hint="Ask settings.sized(pixels) first.")
        return max(1, round(self.megapixels * 1e6 / (self.chips_per_step * self.chip_px**2)))

    def sized(self, pixels: int) -> Self:
        """These settings with ``megapixels`` filled in for an area of so many pixels, unless the user set it."""
        if self.megapixels is not None:
            return self
        return self.model_copy(update={"megapixels": SIZES[self.regime].megapixels(pixels)})

    def what(self) -> dict[str, Any]:
        """The settings that decide what is learned, for digests and records: all but those of execution."""
        # a regime is no more than the values it sets: set one by one they give the same network
        values = self.model_dump(mode="json", exclude={*EXECUTION, "regime"})
        if not self.clean.given:
            values.pop("clean")
        for key in EXTRAS_KEYS:  # they only matter where there are extras: `extras_what`
            values.pop(key)
        return values

    def check_extras(self) -> None:
        """SettingsError where a network of these settings cannot learn from extras."""
        hint = "Or leave extras out of this training with learning.extras = false."
        if self.network not in HEARING:
            raise SettingsError(
                f"network '{self.network}' hears no extras", where="learning.network", expected=" or ".join(HEARING),
                hint=hint,
            )  # fmt: skip
        if self.chip_px % LATTICE_PX:
            raise SettingsError(
                "chips do not fit the cells of extras", where="learning.chip_px",
                expected=f"a multiple of {LATTICE_PX}", got=str(self.chip_px), hint=hint,
            )  # fmt: skip

    def extras_what(self) -> dict[str, Any]:
        """What decides how extras are learned from."""
        return self.model_dump(mode="json", include=EXTRAS_KEYS - {"extras"})
