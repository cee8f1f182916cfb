#!/usr/bin/env python3
"""What each network costs, measured in processor seconds of one thread, so that a busy machine shows less.

    python benchmarks/networks.py [--rounds 5] [--table docs/benchmarks/networks.md]

Training: forward, backward and nothing else on eight chips of 80 px (with their context) in bf16. Prediction: one
window of 480 px as mapping asks for it, with halo, context and normalisation; only the pixels it keeps count. Networks
take turns, and the median of the rounds counts.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch import Tensor

from l2h.core.files import write_text
from l2h.core.grid import Window
from l2h.core.legend import load_legend
from l2h.core.patch import Patch
from l2h.mapping.predict import Predictor
from l2h.nets.base import PixelNetwork
from l2h.nets.measure import mflop_per_pixel, parameter_count
from l2h.nets.normalise import Normalisation
from l2h.nets.registry import NETWORKS, build_network

HERE = Path(__file__).parent
CHIPS, CHIP_PX, WINDOW_PX, BANDS = 8, 80, 480, 3
CLASSES = len(load_legend("sinolc1"))
Work = Callable[[], object]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--table", type=Path, default=HERE.parent / "docs" / "benchmarks" / "networks.md")
    options = parser.parse_args()
    torch.set_num_threads(1)
    works = {(name, kind): work for name in NETWORKS for kind, work in works_of(name).items()}
    seconds: dict[tuple[str, str], list[float]] = {key: [] for key in works}
    for number in range(options.rounds + 1):  # the first round warms up
        for key, work in works.items():
            taken = _seconds(work)
            if number:
                seconds[key].append(taken)
        sys.stderr.write(f"round {number} of {options.rounds}\n")
    write_text(options.table, page({key: median(taken) for key, taken in seconds.items()}, options.rounds))
    return 0


def works_of(name: str) -> dict[str, Work]:
    """What is timed of a network."""
    return {
        "training": training(build_network(name, BANDS, CLASSES, width=32)),
        "32-true": prediction(build_network(name, BANDS, CLASSES, width=32), "32-true"),
        "bf16-mixed": prediction(build_network(name, BANDS, CLASSES, width=32), "bf16-mixed"),
    }


def training(net: PixelNetwork) -> Work:
    net.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    image, context = _random(CHIPS, BANDS, CHIP_PX), None
    if net.view is not None:
        context = _random(CHIPS, net.view.channels(BANDS), (CHIP_PX + 2 * net.view.margin) // net.view.step)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16):
            logits = net(image, context)
        logits.float().square().mean().backward()

    return step


def _random(number: int, channels: int, side: int) -> Tensor:
    return torch.randn(number, channels, side, side).contiguous(memory_format=torch.channels_last)


def prediction(net: PixelNetwork, precision: str) -> Work:
    predictor = Predictor.of(net, Normalisation((100.0,) * BANDS, (50.0,) * BANDS), precision=precision)
    side, rng, around = WINDOW_PX + 2 * net.halo, np.random.default_rng(3), None
    values = rng.integers(0, 256, (BANDS, side, side), "uint8")
    patch = Patch(values, np.ones((side, side), bool), Window(0, side, 0, side))
    if net.view is not None:
        cells = (side + 2 * net.view.margin) // net.view.step
        around = [rng.random((net.view.channels(BANDS), cells, cells), "float32")]
    return lambda: predictor.probabilities([patch], around, rim=net.halo)


def _seconds(work: Work) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def page(seconds: dict[tuple[str, str], float], rounds: int) -> str:
    cores = len(os.sched_getaffinity(0))
    head = (
        f"Made by `benchmarks/networks.py`: width 32, {BANDS} bands, {CLASSES} classes; processor seconds of one "
        f"thread on {cores} cores, median of {rounds} rounds in turn, torch {torch.__version__}. Training: forward and "
        f"backward on {CHIPS} chips of {CHIP_PX} px in bf16. Prediction: windows of {WINDOW_PX} px with all they read, "
        "kept pixels counted."
    )
    table = [
        "| Network | MFLOP/px | Parameters, M | Training, kpx/s | Prediction, Mpx/s | the same in bf16 |",
        "|---|---|---|---|---|---|",
    ]
    for name in NETWORKS:
        net = build_network(name, BANDS, CLASSES, width=32)
        trained = CHIPS * CHIP_PX**2 / 1e3 / seconds[name, "training"]
        mapped = [WINDOW_PX**2 / 1e6 / seconds[name, kind] for kind in ("32-true", "bf16-mixed")]
        cost = f"{mflop_per_pixel(net):.3f} | {parameter_count(net) / 1e6:.2f}"
        table.append(f"| {name} | {cost} | {trained:.0f} | {mapped[0]:.2f} | {mapped[1]:.2f} |")
    return "\n".join(["# What the networks cost", "", head, "", *table, ""])


if __name__ == "__main__":
    raise SystemExit(main())
