"""What the ground is made of: each material's land-cover class and its look in the two seasons.

Colours are top-of-atmosphere-like RGB, 0 to 255, before light, haze and the camera. Neighbouring classes share colours
on purpose: grass, young crop and shrub; bare soil, dirt road and pale roof; shadow and water. Texture and surroundings
tell them apart, as in real pictures.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RGB = tuple[int, int, int]


@dataclass(frozen=True)
class Material:
    """One material: sinolc1 `value`, colours in `summer` and `autumn`, texture amplitudes.

    Amplitudes are standard deviations of relative brightness: `fine` at 1 m, `middle` at 4 m, `coarse` at 30 m.
    """

    name: str
    value: int
    summer: RGB
    autumn: RGB
    fine: float
    middle: float
    coarse: float


MATERIALS = (
    Material("none", 0, (0, 0, 0), (0, 0, 0), 0, 0, 0),
    Material("meadow", 4, (92, 110, 66), (126, 120, 80), 0.05, 0.10, 0.13),
    Material("lawn", 4, (82, 108, 62), (104, 112, 70), 0.04, 0.05, 0.08),
    Material("alpine", 4, (104, 108, 70), (134, 120, 82), 0.06, 0.10, 0.14),
    Material("wheat", 5, (156, 140, 92), (112, 100, 74), 0.04, 0.03, 0.05),
    Material("maize", 5, (76, 100, 58), (138, 122, 82), 0.06, 0.04, 0.06),
    Material("rice", 5, (80, 108, 66), (140, 128, 76), 0.03, 0.03, 0.06),
    Material("vegetables", 5, (92, 108, 74), (86, 104, 70), 0.08, 0.05, 0.05),
    Material("fallow", 5, (142, 120, 94), (136, 114, 90), 0.04, 0.05, 0.07),
    Material("paddy", 5, (84, 92, 84), (120, 112, 82), 0.03, 0.04, 0.08),
    Material("balk", 5, (108, 112, 76), (124, 114, 82), 0.06, 0.06, 0.05),
    Material("shrub", 3, (84, 98, 60), (106, 100, 66), 0.06, 0.08, 0.10),
    Material("broadleaf", 2, (58, 80, 44), (98, 88, 50), 0.06, 0.06, 0.08),
    Material("conifer", 2, (44, 64, 42), (46, 62, 42), 0.07, 0.05, 0.06),
    Material("orchard", 2, (72, 92, 54), (100, 94, 58), 0.06, 0.05, 0.05),
    Material("asphalt", 1, (104, 104, 104), (106, 105, 103), 0.03, 0.04, 0.06),
    Material("concrete_road", 1, (154, 150, 142), (152, 148, 140), 0.03, 0.04, 0.06),
    Material("dirt_road", 1, (160, 140, 112), (156, 138, 112), 0.05, 0.06, 0.06),
    Material("ballast", 1, (118, 110, 104), (118, 110, 104), 0.07, 0.04, 0.04),
    Material("marking", 1, (176, 174, 168), (176, 174, 168), 0.05, 0.03, 0.03),
    Material("kerb", 1, (146, 144, 138), (146, 144, 138), 0.05, 0.05, 0.04),
    Material("red_roof", 6, (156, 92, 74), (156, 92, 74), 0.05, 0.03, 0.02),
    Material("grey_roof", 6, (132, 130, 128), (132, 130, 128), 0.04, 0.03, 0.03),
    Material("dark_roof", 6, (78, 76, 78), (78, 76, 78), 0.05, 0.03, 0.03),
    Material("white_roof", 6, (206, 204, 200), (206, 204, 200), 0.03, 0.02, 0.03),
    Material("blue_roof", 6, (86, 118, 164), (86, 118, 164), 0.04, 0.02, 0.03),
    Material("brown_roof", 6, (124, 100, 82), (124, 100, 82), 0.06, 0.03, 0.02),
    Material("paved", 6, (142, 138, 130), (142, 138, 130), 0.05, 0.07, 0.07),
    Material("soil", 7, (150, 126, 98), (146, 124, 98), 0.05, 0.09, 0.10),
    Material("rock", 7, (128, 121, 112), (128, 121, 112), 0.10, 0.13, 0.10),
    Material("sand", 7, (188, 172, 140), (184, 170, 140), 0.03, 0.05, 0.06),
    Material("quarry", 7, (168, 154, 132), (166, 154, 134), 0.07, 0.12, 0.10),
    Material("snow", 8, (214, 219, 226), (222, 226, 232), 0.02, 0.04, 0.05),
    Material("river_water", 9, (88, 98, 84), (78, 92, 82), 0.02, 0.015, 0.05),
    Material("lake_water", 9, (50, 68, 72), (46, 64, 70), 0.025, 0.015, 0.07),
    Material("sea_water", 9, (40, 62, 76), (38, 60, 76), 0.03, 0.02, 0.07),
    Material("pond_water", 9, (66, 84, 72), (62, 78, 70), 0.02, 0.015, 0.05),
    Material("reed", 10, (86, 98, 62), (130, 116, 78), 0.07, 0.13, 0.12),
    Material("mud", 10, (100, 94, 78), (100, 92, 78), 0.04, 0.10, 0.12),
    Material("moss", 12, (118, 112, 72), (116, 106, 70), 0.07, 0.12, 0.10),
)

CODE = {material.name: code for code, material in enumerate(MATERIALS)}
VALUE_OF = np.array([material.value for material in MATERIALS], np.uint8)
CROPS = ("wheat", "maize", "rice", "vegetables", "fallow", "paddy")
ROOFS = ("red_roof", "grey_roof", "dark_roof", "white_roof", "blue_roof", "brown_roof")


def colour_table(autumn: bool) -> NDArray[np.float32]:
    """Colours of a season: float32 [materials, 3]."""
    return np.array([material.autumn if autumn else material.summer for material in MATERIALS], np.float32)


def texture_table() -> NDArray[np.float32]:
    """Amplitudes fine, middle, coarse: float32 [materials, 3]."""
    return np.array([(m.fine, m.middle, m.coarse) for m in MATERIALS], np.float32)
