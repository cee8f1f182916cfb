"""Chinese, Japanese and Korean words: the font of this machine that shows them, and what is told where it has none."""

import logging
from collections.abc import Iterable
from functools import cache
from pathlib import Path

log = logging.getLogger(__name__)

NAMES = ("Noto Sans CJK SC", "Source Han Sans SC", "WenQuanYi Micro Hei", "SimHei", "Microsoft YaHei", "PingFang SC")
TRUETYPE = ("WenQuanYi Micro Hei", "SimHei", "Microsoft YaHei")  # whose outlines reportlab can put into a PDF
ADVICE = "install one that can be embedded (Debian and Ubuntu: fonts-wqy-microhei), remove the files and run again"


@cache
def installed() -> dict[str, str]:
    """Name → file of the fonts of this machine that have such words, the first the one to take."""
    from matplotlib.font_manager import fontManager

    _take_in_new_fonts()
    files = {font.name: font.fname for font in reversed(fontManager.ttflist) if Path(font.fname).exists()}
    return {name: files[name] for name in NAMES if name in files}


def _take_in_new_fonts() -> None:
    """Tell matplotlib of fonts installed since it last looked: it keeps its list in a file and never looks again."""
    from matplotlib.font_manager import findSystemFonts, fontManager

    known = {font.fname for font in fontManager.ttflist}
    for file in sorted(set(findSystemFonts()) - known):
        try:
            fontManager.addfont(file)
        except (OSError, RuntimeError) as error:  # it shows no words then; matplotlib passes over it as well
            log.info("font %s cannot be read: %s", file, error)


def embeddable() -> str | None:
    """File of a font that paper can carry; None where this machine has none."""
    return next((installed()[name] for name in TRUETYPE if name in installed()), None)


def told(what: str, characters: Iterable[str], fate: str) -> dict[str, str]:
    """The notice that some characters have no font here, for the record of a task; nothing where there are none."""
    few = "".join(sorted(set(characters)))
    if not few:
        return {}
    return {"notice": f"{what}: no font here has {few[:12]}{'…' if len(few) > 12 else ''}; {fate}; {ADVICE}"}
