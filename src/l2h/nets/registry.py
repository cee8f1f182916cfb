"""Networks by name."""

from l2h.core.errors import InputError
from l2h.nets.base import PixelNetwork
from l2h.nets.extras import HIDDEN
from l2h.nets.hybrid import Hybrid
from l2h.nets.l2hnet import L2HNet
from l2h.nets.slim import Slim
from l2h.nets.surround import Surround
from l2h.nets.unet import UNet

NETWORKS: dict[str, type[Hybrid] | type[L2HNet] | type[Slim] | type[UNet]] = {
    "hybrid": Hybrid,
    "l2hnet": L2HNet,
    "slim": Slim,
    "surround": Surround,
    "unet": UNet,
}
# channel counts are quarters and halves of the width (L2HNet) and 24/32 of it (U-Net): multiples of 4 keep them whole
WIDTHS = range(4, 1025, 4)
BANDS = range(1, 257)
CLASSES = range(2, 256)
ARGUMENTS = {"width": WIDTHS, "extra_channels": range(257), "extra_groups": range(65)}


def build_network(name: str, bands: int, classes: int, **arguments: object) -> PixelNetwork:
    """The network ``name`` for ``bands`` inputs and ``classes`` outputs, with fresh weights.

    Arguments: ``width`` (a multiple of 4); ``extra_channels`` in ``extra_groups``, for a network that hears extras.
    Raises InputError for an unknown name, an unknown argument or a size out of range, since these come from settings
    and from checkpoint files.
    """
    if name not in NETWORKS:
        raise InputError("unknown network", expected=" or ".join(sorted(NETWORKS)), got=repr(name))
    if unknown := sorted(set(arguments) - set(ARGUMENTS)):
        raise InputError(f"unknown argument of network '{name}'", expected=", ".join(ARGUMENTS), got=", ".join(unknown))
    _check_size("bands", bands, BANDS)
    _check_size("classes", classes, CLASSES)
    sizes = {key: _check_size(key, value, ARGUMENTS[key]) for key, value in arguments.items()}
    channels, groups = sizes.pop("extra_channels", 0), sizes.pop("extra_groups", 0)
    net = NETWORKS[name](bands, classes, **sizes)
    if channels or groups:
        if not 0 < groups <= channels:
            raise InputError("extras need a channel in every group", got=f"{channels} channels in {groups} groups")
        net.hear(channels, groups, HIDDEN * sizes.get("width", 32) // 32)
    return net


def _check_size(name: str, value: object, allowed: range) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value not in allowed:
        step = f", multiple of {allowed.step}" if allowed.step > 1 else ""
        expected = f"whole number {allowed.start} to {allowed[-1]}{step}"
        raise InputError(f"network {name} out of range", expected=expected, got=repr(value))
    return value
