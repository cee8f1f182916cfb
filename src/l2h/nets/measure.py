"""What a network costs and how far it sees, measured on the network itself."""

import copy

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from l2h.nets.base import PixelNetwork
from l2h.nets.extras import VIEW


def parameter_count(net: nn.Module) -> int:
    """Number of learned parameters (batch-norm statistics are not learned)."""
    return sum(p.numel() for p in net.parameters())


def mflop_per_pixel(net: PixelNetwork) -> float:
    """10⁶ floating-point operations per output pixel of a large window: one multiply-add = 2 operations.

    Convolutions, linear layers and attention (its products of queries, keys and values); measured on shapes alone, so
    nothing is computed. The rim that context is read for counts as it would for a window of 64 strides.
    """
    side = 64 * net.stride
    probe = copy.deepcopy(net).to("meta").eval()
    context = extras = None
    if net.view is not None:
        cells = (side + 2 * net.view.margin) // net.view.step
        context = torch.zeros(1, net.view.channels(net.bands), cells, cells, device="meta")
    if net.extra is not None:
        cells = (side + 2 * VIEW.margin) // VIEW.step
        extras = torch.zeros(1, net.extra.inputs, cells, cells, device="meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        probe(torch.zeros(1, net.bands, side, side, device="meta"), context, extras)
    flops: int = counter.get_total_flops()
    return flops / side**2 / 1e6


def receptive_field(net: PixelNetwork) -> int:
    """Side (px) of the smallest centred square that holds every input pixel an output pixel depends on.

    Measured by gradients on a copy whose weights are all positive, so that no ReLU hides a path, at every
    position within the stride: ``2 · radius + 1`` of the farthest one.
    """
    probe = copy.deepcopy(net).double().eval()
    with torch.no_grad():
        for layer in probe.modules():
            if isinstance(layer, nn.Conv2d):
                layer.weight.fill_(1.0 / layer.weight[0].numel())
    return 2 * max(_radius(probe, along) for along in (2, 3)) + 1


def _radius(probe: PixelNetwork, along: int) -> int:
    """Farthest dependence along one axis (2 rows, 3 columns), on a strip one stride thick: kernels are rectangles."""
    stride = probe.stride
    centre = -(-(probe.halo + 8) // stride) * stride
    shape = [1, probe.bands, stride, stride]
    shape[along] = 2 * centre + stride
    image = torch.ones(shape, dtype=torch.double, requires_grad=True)
    line = probe(image)[:, :1].sum(dim=5 - along).flatten()  # the strip's own axis summed away
    radius = 0
    for position in range(centre, centre + stride):
        (gradient,) = torch.autograd.grad(line[position], image, retain_graph=True)
        reached = torch.nonzero(gradient.abs().sum(dim=(0, 1, 5 - along))).flatten()
        radius = max(radius, position - int(reached[0]), int(reached[-1]) - position)
    return radius
