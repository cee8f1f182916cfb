"""What makes a map wherever a task runs: checkpoint, settings, device."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from l2h.core.legend import BUILDING, TRAFFIC, load_legend
from l2h.core.raster import BlockStore, RasterReader
from l2h.core.tasks import Context
from l2h.mapping.calibration import Calibration, default_calibration, sharpness
from l2h.mapping.mapper import Mapper, evidence_plan, map_plan
from l2h.mapping.predict import Device, Predictor
from l2h.mapping.settings import MappingSettings
from l2h.mapping.windows import WindowPlan
from l2h.mapping.witness import weight
from l2h.nets.checkpoint import read_checkpoint, read_network


@dataclass(frozen=True)
class Engine:
    """What turns into a Mapper wherever a task runs."""

    checkpoint: Path
    settings: MappingSettings
    device: Device

    @property
    def files(self) -> tuple[Path, Path]:
        return self.checkpoint, self.checkpoint.with_suffix(".json")

    def plan(self, context: Context) -> WindowPlan:
        """How the map is cut."""
        return map_plan(context.grid, read_network(self.checkpoint), self.settings)

    def evidence_plan(self, context: Context, cell_px: int) -> WindowPlan:
        """How the sample is cut that decides on the prior."""
        return evidence_plan(context.grid, read_network(self.checkpoint), cell_px)

    def mapper(self, prior: bool = False, calibration: Calibration | None = None) -> Mapper:
        """Raises CheckpointError where the network is not one of the map's legend."""
        loaded, settings = read_checkpoint(self.checkpoint, legend=load_legend("sinolc1")), self.settings
        predictor = Predictor.of(
            loaded.network,
            loaded.normalisation,
            precision=settings.precision,
            device=self.device,
            batch=settings.gpu_batch,
            extras=loaded.extras,
        )
        alpha = sharpness(loaded.training)
        return Mapper(predictor, loaded.legend_values, settings, prior, calibration, alpha=alpha)

    def default_calibration(self, prior: bool, shares: Mapping[int, float] | None = None) -> Calibration:
        """How this network is told where no points say better.

        shares : of the land that it gives traffic and building (`evidence.json`); None where nothing was measured
        """
        known, settings = shares or {}, self.settings
        pairs = ((TRAFFIC, settings.road_precision), (BUILDING, settings.building_precision))
        road, building = (round(weight(precision, known.get(value)), 4) for value, precision in pairs)
        return default_calibration(read_checkpoint(self.checkpoint).training, prior, (road, building))

    def digest(self, *names: str) -> dict[str, Any]:
        """The named settings, and the device: a GPU rounds differently, so its results are not mixed with others."""
        return {**self.settings.model_dump(mode="json", include=set(names)), "device": self.device}


def close(*readers: RasterReader | None) -> None:
    """Close what a task has opened: its stores live as long as the list of tasks does."""
    for reader in readers:
        if isinstance(reader, BlockStore):
            reader.close()
