"""How the network's classes relate to what a 10 m product can say."""

from dataclasses import dataclass

import torch
from torch import Tensor

from l2h.core.errors import LegendError
from l2h.core.legend import BUILDING, TRAFFIC, Legend


@dataclass(frozen=True)
class ClassMap:
    """Fine classes of the network, coarse classes of the posterior, and the sum that joins them.

    ``fine`` and ``coarse`` are legend values in the order of the channels; traffic (1) and building (6) are both
    built-up (6) at 10 m.
    """

    fine: tuple[int, ...]
    coarse: tuple[int, ...]

    @classmethod
    def of(cls, fine: Legend, coarse: Legend) -> "ClassMap":
        """Raises LegendError unless the coarse legend is the fine one without traffic route."""
        if coarse.values != tuple(v for v in fine.values if v != TRAFFIC) or BUILDING not in fine.values:
            raise LegendError(
                "the posterior's classes do not fit the network's",
                expected=f"{fine.values} without {TRAFFIC}",
                got=f"{coarse.values}",
            )
        return cls(fine.values, coarse.values)

    @property
    def traffic(self) -> int:
        """Channel of traffic route."""
        return self.fine.index(TRAFFIC)

    @property
    def building(self) -> int:
        """Channel of building."""
        return self.fine.index(BUILDING)

    @property
    def built_up(self) -> int:
        """Coarse channel of built-up ground."""
        return self.coarse.index(BUILDING)

    def to_coarse(self, probability: Tensor) -> Tensor:
        """``[N, K, H, W]`` fine probabilities to ``[N, J, H, W]``: traffic is added to building."""
        rest = [i for i in range(len(self.fine)) if i != self.traffic]
        coarse = probability[:, rest]
        built = self.built_up
        extra = probability[:, self.traffic, None]
        return torch.cat([coarse[:, :built], coarse[:, built, None] + extra, coarse[:, built + 1 :]], dim=1)
