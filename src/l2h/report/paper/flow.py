"""Blocks: nodes to what reportlab lays out on pages."""

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from l2h.core.errors import InputError
from l2h.report.paper.fonts import marked
from l2h.report.paper.inline import inline
from l2h.report.paper.markup import BLOCKS, GROUPS, Node
from l2h.report.paper.placed import Placed, placed_pdf
from l2h.report.paper.tables import table_flow

ROOM_FOR_ROWS = 110  # points: a heading, a caption, heads and a row or two
STYLED = ("lead", "eyebrow", "note", "warning")


@dataclass
class Layout:
    """What blocks need to know: width and height of the text in points, styles, where pictures lie, what was placed."""

    width: float
    height: float
    styles: dict[str, Any]
    folder: Path
    placed: list[Placed]


def flow(node: Node, layout: Layout) -> list[Any]:
    """The children of a node, in order; words between blocks are paragraphs of their own."""
    result: list[Any] = []
    for group in _grouped(node.children):
        if isinstance(group, list):
            result += _paragraph(group, "p", layout)
        elif group.tag in GROUPS:
            result += _group(group, layout)
        else:
            result += _block(group, layout)
    return _with_room(result)


def _with_room(flowables: list[Any]) -> list[Any]:
    """A heading stays with what follows; with the first rows of a table, which may go on over pages."""
    from reportlab.platypus import CondPageBreak, KeepTogether, Table

    result: list[Any] = []
    for flowable in flowables:
        if isinstance(flowable, Table):
            before = result.pop() if result and hasattr(result[-1], "outline") else None
            result.append(CondPageBreak(ROOM_FOR_ROWS))
            if before is not None:
                before.keepWithNext = 0
                result.append(before)
        if isinstance(flowable, KeepTogether) and result and hasattr(result[-1], "outline"):
            flowable = KeepTogether([result.pop(), *flowable._content])
        result.append(flowable)
    return result


def _grouped(children: list[Node | str]) -> Iterator[Node | list[Node | str]]:
    """Blocks by themselves, runs of words together."""
    words: list[Node | str] = []
    for child in children:
        if isinstance(child, Node) and child.tag in BLOCKS | GROUPS:
            if words:
                yield words
            words = []
            yield child
        else:
            words.append(child)
    if words:
        yield words


def _paragraph(children: list[Node | str], style: str, layout: Layout) -> list[Any]:
    from reportlab.platypus import Paragraph

    text = inline(children).strip()
    return [Paragraph(text, layout.styles[style])] if text else []


def _group(node: Node, layout: Layout) -> list[Any]:
    from reportlab.platypus import KeepTogether, PageBreak

    inner = flow(node, layout)
    if "keep" in node.classes and inner:
        inner = [KeepTogether(inner)]
    return [PageBreak(), *inner] if "new-page" in node.classes else inner


def _block(node: Node, layout: Layout) -> list[Any]:
    if node.tag in ("h1", "h2", "h3", "h4"):
        return [_heading(node, layout)]
    if node.tag in ("ul", "ol"):
        return _list(node, layout)
    if node.tag == "table":
        return table_flow(node, layout.width, layout.styles)
    if node.tag == "dl":
        return _terms(node, layout)
    if node.tag == "pre":
        return _code(node, layout)
    if node.tag in ("figure", "img"):
        return _figure(node, layout)
    if node.tag == "hr":
        from reportlab.platypus import HRFlowable

        return [HRFlowable(width="100%", thickness=0.5, spaceBefore=4, spaceAfter=8)]
    style = next((name for name in STYLED if name in node.classes), "p")
    return _paragraph(node.children, style, layout)


def _heading(node: Node, layout: Layout) -> Any:
    from reportlab.platypus import Paragraph

    heading = Paragraph(inline(node.children).strip(), layout.styles[node.tag])
    heading.outline = (node.text(), int(node.tag[1]) - 1)
    return heading


def _list(node: Node, layout: Layout) -> list[Any]:
    from reportlab.platypus import ListFlowable, ListItem, Spacer

    items = [ListItem(flow(item, _narrower(layout)) or [Spacer(1, 1)]) for item in node.nodes("li")]
    if not items:
        return []
    kind = {"bulletType": "1", "bulletFormat": "%s."}
    kind = {"bulletType": "bullet", "start": "•"} if node.tag == "ul" else kind
    return [
        ListFlowable(items, leftIndent=14, bulletFontName="text0", bulletFontSize=10, bulletOffsetY=0, **kind),
        Spacer(1, 4),
    ]


def _narrower(layout: Layout) -> Layout:
    styles = layout.styles | {"p": layout.styles["li"]}
    return Layout(layout.width - 14, layout.height, styles, layout.folder, layout.placed)


def _terms(node: Node, layout: Layout) -> list[Any]:
    """A list of terms as a table of two columns."""
    rows = []
    for term, told in zip(node.nodes("dt"), node.nodes("dd"), strict=True):
        cells: list[Node | str] = [Node("td", {}, term.line, [Node("b", {}, 0, term.children)])]
        rows.append(Node("tr", {}, term.line, [*cells, Node("td", {}, told.line, told.children)]))
    return table_flow(Node("table", {}, node.line, [*rows]), layout.width, layout.styles)


def _code(node: Node, layout: Layout) -> list[Any]:
    """Lines as they stand; a line that is too long goes on in the next."""
    from reportlab.platypus import Paragraph

    text = "".join(c if isinstance(c, str) else c.text() for c in node.children).strip("\n")
    lines = [marked(line.replace(" ", "\xa0"), "mono") for line in text.split("\n")]
    return [Paragraph("<br/>".join(lines), layout.styles["pre"])]


def _figure(node: Node, layout: Layout) -> list[Any]:
    from reportlab.platypus import KeepTogether

    pictures = [node] if node.tag == "img" else list(node.nodes("img"))
    parts = [picture_of(picture, layout) for picture in pictures]
    for caption in node.nodes("figcaption"):
        parts += _paragraph(caption.children, "figcaption", layout)
    return [KeepTogether(parts)] if parts else []


def picture_of(node: Node, layout: Layout) -> Any:
    """A picture as wide as the text at most: a PDF keeps its lines and words, another its pixels."""
    from reportlab.lib.utils import ImageReader
    from reportlab.platypus import Image

    source = node.attributes.get("src", "")
    if source.endswith(".pdf"):
        return placed_pdf(_beside(source, layout.folder, node), (layout.width, layout.height), layout.placed)
    data = io.BytesIO(_bytes(source, layout.folder, node))
    width, height = ImageReader(data).getSize()
    scale = min(layout.width / width, layout.height / height, 0.75)  # 96 pixels an inch at most
    data.seek(0)
    return Image(data, width * scale, height * scale)


def _bytes(source: str, folder: Path, node: Node) -> bytes:
    if source.startswith("data:image/"):
        return base64.b64decode(source.partition("base64,")[2])
    return _beside(source, folder, node).read_bytes()


def _beside(source: str, folder: Path, node: Node) -> Path:
    path = folder / source
    if "://" in source or not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        raise InputError(
            "a picture cannot be printed", where=f"line {node.line} of the page", got=source[:80],
            expected=f"a file below {folder}",
        )  # fmt: skip
    return path
