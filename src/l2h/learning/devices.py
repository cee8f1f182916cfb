"""Which device, precision and threads a training gets from this machine."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from lightning_fabric import Fabric

from l2h.core.errors import SettingsError
from l2h.learning.settings import LearningSettings

Precision = Literal["32-true", "bf16-mixed"]


def cpu_has_bf16() -> bool:
    """Whether this processor multiplies bf16 in hardware; in software it is slower than float32."""
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name)() for name in names if hasattr(torch.cpu, name))


def choose_precision(settings: LearningSettings) -> Precision:
    """The precision asked for; for ``auto`` bf16 where the device has it."""
    if settings.precision != "auto":
        return settings.precision
    on_gpu = settings.accelerator != "cpu" and torch.cuda.is_available()
    has_bf16 = torch.cuda.is_bf16_supported() if on_gpu else cpu_has_bf16()
    return "bf16-mixed" if has_bf16 else "32-true"


def count_devices(settings: LearningSettings) -> int:
    """Processes of a training: the devices asked for; for 0 all CUDA devices there are, one process without any.

    SettingsError where a step's chips cannot be shared out evenly among all there are.
    """
    if settings.devices:
        return settings.devices
    found = torch.cuda.device_count() if settings.accelerator != "cpu" and torch.cuda.is_available() else 1
    if settings.chips_per_step % found:
        raise SettingsError(
            "a step's chips do not divide among all devices",
            expected=f"chips_per_step a multiple of {found}",
            got=str(settings.chips_per_step),
            hint="Set learning.chips_per_step, or name how many devices to use as learning.devices.",
        )
    return found


def make_fabric(settings: LearningSettings) -> Fabric:
    """Lightning Fabric for device, precision and processes. The loop stays ours."""
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it announces the precision on standard error
    accelerator = settings.accelerator
    if accelerator == "auto":  # only devices we test: Apple's MPS lacks operations we use in bf16
        accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    devices = count_devices(settings)
    strategy: Any = "ddp_spawn" if devices > 1 else "auto"
    return Fabric(accelerator=accelerator, devices=devices, precision=choose_precision(settings), strategy=strategy)


def available_cores() -> int:
    """Cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def threads(settings: LearningSettings) -> Iterator[None]:
    """Let torch use ``threads`` cores (0: all, shared by the processes of a training), and put it back afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(settings.threads or max(1, available_cores() // count_devices(settings)))
    try:
        yield
    finally:
        torch.set_num_threads(before)
