"""Where things lie in the toy country, in fractions of its rectangle, before anything is drawn."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import Polygon

from l2h.toy.noise import curve_noise

Points = NDArray[np.float64]

ASPECT = 1.25
SEA_ANGLE = np.pi / 4  # the corner of the sea, before mirroring; measured with y downward
_CENTRE = np.array([0.5, 0.5])


@dataclass(frozen=True)
class Frame:
    """The rectangle that is drawn: `height` × `width` pixels of 1 m; local x runs right and y down, in pixels."""

    height: int
    width: int
    mirror_x: bool = False
    mirror_y: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.height, self.width

    @property
    def length(self) -> float:
        """Characteristic length in metres, the square root of the area: regional features grow with it."""
        return float(np.sqrt(self.height * self.width))

    def place(self, unit: Points) -> Points:
        """Unit coordinates [..., 2] to local pixels [..., 2], mirrored as this country is."""
        unit = np.asarray(unit, np.float64)
        u = 1 - unit[..., 0] if self.mirror_x else unit[..., 0]
        v = 1 - unit[..., 1] if self.mirror_y else unit[..., 1]
        return np.stack([u * self.width, v * self.height], axis=-1)


def _outline_unit(rng: np.random.Generator, count: int = 240) -> Points:
    """Closed outline [count, 2] in the unit square: a squarish blob with a bay at the sea's corner."""
    theta = np.arange(count) * 2 * np.pi / count
    squareness = 3.2
    radius = 0.485 * (np.abs(np.cos(theta)) ** squareness + np.abs(np.sin(theta)) ** squareness) ** (-1 / squareness)
    away = np.angle(np.exp(1j * (theta - SEA_ANGLE)))
    bay = 1 - 0.27 * np.exp(-((away / 0.36) ** 2))
    wobble = (
        1
        - 0.035 * np.abs(curve_noise(rng, count, 14, closed=True))
        - 0.008 * np.abs(curve_noise(rng, count, 3, closed=True))
    )
    reach = radius * bay * wobble
    outline: Points = _CENTRE + reach[:, None] * np.stack([np.cos(theta), np.sin(theta)], axis=1)
    return outline


def blob(rng: np.random.Generator, centre: Points, radius: float, count: int = 48, wobble: float = 0.12) -> Points:
    """Closed wavy circle [count, 2] around `centre`, in the unit of `radius`."""
    theta = np.arange(count) * 2 * np.pi / count
    reach = radius * (1 + wobble * np.clip(curve_noise(rng, count, 9, closed=True), -1.5, 1.5))
    outline: Points = np.asarray(centre) + reach[:, None] * np.stack([np.cos(theta), np.sin(theta)], axis=1)
    return outline


@dataclass(frozen=True)
class Layout:
    """Positions, all in unit coordinates except `frame`."""

    frame: Frame
    outline: Points
    island: Points
    enclave: Points
    peak: Points
    lake: Points
    towns: Points
    villages: Points
    river: Points
    stream: Points
    motorway: Points
    railway: Points

    def polygon(self, unit: Points) -> Polygon:
        """Closed unit outline as a polygon in local pixels."""
        return Polygon(self.frame.place(unit))


def _villages(rng: np.random.Generator, count: int, avoid: Points, clearance: float) -> Points:
    """Up to `count` village centres at least `clearance` apart and away from `avoid`; the island's comes first."""
    found = [np.array([0.915, 0.915])]
    for candidate in rng.uniform(0.08, 0.92, (400, 2)):
        others = np.vstack([avoid, np.array(found)])
        in_bay = candidate.sum() > 1.52
        if not in_bay and np.linalg.norm(others - candidate, axis=1).min() > clearance:
            found.append(candidate)
        if len(found) > count:
            break
    return np.array(found)


def plan_layout(rng: np.random.Generator, km2: float) -> Layout:
    """Draw a layout whose country (mainland and island) covers `km2` square kilometres.

    The rectangle is sized from the outline, rounded up to 10 m so that 10 m cells divide it.
    """
    outline = _outline_unit(rng)
    island = blob(rng, np.array([0.912, 0.912]), 0.052)
    share = Polygon(outline).area + Polygon(island).area
    height = int(np.ceil(np.sqrt(km2 * 1e6 / share / ASPECT) / 10)) * 10
    width = int(np.ceil(km2 * 1e6 / share / height / 10)) * 10
    frame = Frame(height, width, *(bool(flip) for flip in rng.integers(0, 2, 2)))

    def near(points: list[list[float]], spread: float = 0.012) -> Points:
        return np.array(points) + rng.uniform(-spread, spread, (len(points), 2))

    peak = near([[0.74, 0.25]])[0]
    lake = near([[0.20, 0.74]])[0]
    towns = near([[0.29, 0.34], [0.53, 0.73]])
    slopes = peak + 0.16 * np.array([[0, 0], [0, 1], [-1, 0], [1, 0], [0, -1], [-0.7, 0.7], [0.7, 0.7]])
    avoid = np.vstack([slopes, lake, towns])
    return Layout(
        frame=frame,
        outline=outline,
        island=island,
        enclave=blob(rng, near([[0.62, 0.46]])[0], 0.058),
        peak=peak,
        lake=lake,
        towns=towns,
        villages=_villages(rng, max(3, round(0.75 * km2)), avoid, 0.16 if km2 < 12 else 0.10),
        river=near([[0.44, -0.05], [0.43, 0.12], [0.47, 0.30], [0.44, 0.48], [0.60, 0.60], [0.74, 0.78], [0.84, 0.86]]),
        stream=near([[0.70, 0.36], [0.66, 0.50], [0.62, 0.61]], 0.006),
        motorway=near([[-0.05, 0.16], [0.22, 0.15], [0.45, 0.22], [0.62, 0.37], [0.78, 0.43], [1.05, 0.55]]),
        railway=near([[0.34, 1.05], [0.38, 0.80], [0.41, 0.58], [0.37, 0.36], [0.30, 0.08], [0.28, -0.05]]),
    )
