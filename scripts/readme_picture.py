#!/usr/bin/env python3
"""The picture of the README, from a finished project with a known truth.

python scripts/readme_picture.py demo docs/images/toy.png --row 900 --col 1300 --side 640
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from l2h.core.grid import Window
from l2h.core.legend import load_crosswalk, load_legend
from l2h.core.raster import open_raster, read_window
from l2h.pipeline import Pipeline
from l2h.report.pictures import class_picture, confidence_picture, image_picture

GAP, CAPTION = 8, 30


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    parser.add_argument("out", type=Path)
    for name in ("row", "col", "side"):
        parser.add_argument(f"--{name}", type=int, required=True)
    options = parser.parse_args()
    window = Window(options.row, options.row + options.side, options.col, options.col + options.side)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    sheet(panels(options.project, window)).quantize(256, dither=Image.Dither.NONE).save(options.out, optimize=True)
    return 0


def panels(project: Path, window: Window) -> list[tuple[str, np.ndarray]]:
    """Caption and picture of each panel."""
    pipeline, legend = Pipeline.open(project), load_legend("sinolc1")
    with pipeline.context("serial", 1) as context:
        image = context.store("layers/imagery").read(window)
        product = pipeline.project.products[0]
        codes = context.store(f"layers/{product.name}").read(window).values[0]
        label = context.store("labels/label").read(window).values[0]
        mapped = context.store("map").read(window).values
    with open_raster(pipeline.folder / "truth" / "truth.tif") as data:
        truth = read_window(data, window).values[0]
    return [
        ("picture, 1 m", image_picture(image.values, image.valid)),
        ("a 10 m product", class_picture(load_crosswalk(product.legend).primary_lut[codes], legend)),
        ("training labels", class_picture(label, legend)),
        ("the map, 1 m", class_picture(mapped[0], legend)),
        ("its confidence", confidence_picture(mapped[1], mapped[0] > 0)),
        ("hidden truth", class_picture(truth, legend)),
    ]


def sheet(found: list[tuple[str, np.ndarray]]) -> Image.Image:
    """Panels in two rows of three, each with its caption."""
    side = found[0][1].shape[0]
    picture = Image.new("RGB", (3 * side + 2 * GAP, 2 * (side + CAPTION)), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(18)
    for number, (caption, panel) in enumerate(found):
        x, y = (number % 3) * (side + GAP), (number // 3) * (side + CAPTION)
        picture.paste(Image.fromarray(panel), (x, y + CAPTION))
        pen.text((x, y + 4), caption, fill=(40, 40, 40), font=font)
    return picture


if __name__ == "__main__":
    sys.exit(main())
