"""Extras in a network: what it reads, that it does without, that pieces equal the whole, and each error."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
import torch

from l2h.core.errors import CheckpointError, GridError, InputError
from l2h.core.extras import ExtraLayer
from l2h.core.grid import Grid, Window
from l2h.core.patch import Patch
from l2h.nets.base import PixelNetwork
from l2h.nets.extras import VIEW, ExtraGroup, ExtraStack, found_in, normalise, without
from l2h.nets.registry import build_network

S2 = ExtraGroup("s2", ("red", "nir"), "reflectance", (10.0, 20.0), (2.0, 4.0))
DEM = ExtraGroup("dem", ("band 1",), "m", (100.0,), (50.0,))
GRID = Grid("EPSG:32650", 0.0, 0.0, 1.0, 480, 480)
CELLS = GRID.coarsen(10)


@dataclass(frozen=True)
class Layer:
    """An extra in memory."""

    values: npt.NDArray[np.float32]
    valid: npt.NDArray[np.bool_]
    grid: Grid = CELLS

    def read(self, window: Window) -> Patch:
        rows, cols = window.slices_in(self.grid.window)
        return Patch(self.values[:, rows, cols], self.valid[rows, cols], window)


def network(name: str) -> PixelNetwork:
    torch.manual_seed(0)
    net = build_network(name, 3, 11, width=8, extra_channels=3, extra_groups=2)
    for layer in net.modules():  # other statistics than a fresh network's: zeros are then not zeros any more
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(layer.running_mean, -0.3, 0.0)
            torch.nn.init.uniform_(layer.running_var, 0.01, 0.1)
    return net.eval()


def extras(height: int, width: int) -> torch.Tensor:
    """Normalised extras of a window of so many pixels, with both groups missing in places."""
    shape = [(side + 2 * VIEW.margin) // VIEW.step for side in (height, width)]
    generator = torch.Generator().manual_seed(1)
    there = (torch.rand((1, 2, *shape), generator=generator) > 0.3).float()
    return torch.cat([torch.randn((1, 3, *shape), generator=generator) * there[:, [0, 0, 1]], there], dim=1)


def test_what_is_missing_is_zero_and_said_so() -> None:
    stack = np.array([14, 12, 300, 1, 1, 0, 0, 0, 0, 0], "float32").reshape(2, 5).T[..., None]
    assert normalise(stack, (S2, DEM)).ravel().tolist() == [2, 0, -2, 0, 4, 0, 1, 0, 1, 0]
    bare = normalise(without(stack, [False, True]), (S2, DEM))
    assert bare.ravel().tolist() == [0, 0, 0, 0, 4, 0, 0, 0, 1, 0]
    with pytest.raises(InputError, match="wrong number of extra channels"):
        normalise(stack, (S2,))


def test_a_stack_puts_groups_in_order_and_is_missing_where_they_are() -> None:
    valid = np.zeros((48, 48), bool)
    valid[1, 2] = True
    stack = ExtraStack(GRID, (S2.layer, DEM.layer), (None, Layer(np.full((1, 48, 48), 7, "float32"), valid)))
    found = stack.read(Window(-1, 2, 1, 3))
    assert found.values[:, 2, 1].tolist() == [0, 0, 7, 0, 1]
    assert found.valid.sum() == 1
    assert found.values.sum() == 8
    assert not stack.read(Window(60, 62, 0, 2)).values.any()
    with pytest.raises(GridError, match="not on the lattice of cells"):
        ExtraStack(GRID, (DEM.layer,), (Layer(np.zeros((1, 2, 2), "float32"), np.ones((2, 2), bool), GRID),))


@pytest.mark.parametrize("name", ["unet", "slim", "surround"])
def test_without_any_extra_the_network_is_the_one_that_hears_none(name: str) -> None:
    net, image = network(name), torch.randn(1, 3, 160, 80, generator=torch.Generator().manual_seed(2))
    there = extras(160, 80)
    with torch.no_grad():
        alone = net(image)
        assert torch.equal(net(image, None, torch.zeros_like(there)), alone)
        assert not torch.equal(net(image, None, there), alone)
    plain = build_network(name, 3, 11, width=8).eval()
    plain.load_state_dict({k: v for k, v in net.state_dict().items() if not k.startswith("extra.")})
    with torch.no_grad():
        assert torch.equal(plain(image), alone)


@pytest.mark.parametrize("name", ["unet", "slim"])
def test_a_window_with_its_halo_equals_the_whole(name: str) -> None:
    net = network(name).double()
    image = torch.randn(1, 3, 480, 480, dtype=torch.double, generator=torch.Generator().manual_seed(3))
    there = extras(480, 480).double()
    with torch.no_grad():
        whole = net(image, None, there)
        part = net(
            image[..., 80:400, 160:400], None, there[..., 8:56, 16:56]
        )  # owns rows 160 to 320, columns 240 to 320
        small = net(image[..., 96:384, 176:384], None, there[..., 8:56, 16:56])  # 16 px less on every side, same cells
    torch.testing.assert_close(part[..., 80:-80, 80:-80], whole[..., 160:320, 240:320], rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(small[..., 80:-80, 80:-80], part[..., 96:-96, 96:-96], rtol=1e-9, atol=1e-9)
    assert net.stride == 80


def test_the_cells_of_a_window_reach_a_margin_beyond_it() -> None:
    assert VIEW.window(Window(80, 240, -80, 0), 80) == Window(0, 32, -16, 8)


def test_a_cell_that_is_missing_is_heard_as_if_its_value_were_any_other() -> None:
    net, there = network("unet"), extras(80, 80)
    other = there.clone()
    other[:, :3] = normalised_again(there)
    with torch.no_grad():
        assert torch.equal(net(torch.zeros(1, 3, 80, 80), None, there), net(torch.zeros(1, 3, 80, 80), None, other))


def normalised_again(there: torch.Tensor) -> torch.Tensor:
    """The same values through a stack whose missing cells hold rubbish."""
    stack = there[0].numpy().copy()
    stack[:3][np.repeat(stack[3:], [2, 1], axis=0) == 0] = 999
    plain = (ExtraGroup("a", ("x", "y"), "", (0.0, 0.0), (1.0, 1.0)), ExtraGroup("b", ("z",), "", (0.0,), (1.0,)))
    return torch.from_numpy(normalise(stack, plain))[None, :3]


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("l2hnet", {"extra_channels": 3, "extra_groups": 1}, "hears no extras"),
        ("unet", {"extra_channels": 3}, "a channel in every group"),
        ("unet", {"extra_channels": 1, "extra_groups": 2}, "a channel in every group"),
        ("unet", {"extra_channels": 999, "extra_groups": 2}, "extra_channels out of range"),
    ],
)
def test_networks_that_cannot_be_built(name: str, arguments: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_network(name, 3, 11, width=8, **arguments)


def test_a_place_may_lack_extras_but_must_mean_the_same_by_them() -> None:
    layers = [S2.layer, ExtraLayer("slope", ("band 1",), "degrees")]
    assert found_in((DEM, S2), layers, "net") == (False, True)
    assert found_in((DEM, S2), [], "net") == (False, False)
    with pytest.raises(CheckpointError, match=r"another extra 'dem'.*band 1 in m, got band 1 in feet"):
        found_in((DEM,), [ExtraLayer("dem", ("band 1",), "feet")], "net")
    with pytest.raises(CheckpointError, match=r"expected red, nir in reflectance, got nir, red in reflectance"):
        found_in((S2,), [ExtraLayer("s2", ("nir", "red"), "reflectance")], "net")


@pytest.mark.parametrize(("mean", "std"), [((1.0, 2.0), (1.0, 0.0)), ((1.0,), (1.0,)), ((1.0, np.nan), (1.0, 1.0))])
def test_a_group_needs_numbers_to_normalise_by(mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="a finite mean and a positive standard deviation"):
        ExtraGroup("s2", ("red", "nir"), "reflectance", mean, std)
