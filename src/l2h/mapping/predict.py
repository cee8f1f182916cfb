"""A network on a device: imagery to class probabilities, the same bits however often it is asked."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from l2h.core.errors import L2HError, UsageError
from l2h.core.patch import Patch
from l2h.nets.base import PixelNetwork
from l2h.nets.extras import ExtraGroup, normalise
from l2h.nets.normalise import Normalisation

Device = Literal["cpu", "cuda"]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Predictor:
    """A network in evaluation, ready to be asked.

    batch : inputs per pass; the last pass is filled up with empty ones, so that every pass has one shape
    extras : what the network hears beside the picture
    """

    network: PixelNetwork
    normalisation: Normalisation
    device: Device
    precision: str
    batch: int
    extras: tuple[ExtraGroup, ...] = ()

    @classmethod
    def of(
        cls,
        network: PixelNetwork,
        normalisation: Normalisation,
        *,
        precision: str,
        device: Device = "cpu",
        batch: int = 1,
        extras: tuple[ExtraGroup, ...] = (),
    ) -> "Predictor":
        """Raises UsageError where the machine has no such device. On the CPU the batch is always 1."""
        if device == "cuda" and not torch.cuda.is_available():
            raise UsageError("this machine has no CUDA device", expected="cpu", got=device)
        ready: PixelNetwork = network.to(device).eval()
        ready.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's own signature, not its stub's
        return cls(ready, normalisation, device, precision, batch if device == "cuda" else 1, extras)

    def probabilities(
        self,
        patches: Sequence[Patch],
        around: Sequence[Floats | None] | None = None,
        beside: Sequence[Floats | None] | None = None,
        rim: int = 0,
    ) -> list[Floats]:
        """Class probabilities float32 [K, H - 2 rim, W - 2 rim] of patches of imagery that all have one shape.

        ``around``: the context of each, for a network that reads it; ``beside``: its extras.

        A patch without any valid pixel is not computed: its probabilities are 0. Raises L2HError naming the window
        where the network gives something that is no number.
        """
        shape = (self.network.classes, *(side - 2 * rim for side in patches[0].valid.shape))
        results: list[Floats] = [np.zeros(shape, "float32") for _ in patches]
        seen = [i for i, patch in enumerate(patches) if patch.valid.any()]
        for start in range(0, len(seen), self.batch):
            chosen = seen[start : start + self.batch]
            contexts = [around[i] for i in chosen] if around else []
            extras = [beside[i] for i in chosen] if beside else []
            answers = self._pass([patches[i] for i in chosen], contexts, extras, rim)
            for i, values in zip(chosen, answers, strict=False):
                _check_finite(values, patches[i])
                results[i] = values
        return results

    def _pass(
        self, patches: Sequence[Patch], contexts: Sequence[Floats | None], extras: Sequence[Floats | None], rim: int
    ) -> Floats:
        inputs = np.zeros((self.batch, self.network.bands, *patches[0].valid.shape), "float32")
        for i, patch in enumerate(patches):
            inputs[i] = self.normalisation.apply(patch.values, patch.valid)
        with torch.inference_mode(), repeatable(self.device), self._autocast():
            logits = self.network(self._tensor(inputs), self._context(contexts), self._beside(extras), rim)
        # outside autocast: the softmax of bf16 logits is taken in float32
        with torch.inference_mode(), repeatable(self.device):
            # layer by layer: the map goes on class by class
            return np.asarray(torch.softmax(logits.float(), dim=1).contiguous().cpu().numpy())

    def _context(self, contexts: Sequence[Floats | None]) -> torch.Tensor | None:
        """Contexts as one tensor, filled up like the images."""
        return self._filled([self.normalisation.apply_context(context) for context in contexts if context is not None])

    def _beside(self, extras: Sequence[Floats | None]) -> torch.Tensor | None:
        """Extras as one tensor; None where all are missing, which the network answers alike."""
        given = [normalise(stack, self.extras) for stack in extras if stack is not None]
        return self._filled(given) if any(stack.any() for stack in given) else None

    def _filled(self, given: Sequence[Floats]) -> torch.Tensor | None:
        """Inputs of one shape as a tensor of a whole batch; None where there are none."""
        if not given:
            return None
        inputs = np.zeros((self.batch, *given[0].shape), "float32")
        inputs[: len(given)] = given
        return self._tensor(inputs)

    def _tensor(self, values: Floats) -> torch.Tensor:
        return torch.from_numpy(values).to(self.device, memory_format=torch.channels_last)

    def _autocast(self) -> AbstractContextManager[Any]:
        if self.precision == "bf16-mixed":
            return torch.autocast(self.device, torch.bfloat16)
        return nullcontext()


@contextmanager
def repeatable(device: Device) -> Iterator[None]:
    """One CPU thread and fixed GPU algorithms while the block runs.

    How a convolution is shared among threads, or which algorithm was fastest today, may change the last bit of a sum;
    the number of cores must never show in a map. Cores are used by processes instead.
    """
    threads = torch.get_num_threads()
    cudnn = torch.backends.cudnn
    flags = cudnn.flags(deterministic=True, benchmark=False, allow_tf32=False) if device == "cuda" else nullcontext()
    torch.set_num_threads(1)
    try:
        with flags:
            yield
    finally:
        torch.set_num_threads(threads)


def _check_finite(values: Floats, patch: Patch) -> None:
    if not np.isfinite(values).all():
        raise L2HError(
            "the network gives values that are not numbers",
            where=f"imagery window {patch.window}",
            expected="finite probabilities",
            got=f"{int((~np.isfinite(values)).any(axis=0).sum())} px without",
            hint="The training diverged or the checkpoint is damaged: train again, with a lower learning rate.",
        )
