"""Networks: the published figures, and the promise that pieces equal the whole."""

import pytest
import torch

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
    ],
)
def test_cost_is_the_published_one(name: str, width: int, classes: int, mflop: float, millions: float) -> None:
    net = build_network(name, 3, classes, width=width)
    assert mflop_per_pixel(net) == pytest.approx(mflop, abs=0.0006)
    assert parameter_count(net) / 1e6 == pytest.approx(millions, rel=0.02)


@pytest.mark.parametrize(("name", "field"), [("l2hnet", 23), ("unet", 155)])
def test_receptive_field_is_the_published_one_and_fits_the_halo(name: str, field: int) -> None:
    net = build_network(name, 1, 2, width=4)  # the field does not depend on the width
    assert receptive_field(net) == field
    radius = (field - 1) // 2
    assert net.halo == -(-radius // net.stride) * net.stride


@pytest.mark.parametrize("name", sorted(NETWORKS))
@pytest.mark.parametrize("size", [(1, 1), (1, 50), (17, 31), (64, 48)])
def test_every_size_comes_back_in_its_own_size(name: str, size: tuple[int, int]) -> None:
    net = build_network(name, 4, 11, width=8).eval()
    with torch.no_grad():
        assert net(torch.zeros(2, 4, *size)).shape == (2, 11, *size)


def lively(name: str) -> PixelNetwork:
    """A network whose batch norm has seen data, so that evaluation is not the identity."""
    torch.manual_seed(1)
    net = build_network(name, 3, 11, width=16)
    with torch.no_grad():
        net(torch.randn(2, 3, 96, 96) + 1)
    return net.eval()


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_pieces_with_halo_equal_the_whole(name: str) -> None:
    net = lively(name)
    image = torch.randn(1, 3, 320, 320)
    core, halo = 64, net.halo  # a multiple of both strides
    with torch.no_grad():
        whole = net(image)
        for row, col in [(128, 128), (112, 160)]:
            piece = net(image[..., row - halo : row + core + halo, col - halo : col + core + halo])
            mine = piece[..., halo : halo + core, halo : halo + core]
            theirs = whole[..., row : row + core, col : col + core]
            torch.testing.assert_close(mine, theirs, rtol=0, atol=2e-5)
            assert torch.equal(mine.argmax(1), theirs.argmax(1))


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
