"""The state of an unfinished training in one file: resumed from it, the losses go on as if nothing had happened."""

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from l2h.core.errors import CheckpointError
from l2h.core.files import write_bytes

MOMENTS = ("step", "exp_avg", "exp_avg_sq")


def save_state(path: Path, step: int, fingerprint: str, net: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    """Write weights, batch-norm statistics and Adam's moments after ``step`` steps, atomically.

    The learning rate and the chips follow from the step alone, so nothing else needs keeping. ``fingerprint`` names
    settings and data: a state of other settings is not resumed.
    """
    tensors = {f"net.{name}": tensor.detach().cpu().contiguous() for name, tensor in net.state_dict().items()}
    for name, parameter in net.named_parameters():
        moments = optimiser.state[parameter]
        tensors |= {f"adam.{name}.{key}": moments[key].detach().cpu().contiguous() for key in MOMENTS}
    write_bytes(path, save(tensors, metadata={"step": str(step), "fingerprint": fingerprint}))


def load_state(path: Path, fingerprint: str, net: nn.Module, optimiser: torch.optim.Optimizer) -> int:
    """Restore what `save_state` wrote; the number of steps done, 0 where there is no state of this fingerprint.

    Raises CheckpointError when the file is damaged.
    """
    if not path.exists():
        return 0
    try:
        with safe_open(path, framework="pt") as stream:
            metadata = stream.metadata() or {}
            if metadata.get("fingerprint") != fingerprint:
                return 0
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
        _restore(tensors, net, optimiser)
        return int(metadata["step"])
    except (SafetensorError, KeyError, RuntimeError, ValueError) as error:
        hint = "Delete it to train from the start."
        raise CheckpointError(
            "the state of the training is damaged", where=str(path), got=str(error), hint=hint
        ) from error


def _restore(tensors: dict[str, Tensor], net: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    net.load_state_dict({name: tensors[f"net.{name}"] for name in net.state_dict()})
    for name, parameter in net.named_parameters():
        moments = {key: tensors[f"adam.{name}.{key}"] for key in MOMENTS}
        # Adam keeps its step count on the CPU, its moments beside the parameter
        optimiser.state[parameter] = {k: v if k == "step" else v.to(parameter.device) for k, v in moments.items()}
