"""Figures for the screen: smaller than for print, whatever the country."""

import io
from pathlib import Path

from PIL import Image

from l2h.report.pictures import data_uri

MOST_PX = 1400  # width on the page; twice what most screens give it
FEW_COLOURS = 4096  # drawings have fewer, pictures more


def web_figure(path: Path) -> str:
    """A PNG figure as a data URI: at most MOST_PX wide; JPEG where it shows photographs, else PNG of 256 colours."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    photo = picture.getcolors(FEW_COLOURS) is None and _is_photo(picture)
    if picture.width > MOST_PX:
        picture = picture.resize((MOST_PX, round(picture.height * MOST_PX / picture.width)), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    if photo:
        picture.save(out, "JPEG", quality=85, optimize=True)
    else:
        picture.quantize(256, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return data_uri(out.getvalue())


def _is_photo(picture: Image.Image) -> bool:
    """Whether more than a tenth of the pixels are in colours that few share."""
    colours = picture.resize((200, 200), Image.Resampling.NEAREST).getcolors(200 * 200) or []
    return sum(n for n, _ in colours if n < 4) > 0.1 * 200 * 200
