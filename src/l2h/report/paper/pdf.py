"""HTML in, PDF out."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from l2h.core.files import write_bytes
from l2h.report.paper.flow import Layout, flow
from l2h.report.paper.fonts import left_to_readers, marked
from l2h.report.paper.markup import parse
from l2h.report.paper.placed import Placed, lay_in
from l2h.report.paper.styles import DIM, LINE, MARGIN_MM, PAGE_MM, styles
from l2h.report.typeface import told

POINTS = 72 / 25.4  # of a millimetre
FRAME_PAD = 6.0  # what reportlab keeps free inside a frame


@dataclass(frozen=True)
class Cover:
    """What a PDF says of itself: title, author, and the line at the foot of its pages."""

    title: str
    author: str = ""
    foot: str = ""


def write_pdf(html: str, out: Path, folder: Path, cover: Cover) -> int:
    """Print a page of plain HTML; how many sheets. The same page gives the same bytes.

    html   : tags of `markup.KNOWN`; pictures as data or as files below `folder`, vector figures as PDF
    InputError for what cannot be printed, with its line.
    """
    data, placed = _pages(html, folder, cover)
    finished, sheets = _finished(data, placed)
    write_bytes(out, finished)
    return sheets


def left_out(html: str, name: str) -> dict[str, str]:
    """A notice of the characters that a PDF of this page leaves to the reader's program, if there are any."""
    return told(name, left_to_readers(html), "they take a font of the reader's program")


def _pages(html: str, folder: Path, cover: Cover) -> tuple[bytes, list[Placed]]:
    from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate

    margin = MARGIN_MM * POINTS
    page = PAGE_MM[0] * POINTS, PAGE_MM[1] * POINTS
    inner = page[0] - 2 * margin, page[1] - 2 * margin
    layout = Layout(inner[0], inner[1] - 60, styles(), folder, [])  # a caption fits below the tallest figure
    out = io.BytesIO()

    class Document(BaseDocTemplate):  # type: ignore[misc]  # reportlab has no types
        def afterFlowable(self, flowable: Any) -> None:  # noqa: N802 - reportlab's name
            if hasattr(flowable, "outline"):
                text, level = flowable.outline
                key = f"h{self.seq.nextf('heading')}"
                self.canv.bookmarkPage(key)
                self.canv.addOutlineEntry(text, key, max(0, level - 1), closed=False)

    frame = Frame(margin - FRAME_PAD, margin - FRAME_PAD, inner[0] + 2 * FRAME_PAD, inner[1] + 2 * FRAME_PAD)
    document = Document(
        out, pagesize=page, title=cover.title, author=cover.author, creator="l2h", invariant=1,
        pageTemplates=[PageTemplate(frames=[frame], onPage=lambda canvas, _: _foot(canvas, cover))],
    )  # fmt: skip
    document.build(flow(parse(html), layout))
    return out.getvalue(), layout.placed


def _foot(canvas: Any, cover: Cover) -> None:
    from reportlab.lib.colors import HexColor
    from reportlab.platypus import Paragraph

    left, right = MARGIN_MM * POINTS, (PAGE_MM[0] - MARGIN_MM) * POINTS
    y = 0.55 * left
    canvas.setStrokeColor(HexColor(LINE))
    canvas.setLineWidth(0.5)
    canvas.line(left, y + 11, right, y + 11)
    words = Paragraph(marked(cover.foot), styles()["foot"])
    words.wrap(right - left - 40, 12)
    words.drawOn(canvas, left, y - 2)
    canvas.setFillColor(HexColor(DIM))
    canvas.setFont("text0", 8.5)
    canvas.drawRightString(right, y, str(canvas.getPageNumber()))


def _finished(data: bytes, placed: list[Placed]) -> tuple[bytes, int]:
    """The pages with their figures laid in, and how many they are."""
    from pypdf import PdfWriter

    writer = PdfWriter(clone_from=io.BytesIO(data))
    lay_in(writer.pages, placed)
    for page in writer.pages:
        page.compress_content_streams()
    writer.compress_identical_objects()
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue(), len(writer.pages)
