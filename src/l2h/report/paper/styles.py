"""How printed pages look."""

from typing import Any

INK, DIM, OWN, LINE, SOFT, WRONG = "#17222b", "#55626d", "#0b5d66", "#c3ccd3", "#f1f4f6", "#c2410c"
MARGIN_MM = 21.0
PAGE_MM = (210.0, 297.0)
SIZE = 10.0  # points


def styles() -> dict[str, Any]:
    """Name → paragraph style."""
    from reportlab.lib.colors import HexColor
    from reportlab.lib.styles import ParagraphStyle

    from l2h.report.paper.fonts import register

    register()
    ink, dim, own = HexColor(INK), HexColor(DIM), HexColor(OWN)
    body = ParagraphStyle(
        "p",
        fontName="text0",
        fontSize=SIZE,
        leading=13.6,
        textColor=ink,
        spaceAfter=6,
        allowWidows=0,
        allowOrphans=0,
        splitLongWords=1,
        embeddedHyphenation=1,
    )

    def like(name: str, **given: Any) -> ParagraphStyle:
        return ParagraphStyle(name, parent=body, **given)

    head: dict[str, Any] = {"fontName": "text1", "keepWithNext": 1}
    small = {"fontSize": 8.8, "leading": 11.2, "spaceAfter": 0}
    column = {"fontName": "text1", "fontSize": 8.6, "leading": 10.8, "spaceAfter": 0, "textColor": dim}
    less = {"fontSize": 7.2, "leading": 9.2}
    tight: dict[str, Any] = {
        "cell": small | less, "num": small | less | {"alignment": 2},
        "head": column | less, "headnum": column | less | {"alignment": 2},
    }  # fmt: skip
    return {
        "p": body,
        "h1": like("h1", fontSize=22, leading=26, spaceBefore=2, spaceAfter=6, **head),
        "h2": like("h2", fontSize=14.5, leading=18, spaceBefore=16, spaceAfter=6, textColor=own, **head),
        "h3": like("h3", fontSize=11.5, leading=15, spaceBefore=10, spaceAfter=4, **head),
        "h4": like("h4", fontSize=SIZE, leading=13.6, spaceBefore=8, spaceAfter=3, **head),
        "lead": like("lead", fontSize=11.5, leading=15.5, textColor=dim, spaceAfter=10),
        "eyebrow": like("eyebrow", fontName="sans0", fontSize=7.5, leading=10, textColor=own, spaceAfter=2),
        "note": like("note", fontSize=8.8, leading=11.8, textColor=dim),
        "warning": like(
            "warning",
            borderPadding=(5, 7, 6, 7),
            backColor=HexColor("#fdf1ea"),
            borderColor=HexColor(WRONG),
            borderWidth=0.6,
            spaceBefore=9,
            spaceAfter=12,
        ),
        "figcaption": like("figcaption", fontSize=8.8, leading=11.6, textColor=dim, spaceBefore=4, spaceAfter=12),
        "caption": like("caption", fontName="text1", fontSize=9.2, leading=12, spaceAfter=1),
        "li": like("li", spaceAfter=3),
        "pre": like(
            "pre",
            fontName="mono0",
            fontSize=7.6,
            leading=10.4,
            backColor=HexColor(SOFT),
            borderPadding=(6, 7, 7, 7),
            spaceBefore=8,
            spaceAfter=13,
            splitLongWords=1,
        ),
        "cell": like("cell", **small),
        "num": like("num", alignment=2, **small),
        "head": like("head", **column),
        "headnum": like("headnum", alignment=2, **column),
        **{f"small{name}": like(f"small{name}", **given) for name, given in tight.items()},
        "foot": like("foot", fontSize=8.5, leading=10, spaceAfter=0, textColor=dim),
    }
