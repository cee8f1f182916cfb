"""Fonts: those that matplotlib brings, so that every machine has them; embedded, in parts.

STIX (a Times) for reading, DejaVu Sans for what STIX lacks, DejaVu Sans Mono for code. Chinese, Japanese and Korean
characters are embedded where this machine has a TrueType font that has them; else they take a font of the reader's (an
Adobe CID font).
"""

from functools import cache
from pathlib import Path
from xml.sax.saxutils import escape

from l2h.report.typeface import embeddable

FILES = {
    "text": ("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta"),
    "sans": ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique"),
    "mono": ("DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSansMono-Oblique", "DejaVuSansMono-BoldOblique"),
}
EMBEDDED, READERS = "cjk0", "STSong-Light"  # fonts for Chinese, Japanese and Korean words


@cache
def register() -> None:
    """Make the families text, sans and mono known to reportlab."""
    import matplotlib
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfbase.ttfonts import TTFont

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    for family, files in FILES.items():
        names = [f"{family}{i}" for i in range(4)]
        for name, file in zip(names, files, strict=True):
            pdfmetrics.registerFont(TTFont(name, str(folder / f"{file}.ttf")))
        pdfmetrics.registerFontFamily(family, *names)
        pdfmetrics.registerFontFamily(names[0], *names)
    pdfmetrics.registerFont(UnicodeCIDFont(READERS))
    if own := embeddable():
        pdfmetrics.registerFont(TTFont(EMBEDDED, own))


@cache
def _lacks(font: str, character: str) -> bool:
    from reportlab.pdfbase import pdfmetrics

    return ord(character) not in pdfmetrics.getFont(font).face.charToGlyph


def font_of(character: str, family: str) -> str:
    """The family whose glyphs show a character."""
    register()
    for name in (family, "sans"):
        if not _lacks(f"{name}0", character):
            return name
    return EMBEDDED if embeddable() and not _lacks(EMBEDDED, character) else READERS


def left_to_readers(text: str) -> set[str]:
    """Characters of a text that the paper cannot carry."""
    return {letter for letter in set(text) if not letter.isspace() and font_of(letter, "text") == READERS}


def marked(text: str, family: str = "text") -> str:
    """Text escaped for a paragraph, with the runs that its family lacks set in one that has them."""
    runs: list[tuple[str, list[str]]] = []
    for character in text:
        name = family if character.isspace() else font_of(character, family)
        if runs and runs[-1][0] == name:
            runs[-1][1].append(character)
        else:
            runs.append((name, [character]))
    parts = []
    for name, characters in runs:
        run = escape("".join(characters))
        face = name if name in (EMBEDDED, READERS) else f"{name}0"
        parts.append(run if name == family else f'<font name="{face}">{run}</font>')
    return "".join(parts)
