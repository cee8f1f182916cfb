"""The map of any window: imagery through the network, the prior where it is heard, vectors on top."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from dataclasses import field as default
from functools import cached_property
from itertools import islice

import numpy as np
import numpy.typing as npt

from l2h.core.grid import Grid, Window
from l2h.core.legend import Legend, coarse_legend
from l2h.core.patch import Patch
from l2h.core.raster import RasterReader
from l2h.mapping.calibration import Calibration
from l2h.mapping.classify import DOUBTED, NETWORK, NETWORK_AND_PRIOR, Classified, classify, draw_vectors
from l2h.mapping.evidence import (
    Agreement,
    at_pixels,
    class_sums,
    coarse_index,
    count_agreement,
    fuse,
    smooth_posterior,
    smoothing_radius,
)
from l2h.mapping.pairs import REACH_PX, refine
from l2h.mapping.predict import Floats, Predictor
from l2h.mapping.sample import evidence_step, spread_windows
from l2h.mapping.settings import MappingSettings
from l2h.mapping.trust import DOUBT_BELOW, SHARED, STRENGTH, believed, cell_votes, field_of, trust, without_opinion
from l2h.mapping.windows import WindowPlan
from l2h.mapping.zones import Zones
from l2h.nets.base import PixelNetwork
from l2h.nets.extras import ExtraStack

Mask = npt.NDArray[np.bool_]
CANDIDATES = 512  # windows that may be looked at for evidence
ENOUGH = 64  # windows with something to see that decide


@dataclass(frozen=True)
class Readers:
    """What is mapped, all on one lattice.

    imagery   : uint8 [B, H, W] with validity
    posterior : uint8 [J + 1, h, w] on the lattice of `cell_px` cells: J parts of 255, reliability; None where unused
    prior     : uint8 [J, h, w] on the same lattice: what the network is multiplied with; None where unused
    vectors   : uint8 [2, H, W], the second band known roads and buildings at full width; None where unused
    extras    : what the network hears beside the picture, of which any may be missing; None where it hears nothing
    """

    imagery: RasterReader
    posterior: RasterReader | None = None
    vectors: RasterReader | None = None
    cell_px: int = 10
    extras: ExtraStack | None = None
    prior: RasterReader | None = None


@dataclass(frozen=True)
class Asked:
    """What is said at n single pixels before calibration.

    probability : float32 [n, K]; seen : bool [n], where there is imagery
    best : int64 [n], place of the class that is mapped where nothing is drawn: neighbours of like colour have their say
    drawn : uint8 [n], class of the vector that is drawn there, 0 for none
    """

    probability: Floats
    seen: Mask
    best: npt.NDArray[np.int64]
    drawn: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Mapper:
    """A network with its legend and the rules of the map.

    values : legend value of each channel of the network; prior : whether the labels' prior is multiplied in
    calibration : how confidence is tempered; None tells probabilities as they come
    zones : regions that are told otherwise
    alpha : how sharply the network's cells vote, as in its training
    """

    predictor: Predictor
    values: tuple[int, ...]
    settings: MappingSettings
    prior: bool = False
    calibration: Calibration | None = None
    coarse: Legend = default(default_factory=coarse_legend)
    alpha: float = 1.0
    zones: Zones | None = None

    @cached_property
    def index(self) -> npt.NDArray[np.int64]:
        """Place of each class of the network among the coarse ones; LegendError where one has none."""
        return coarse_index(self.values, self.coarse.values)

    def plan(self, imagery: RasterReader) -> WindowPlan:
        """How the lattice of the imagery is cut; SettingsError where windows do not fit the network's stride."""
        return map_plan(imagery.grid, self.predictor.network, self.settings)

    def map(self, readers: Readers, within: Window) -> npt.NDArray[np.uint8]:
        """Class, confidence and source of a window inside the grid, uint8 [3, H, W]; 0 where there is no imagery.

        The same bytes for a pixel whatever window asks for it. Memory: the result, and one network window at a time.
        """
        result = np.zeros((3, *within.shape), "uint8")
        plan = self.plan(readers.imagery)
        for owner, asked, probability in self._ask(plan, readers, plan.owners(within)):
            piece = owner.intersect(within)
            into, part = piece.slices_in(within), piece.slices_in(owner)
            result[:, *into] = self._classify(readers, owner, asked, probability).stack()[:, *part]
        return result

    def _ask(
        self, plan: WindowPlan, readers: Readers, owners: Iterator[Window]
    ) -> Iterator[tuple[Window, Patch, Floats]]:
        """Network windows in turn; imagery and class probabilities of all the network is asked for."""
        while some := list(islice(owners, self.predictor.batch)):
            patches = [plan.read(readers.imagery, owner) for owner in some]
            around = [plan.read_context(readers.imagery, owner) for owner in some]
            beside = [_beside(readers.extras, plan, owner) for owner in some]
            answers = self.predictor.probabilities(patches, around, beside, plan.rim)
            for owner, patch, answer in zip(some, patches, answers, strict=True):
                asked = patch.crop(plan.asked_window(owner))
                rows, cols = asked.window.slices_in(plan.answer_window(owner))
                yield owner, asked, answer[:, rows, cols]

    # whatever is computed in floating point is computed for the whole of what a window owns and cropped afterwards
    def _classify(self, readers: Readers, owner: Window, asked: Patch, probability: Floats) -> Classified:
        probability, source = self._heard(readers, owner, asked, probability)
        own = np.s_[:, *owner.slices_in(asked.window)]
        # confidence is told of each pixel alone: neighbours of one colour are no independent witnesses
        told = self._told(probability[own])
        if self.zones is not None:
            told = self.zones.apply(told, probability[own], owner, self.index, len(self.coarse))
        source = np.broadcast_to(source, asked.valid.shape)[own[1:]]
        classified = classify(self._refined(asked, probability)[own], asked.valid[own[1:]], self.values, source, told)
        known = self._known(readers, owner)
        if known is not None:
            told = told if self.calibration is None else self.calibration.hear(told, known, self.values)
            classified = draw_vectors(classified, known, told, self.values)
        return classified

    def _known(self, readers: Readers, owner: Window) -> npt.NDArray[np.uint8] | None:
        """Class of the known vectors that are drawn in a window, 0 where there is none; None where none are drawn."""
        if not self.settings.draw_vectors or readers.vectors is None:
            return None
        return np.asarray(readers.vectors.read(owner).values[1], "uint8")

    def _told(self, probability: Floats) -> Floats:
        """What is said of each class: calibrated where a calibration is."""
        if self.calibration is None:
            return probability
        return self.calibration.apply(probability, self.index, len(self.coarse))

    def _refined(self, asked: Patch, probability: Floats) -> Floats:
        """Neighbours of like colour drawn to one class, where they are heard."""
        settings = self.settings
        if settings.pair_weight == 0:
            return probability
        colours = self.predictor.normalisation.apply(asked.values, asked.valid)
        return refine(probability, colours, asked.valid, settings.pair_weight, settings.pair_colour)

    def _heard(
        self, readers: Readers, owner: Window, asked: Patch, probability: Floats
    ) -> tuple[Floats, npt.NDArray[np.uint8]]:
        """The network as far as it is trusted, with the prior where it is heard; and what band 3 says of it, [H, W] or
        one for all.
        """
        trusted = self._field(readers, owner, asked, probability)
        doubt = np.uint8(0) if trusted is None else np.where(trusted < DOUBT_BELOW, np.uint8(DOUBTED), np.uint8(0))
        heard = self.prior and readers.prior is not None
        # with a prior, built-up must not count twice for being two classes; without one, the likeliest stays so
        even = without_opinion(self.index if heard else None, len(self.values))
        probability = believed(probability, trusted, even)
        if not self.prior or readers.prior is None:
            return probability, np.asarray(NETWORK | doubt, "uint8")
        prior = self._prior_of(readers.prior, readers.cell_px, asked.window)
        settings = self.settings
        fused = fuse(probability, prior, self.index, settings.prior_beta, settings.prior_mix)
        return fused, np.asarray(NETWORK_AND_PRIOR | doubt, "uint8")

    def _field(self, readers: Readers, owner: Window, asked: Patch, probability: Floats) -> Floats | None:
        """How far the network is trusted in each pixel it is asked for, float32 [H, W]; None: wholly everywhere."""
        if self.settings.trust == "off" or readers.posterior is None:
            return None

        def part(window: Window, strength: float) -> float | None:
            rows, cols = window.slices_in(asked.window)
            return self._trust(readers, window, probability[:, rows, cols], asked.valid[rows, cols], strength)

        return field_of(owner, asked.window, readers.imagery.grid.window, part)

    def _trust(
        self, readers: Readers, window: Window, probability: Floats, valid: Mask, strength: float = STRENGTH
    ) -> float | None:
        """How far the network is trusted in a window; None where nothing is there to hold it against."""
        if self.settings.trust == "off" or readers.posterior is None:
            return None
        shares = self._shares(readers.posterior, window.coarsen(readers.cell_px))
        votes, labels = cell_votes(probability, valid, shares, window, self.index, (self.alpha, readers.cell_px))
        return trust(votes, labels, strength) if votes.shape[1] else None

    def at_places(self, readers: Readers, rows: npt.NDArray[np.int64], cols: npt.NDArray[np.int64]) -> Asked:
        """What the map would say of single pixels before calibration.

        The same numbers that `map` takes class and confidence from, since whole windows are computed.
        """
        plan = self.plan(readers.imagery)
        found, seen = np.zeros((len(rows), len(self.values)), "float32"), np.zeros(len(rows), bool)
        drawn, best = np.zeros(len(rows), "uint8"), np.zeros(len(rows), "int64")
        for owner, asked, probability in self._ask(plan, readers, iter(plan.owners_of(rows, cols))):
            own = owner.slices_in(asked.window)
            heard = self._heard(readers, owner, asked, probability)[0]
            chosen = np.flatnonzero(inside(owner, rows, cols))
            place = rows[chosen] - owner.row_start, cols[chosen] - owner.col_start
            found[chosen], seen[chosen] = heard[:, *own][:, *place].T, asked.valid[own][place]
            best[chosen] = self._refined(asked, heard)[:, *own].argmax(axis=0)[place]
            if (known := self._known(readers, owner)) is not None:
                drawn[chosen] = known[place]
        return Asked(found, seen, best, np.where(seen, drawn, np.uint8(0)))

    def _prior_of(self, prior: RasterReader, cell_px: int, owner: Window) -> Floats:
        """Smoothed coarse distribution at the pixels of a window, float32 [J, H, W]."""
        cells = prior_cells(owner, cell_px, self.settings)
        smooth = smooth_posterior(self._shares(prior, cells), self.settings.prior_sigma_cells)
        return at_pixels(smooth, cells, owner, cell_px)

    def _shares(self, posterior: RasterReader, cells: Window) -> npt.NDArray[np.uint8]:
        return posterior.read(cells).values[: len(self.coarse)].astype("uint8")

    def measure(self, readers: Readers) -> tuple[Agreement, npt.NDArray[np.int64], int]:
        """How far network and posterior agree on a bounded, evenly spread sample of windows; what it gives each class
        there (int64 [K], `class_sums`); and how many windows it had.

        The network is asked without the prior, and for its calibrated opinion of itself. Depends on lattice and pixels
        only. Windows without imagery or without a product are passed over.
        """
        imagery, posterior, cell_px = readers.imagery, readers.posterior, readers.cell_px
        if posterior is None:
            return Agreement(), np.zeros(len(self.values), "int64"), 0
        plan = evidence_plan(imagery.grid, self.predictor.network, cell_px)

        owners = islice((o for o in evidence_windows(plan) if self._tells(imagery, posterior, cell_px, o)), ENOUGH)
        total, sums, looked = Agreement(), np.zeros(len(self.values), "int64"), 0
        for owner, asked, own in self._ask(plan, readers, owners):
            valid = asked.valid
            trusted = self._trust(readers, owner, own, valid)
            doubted = 0 if trusted is None else round(255 * (1 - trusted))
            shares = self._shares(posterior, owner.coarsen(cell_px))
            own = self._told(own)
            found = count_agreement(own, valid, shares, self.index, cell_px)
            sums += class_sums(own, valid)
            total += replace(found, doubted=doubted * found.cells)
            looked += 1
        return total, sums, looked

    def _tells(self, imagery: RasterReader, posterior: RasterReader, cell_px: int, owner: Window) -> bool:
        return bool(self._shares(posterior, owner.coarsen(cell_px)).any() and imagery.read(owner).valid.any())


def map_plan(grid: Grid, network: PixelNetwork, settings: MappingSettings) -> WindowPlan:
    """Windows of the map: the network is asked for as much around them as pairs of pixels reach."""
    margin = max(REACH_PX if settings.pair_weight > 0 else 0, SHARED if settings.trust == "auto" else 0)
    return WindowPlan.of(grid, settings.window_px, network, margin)


def evidence_plan(grid: Grid, network: PixelNetwork, cell_px: int) -> WindowPlan:
    """Windows of the sample that decides on the prior: they fit the cells."""
    return WindowPlan.of(grid, evidence_step(network.stride, cell_px), network)


def _beside(extras: ExtraStack | None, plan: WindowPlan, owner: Window) -> Floats | None:
    """The extras of what an owner reads; None where the network hears none."""
    return None if extras is None else extras.read(plan.extra_cells(owner)).values.astype("float32")


def inside(window: Window, rows: npt.NDArray[np.int64], cols: npt.NDArray[np.int64]) -> Mask:
    """Which places lie in a window, bool [n]."""
    in_rows = (rows >= window.row_start) & (rows < window.row_stop)
    return np.asarray(in_rows & (cols >= window.col_start) & (cols < window.col_stop), bool)


def evidence_windows(plan: WindowPlan) -> Iterator[Window]:
    """All windows `Mapper.measure` may look at."""
    return spread_windows(plan.grid, plan.step, CANDIDATES)


def prior_cells(owner: Window, cell_px: int, settings: MappingSettings) -> Window:
    """The cells whose prior reaches pixels of a window."""
    return owner.coarsen(cell_px).pad(smoothing_radius(settings.prior_sigma_cells))
