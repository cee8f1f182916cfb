"""Arrays to pictures: PNG and JPEG bytes, the same for the same values."""

import base64
import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from l2h.core.legend import Legend

RGB = npt.NDArray[np.uint8]
EMPTY = ((255, 255, 255), (222, 222, 222))  # nodata is hatched, so that it looks like no class
INK = (40, 40, 40)
# confidence 0 to 100: the ends and quarters of cividis (Nuñez and others 2018), readable without red and green
RAMP = ((0, 34, 78), (67, 78, 108), (125, 124, 120), (188, 175, 111), (254, 232, 56))


def hatch(height: int, width: int) -> npt.NDArray[np.bool_]:
    """bool [H, W] of diagonal stripes."""
    rows, cols = np.ogrid[:height, :width]
    return np.asarray((rows + cols) // 3 % 2 == 0)


def class_picture(codes: npt.NDArray[np.uint8], legend: Legend) -> RGB:
    """uint8 [H, W, 3]: classes in the colours of their legend, the rest hatched."""
    picture = legend.rgb[codes]
    return _with_empty(picture, legend.index_of[codes] == 255)


def image_picture(bands: npt.NDArray[np.uint8], valid: npt.NDArray[np.bool_]) -> RGB:
    """uint8 [H, W, 3] of the first three bands (or of one, in grey); invalid pixels hatched."""
    chosen = bands[:3] if len(bands) >= 3 else np.repeat(bands[:1], 3, 0)
    return _with_empty(np.moveaxis(chosen, 0, -1).astype("uint8"), ~valid)


def confidence_picture(confidence: npt.NDArray[np.uint8], known: npt.NDArray[np.bool_]) -> RGB:
    """uint8 [H, W, 3]: confidence 0 to 100 from dark blue to yellow; unmapped pixels hatched."""
    return _with_empty(ramp()[np.minimum(confidence, 100)], ~known)


def ramp() -> RGB:
    """uint8 [101, 3]: colour of each confidence."""
    stops = np.linspace(0, 100, len(RAMP))
    channels = [np.interp(np.arange(101), stops, [c[i] for c in RAMP]) for i in range(3)]
    return np.rint(np.stack(channels, -1)).astype("uint8")


def borders(cities: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
    """bool [H, W]: pixels on either side of a city's limit."""
    edge = np.zeros(cities.shape, bool)
    across, down = cities[:, :-1] != cities[:, 1:], cities[:-1] != cities[1:]
    edge[:, :-1] |= across
    edge[:, 1:] |= across
    edge[:-1] |= down
    edge[1:] |= down
    return edge


def draw_borders(picture: RGB, cities: npt.NDArray[np.integer]) -> RGB:
    """The picture with thin outlines of the cities."""
    drawn = picture.copy()
    drawn[borders(cities)] = INK
    return drawn


def png(picture: RGB) -> bytes:
    """PNG with a palette where the picture has at most 256 colours."""
    image = Image.fromarray(picture)
    if image.getcolors(256):
        image = image.quantize(256, dither=Image.Dither.NONE)
    return _saved(image, "PNG", optimize=True)


def jpeg(picture: RGB) -> bytes:
    return _saved(Image.fromarray(picture), "JPEG", quality=88, optimize=True)


def data_uri(data: bytes) -> str:
    """The picture as text that stands in the page itself."""
    kind = "png" if data.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _with_empty(picture: RGB, empty: npt.NDArray[np.bool_]) -> RGB:
    if not empty.any():
        return picture
    stripes = np.where(hatch(*empty.shape)[..., None], EMPTY[0], EMPTY[1]).astype("uint8")
    return np.where(empty[..., None], stripes, picture)


def _saved(image: Image.Image, kind: str, **options: int | bool) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()
