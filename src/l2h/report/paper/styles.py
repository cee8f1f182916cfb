"""How printed pages look."""

from typing import Any

INK, DIM, OWN, LINE, SOFT, WRONG = "#17222b", "#55626d", "#0b5d66", "#c3ccd3", "#f1f4f6", "#c2410c"
MARGIN_MM = 21.0
PAGE_MM = (210.0, 297.0)
SIZE = 10.0  # points


def styles() -> dict[str, Any]:
    """Name → paragraph style."""
    from reportlab.lib.styles import ParagraphStyle

    from l2h.report.paper.fonts import register

    register()
    body = ParagraphStyle(
        "p", fontName="text0", fontSize=SIZE, leading=13.6, textColor=_colour(INK), spaceAfter=6, allowWidows=0,
        allowOrphans=0, splitLongWords=1, embeddedHyphenation=1,
    )  # fmt: skip
    others = _headings() | _running() | _boxes() | _tables()
    return {"p": body, **{name: ParagraphStyle(name, parent=body, **given) for name, given in others.items()}}


def _colour(code: str) -> Any:
    from reportlab.lib.colors import HexColor

    return HexColor(code)


def _headings() -> dict[str, dict[str, Any]]:
    head: dict[str, Any] = {"fontName": "text1", "keepWithNext": 1}
    return {
        "h1": head | {"fontSize": 22, "leading": 26, "spaceBefore": 2, "spaceAfter": 6},
        "h2": head | {"fontSize": 14.5, "leading": 18, "spaceBefore": 16, "spaceAfter": 6, "textColor": _colour(OWN)},
        "h3": head | {"fontSize": 11.5, "leading": 15, "spaceBefore": 10, "spaceAfter": 4},
        "h4": head | {"fontSize": SIZE, "leading": 13.6, "spaceBefore": 8, "spaceAfter": 3},
    }


def _running() -> dict[str, dict[str, Any]]:
    dim, own = {"textColor": _colour(DIM)}, {"textColor": _colour(OWN)}
    return {
        "lead": dim | {"fontSize": 11.5, "leading": 15.5, "spaceAfter": 10},
        "eyebrow": own | {"fontName": "sans0", "fontSize": 7.5, "leading": 10, "spaceAfter": 2},
        "note": dim | {"fontSize": 8.8, "leading": 11.8},
        "figcaption": dim | {"fontSize": 8.8, "leading": 11.6, "spaceBefore": 4, "spaceAfter": 12},
        "caption": {"fontName": "text1", "fontSize": 9.2, "leading": 12, "spaceAfter": 1},
        "li": {"spaceAfter": 3},
        "foot": dim | {"fontSize": 8.5, "leading": 10, "spaceAfter": 0},
    }


def _boxes() -> dict[str, dict[str, Any]]:
    return {
        "warning": {
            "borderPadding": (5, 7, 6, 7), "backColor": _colour("#fdf1ea"), "borderColor": _colour(WRONG),
            "borderWidth": 0.6, "spaceBefore": 9, "spaceAfter": 12,
        },
        "pre": {
            "fontName": "mono0", "fontSize": 7.6, "leading": 10.4, "backColor": _colour(SOFT),
            "borderPadding": (6, 7, 7, 7), "spaceBefore": 8, "spaceAfter": 13, "splitLongWords": 1,
        },
    }  # fmt: skip


def _tables() -> dict[str, dict[str, Any]]:
    """Cells and heads of columns, words to the left and numbers to the right, and all of it smaller for wide tables."""
    cell: dict[str, Any] = {"fontSize": 8.8, "leading": 11.2, "spaceAfter": 0}
    head = cell | {"fontName": "text1", "fontSize": 8.6, "leading": 10.8, "textColor": _colour(DIM)}
    right = {"alignment": 2}
    usual = {"cell": cell, "num": cell | right, "head": head, "headnum": head | right}
    return usual | {f"small{name}": given | {"fontSize": 7.2, "leading": 9.2} for name, given in usual.items()}
