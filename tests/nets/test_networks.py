"""Networks: the published figures, and the promise that pieces equal the whole."""

import pytest
import torch
from torch import Tensor

from l2h.core.errors import InputError
from l2h.nets.base import PixelNetwork, probabilities
from l2h.nets.measure import mflop_per_pixel, parameter_count, receptive_field
from l2h.nets.registry import NETWORKS, build_network


@pytest.mark.parametrize(
    ("name", "width", "classes", "mflop", "millions"),
    [
        ("l2hnet", 32, 7, 0.140, 0.07),
        ("l2hnet", 64, 12, 0.558, 0.28),
        ("l2hnet", 128, 12, 2.222, 1.12),
        ("unet", 32, 7, 0.078, 0.79),
        ("unet", 64, 7, 0.310, 3.2),
        ("slim", 32, 7, 0.045, 0.62),
        ("surround", 32, 7, 0.080, 1.02),
        ("hybrid", 32, 7, 0.174, 0.95),
    ],
)
def test_cost_is_the_documented_one(name: str, width: int, classes: int, mflop: float, millions: float) -> None:
    net = build_network(name, 3, classes, width=width)
    assert mflop_per_pixel(net) == pytest.approx(mflop, abs=0.0006)
    assert parameter_count(net) / 1e6 == pytest.approx(millions, rel=0.02)


@pytest.mark.parametrize(("name", "field"), [("l2hnet", 23), ("unet", 155), ("slim", 155)])
def test_receptive_field_is_the_documented_one_and_fits_the_halo(name: str, field: int) -> None:
    net = build_network(name, 1, 2, width=4)  # the field does not depend on the width
    assert receptive_field(net) == field
    radius = (field - 1) // 2
    assert net.halo == -(-radius // net.stride) * net.stride


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_strides_and_halos_fit_together(name: str) -> None:
    net = NETWORKS[name]
    assert net.halo % net.stride == 0
    if net.view is not None:
        assert net.stride % net.view.step == net.view.margin % net.view.step == 0


@pytest.mark.parametrize("name", sorted(NETWORKS))
@pytest.mark.parametrize("size", [(1, 1), (1, 50), (17, 31), (64, 48)])
def test_every_size_comes_back_in_its_own_size(name: str, size: tuple[int, int]) -> None:
    net = build_network(name, 4, 11, width=8).eval()
    with torch.no_grad():
        assert net(torch.zeros(2, 4, *size)).shape == (2, 11, *size)


def context_of(net: PixelNetwork, side: int) -> Tensor | None:
    """Random context of a square image, where the network reads one."""
    if net.view is None:
        return None
    cells = (side + 2 * net.view.margin) // net.view.step
    return torch.randn(1, net.view.channels(net.bands), cells, cells)


def lively(name: str) -> PixelNetwork:
    """A network whose batch norm has seen data, so that evaluation is not the identity."""
    torch.manual_seed(1)
    net = build_network(name, 3, 11, width=16)
    with torch.no_grad():
        net(torch.randn(1, 3, 160, 160) + 1, context_of(net, 160))
    return net.eval()


def piece_of(net: PixelNetwork, image: Tensor, context: Tensor | None, corner: tuple[int, int], core: int) -> Tensor:
    """Logits of a ``core`` px square whose ``corner`` is a multiple of the stride, from what its window reads."""
    (row, col), halo = corner, net.halo
    window = image[..., row - halo : row + core + halo, col - halo : col + core + halo]
    around = None
    if context is not None and net.view is not None:
        side = (core + 2 * halo + 2 * net.view.margin) // net.view.step
        first, left = (row - halo) // net.view.step, (col - halo) // net.view.step  # the context's own margin is before
        around = context[..., first : first + side, left : left + side]
    return net(window, around)[..., halo : halo + core, halo : halo + core]


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_pieces_with_halo_equal_the_whole(name: str) -> None:
    net = lively(name)
    image, context = torch.randn(1, 3, 480, 480), context_of(net, 480)
    with torch.no_grad():
        whole = net(image, context)
        for row, col in [(160, 160), (240, 160)]:  # multiples of every stride
            mine = piece_of(net, image, context, (row, col), 80)
            theirs = whole[..., row : row + 80, col : col + 80]
            torch.testing.assert_close(mine, theirs, rtol=0, atol=2e-5)
            assert torch.equal(mine.argmax(1), theirs.argmax(1))


@pytest.mark.parametrize("name", sorted(NETWORKS))
@pytest.mark.parametrize("rim", [1, 37, 88])
def test_a_rim_left_out_changes_nothing_inside(name: str, rim: int) -> None:
    net = lively(name)
    image, context = torch.randn(1, 3, 240, 240), context_of(net, 240)
    with torch.no_grad():
        whole, less = net(image, context), net(image, context, rim=rim)
    assert less.shape[-2:] == (240 - 2 * rim, 240 - 2 * rim)
    torch.testing.assert_close(less, whole[..., rim:-rim, rim:-rim], rtol=0, atol=2e-5)


def test_a_picture_may_be_smaller_than_what_lies_around_it() -> None:
    net = lively("surround")
    image, context = torch.randn(1, 3, 480, 480), context_of(net, 480)
    with torch.no_grad():
        whole, less = net(image, context), net(image[..., 64:-64, 64:-64], context)
    torch.testing.assert_close(less[..., 96:-96, 96:-96], whole[..., 160:-160, 160:-160], rtol=0, atol=2e-5)
    assert not torch.equal(less[..., 96:-96, 96:-96], net(image[..., 64:-64, 64:-64], None)[..., 96:-96, 96:-96])


def test_context_is_heard_and_its_rim_is_not() -> None:
    net = lively("surround")
    image, context = torch.randn(1, 3, 240, 240), context_of(net, 240)
    assert context is not None
    near, rim = context.clone(), context.clone()
    near[..., 36, 36] += 1  # in the middle of the picture
    rim[..., :12, :] += 1  # more than 200 px from what a window of halo 80 keeps
    with torch.no_grad():
        own, moved, same, alone = (net(image, c)[..., 80:160, 80:160] for c in (context, near, rim, None))
    assert not torch.equal(own, moved)
    assert torch.equal(own, same)
    assert not torch.equal(own, alone)


def test_a_window_off_the_lattice_differs() -> None:
    net = lively("unet")
    image = torch.randn(1, 3, 320, 320)
    with torch.no_grad():
        whole, piece = net(image), net(image[..., 9:, 9:])
    assert (whole[..., 160:170, 160:170] - piece[..., 151:161, 151:161]).abs().max() > 1e-3


def test_probabilities_are_float32_and_sum_to_one() -> None:
    p = probabilities(torch.randn(1, 11, 4, 4, dtype=torch.bfloat16))
    assert p.dtype == torch.float32
    torch.testing.assert_close(p.sum(1), torch.ones(1, 4, 4))


@pytest.mark.parametrize(
    ("name", "bands", "arguments", "said"),
    [
        ("resnet", 3, {}, "unknown network"),
        ("unet", 3, {"depth": 4}, "unknown argument"),
        ("unet", 3, {"width": 30}, "multiple of 4"),
        ("unet", 3, {"width": True}, "width out of range"),
        ("unet", 3, {"width": 10**9}, "width out of range"),
        ("unet", 0, {}, "bands out of range"),
    ],
)
def test_what_cannot_be_built_is_refused(name: str, bands: int, arguments: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        build_network(name, bands, 11, **arguments)
