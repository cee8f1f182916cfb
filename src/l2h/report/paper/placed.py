"""Vector figures: a place is kept on the page, and the figure's own PDF is laid into it when all pages are made."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Placed:
    """A figure on a page: page number from 0, lower left corner and scale, in points."""

    path: Path
    page: int
    x: float
    y: float
    scale: float


def placed_pdf(path: Path, room: tuple[float, float], placed: list[Placed]) -> Any:
    """A flowable that keeps the place of the first page of a PDF, no larger than it is and than the room."""
    from pypdf import PdfReader
    from reportlab.platypus import Flowable

    box = PdfReader(path).pages[0].mediabox
    width, height = float(box.width), float(box.height)
    scale = min(1.0, room[0] / width, room[1] / height)

    class Place(Flowable):  # type: ignore[misc]  # reportlab has no types
        def __init__(self) -> None:
            super().__init__()
            self.width, self.height = width * scale, height * scale

        def draw(self) -> None:
            x, y = self.canv.absolutePosition(0, 0)
            placed.append(Placed(path, self.canv.getPageNumber() - 1, x, y, scale))

    return Place()


def lay_in(pages: Any, placed: list[Placed]) -> None:
    """Lay every figure into its place. pages : the pages of a pypdf writer"""
    from pypdf import PdfReader, Transformation

    for one in placed:
        figure = PdfReader(one.path).pages[0]
        pages[one.page].merge_transformed_page(figure, Transformation().scale(one.scale).translate(one.x, one.y))
