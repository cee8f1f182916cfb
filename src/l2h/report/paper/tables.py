"""Tables: columns as wide as their words want, heads repeated on every page."""

from typing import Any

from l2h.core.errors import InputError
from l2h.report.paper.inline import colour_of, inline
from l2h.report.paper.markup import Node
from l2h.report.paper.styles import INK, LINE, SOFT

PAD = 3.0  # points left and right of a cell's words
CELLS = ("cell", "num", "head", "headnum")  # styles; with "small" before them in tables of that class


def table_flow(node: Node, width: float, styles: dict[str, Any]) -> list[Any]:
    """Caption and table, `width` points wide at most. InputError for rows of different lengths."""
    from reportlab.platypus import Paragraph, Table

    heads = [row for part in node.nodes("thead") for row in part.nodes("tr")]
    foots = [row for part in node.nodes("tfoot") for row in part.nodes("tr")]
    rows = [*heads, *(row for part in node.nodes("tbody") for row in part.nodes("tr")), *node.nodes("tr"), *foots]
    if not rows:
        return []
    cells = [_spread(row) for row in rows]
    _check(cells, node)
    styles = styles | {n: styles[f"small{n}"] for n in CELLS} if "small" in node.classes else styles
    drawn = [[_cell(c, i < len(heads), styles) for c in row] for i, row in enumerate(cells)]
    captions = [Paragraph(inline(c.children), styles["caption"]) for c in node.nodes("caption")]
    top = len(captions)
    drawn = [*([caption] + [""] * (len(cells[0]) - 1) for caption in captions), *drawn]
    look = _looks(rows, cells, top, len(heads))
    return [
        Table(
            drawn, colWidths=column_widths(cells, width), repeatRows=tuple(range(top, top + len(heads))) or 0,
            hAlign="LEFT", style=look, spaceAfter=12, spaceBefore=2,
        )
    ]  # fmt: skip


def _looks(rows: list[Node], cells: list[list[Node | None]], top: int, heads: int) -> list[Any]:
    """Lines, padding and colours. top : rows that hold the caption; heads : rows below it that head the columns"""
    from reportlab.lib.colors import HexColor

    look: list[Any] = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"), ("LINEBELOW", (0, top), (-1, -1), 0.4, HexColor(LINE)),
        ("LEFTPADDING", (0, 0), (-1, -1), PAD), ("RIGHTPADDING", (0, 0), (-1, -1), PAD),
        ("TOPPADDING", (0, 0), (-1, -1), 2.4), ("BOTTOMPADDING", (0, 0), (-1, -1), 3.2),
        *(("SPAN", (0, y), (-1, y)) for y in range(top)),
    ]  # fmt: skip
    if heads:
        last = top + heads - 1
        look += [("LINEBELOW", (0, last), (-1, last), 0.9, HexColor(INK)), ("VALIGN", (0, top), (-1, last), "BOTTOM")]
    for y, (row, line) in enumerate(zip(rows, cells, strict=True), start=top):
        if "own" in row.classes:  # our own row among others
            look.append(("BACKGROUND", (0, y), (-1, y), HexColor(SOFT)))
        for x, cell in enumerate(line):
            look += _look(cell, x, y)
    return look


def _spread(row: Node) -> list[Node | None]:
    """The cells of a row; None where the one before reaches."""
    result: list[Node | None] = []
    for cell in row.nodes("th", "td"):
        result += [cell, *[None] * (int(cell.attributes.get("colspan", "1")) - 1)]
    return result


def _check(cells: list[list[Node | None]], node: Node) -> None:
    wide = {len(row) for row in cells}
    if len(wide) != 1:
        raise InputError(
            "rows of a table have different numbers of cells", where=f"table in line {node.line} of the page",
            got=", ".join(map(str, sorted(wide))), hint="A cell over several columns says so: colspan.",
        )  # fmt: skip


def _cell(cell: Node | None, head: bool, styles: dict[str, Any]) -> Any:
    from reportlab.platypus import Paragraph

    if cell is None or "swatch" in cell.classes:
        return ""
    name = ("head" if head else "cell") if "num" not in cell.classes else ("headnum" if head else "num")
    return Paragraph(inline(cell.children), styles[name])


def _look(cell: Node | None, x: int, y: int) -> list[Any]:
    from reportlab.lib.colors import HexColor

    if cell is None:
        return []
    look: list[Any] = []
    span = int(cell.attributes.get("colspan", "1"))
    if span > 1:
        look.append(("SPAN", (x, y), (x + span - 1, y)))
    colour = colour_of(cell)
    if colour:
        look += [("BACKGROUND", (x, y), (x, y), HexColor(colour)), ("BOX", (x, y), (x, y), 0.5, HexColor("#55626d"))]
    return look


def column_widths(cells: list[list[Node | None]], width: float) -> list[float]:
    """Points of each column: its longest word at least, then by how long its texts are.

    A column no cell of which needs to wrap gets what it wants; what is left is shared by the square root of the wish,
    so that long texts do not starve short ones.
    """
    from reportlab.pdfbase.pdfmetrics import stringWidth

    least, wish = [], []
    for column in zip(*cells, strict=True):
        texts = [_words(cell) for cell in column if cell is not None and "colspan" not in cell.attributes]
        longest = max((stringWidth(w, "text1", 8.8) for t in texts for w in t.split(" ")), default=8.0)
        whole = max((stringWidth(t, "text1", 8.8) for t in texts), default=8.0)
        least.append(min(longest, width / 3) + 2 * PAD + 1)
        wish.append(max(whole + 2 * PAD + 1, least[-1]))
    if sum(wish) <= width:
        return wish
    spare = width - sum(least)
    if spare <= 0:
        return [w * width / sum(least) for w in least]
    more = [max(0.0, w - m) ** 0.5 for w, m in zip(wish, least, strict=True)]
    return [m + spare * r / sum(more) for m, r in zip(least, more, strict=True)]


def _words(cell: Node) -> str:
    return cell.text() or ("__" if "swatch" in cell.classes else "")
