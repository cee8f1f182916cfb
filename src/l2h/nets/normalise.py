"""From 8-bit pixels to what a network reads."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from l2h.core.errors import InputError

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Normalisation:
    """Mean and standard deviation of each band over the training imagery, fixed and stored with the network.

    Never taken from the window at hand: that would make the map depend on how it is cut.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        whole = len(self.mean) == len(self.std) > 0 and np.isfinite([*self.mean, *self.std]).all()
        if not whole or min(self.std) <= 0:
            raise InputError(
                "normalisation must give every band a finite mean and a positive standard deviation",
                got=f"mean {self.mean}, std {self.std}",
            )

    def apply(self, values: npt.NDArray[np.generic], valid: npt.NDArray[np.bool_]) -> FloatArray:
        """``(values - mean) / std`` of pixels ``[B, H, W]``, float32; 0 (the mean) where ``valid`` [H, W] is false.

        Raises InputError when the number of bands differs.
        """
        if values.shape[0] != len(self.mean):
            raise InputError("wrong number of bands", expected=str(len(self.mean)), got=str(values.shape[0]))
        mean = np.asarray(self.mean, np.float32)[:, None, None]
        std = np.asarray(self.std, np.float32)[:, None, None]
        scaled: FloatArray = (values.astype(np.float32) - mean) / std
        return np.where(valid, scaled, np.float32(0))

    def apply_context(self, context: FloatArray) -> FloatArray:
        """A context [2 B + 1, h, w] of this many bands as a network reads it: means as pixels are, spreads in units of
        the band's standard deviation, 0 where no pixel is valid; the valid share, less one, stays as it is.

        Raises InputError when the number of bands differs.
        """
        bands = len(self.mean)
        if context.shape[0] != 2 * bands + 1:
            raise InputError("wrong number of context channels", expected=str(2 * bands + 1), got=str(context.shape[0]))
        seen = context[-1] > 0
        std = np.asarray(self.std, np.float32)[:, None, None]
        mean = self.apply(context[:bands], seen)
        spread = np.where(seen, context[bands:-1] / std, np.float32(0))
        return np.concatenate([mean, spread, context[-1:] - 1]).astype(np.float32)
