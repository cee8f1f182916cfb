"""One chosen window: every layer of it as a picture."""

from pathlib import Path

import numpy as np

from l2h.accuracy.truth import Truth
from l2h.core.files import write_bytes
from l2h.core.grid import Grid, Window
from l2h.core.legend import load_crosswalk, load_legend
from l2h.core.raster import BlockStore, open_raster
from l2h.core.tasks import Made
from l2h.report.pictures import RGB, class_picture, confidence_picture, image_picture, jpeg, png

Products = tuple[tuple[str, str], ...]  # name, legend


def panel_names(products: Products, truth: bool) -> list[str]:
    """Files of a window, in the order they are shown."""
    classes = [*(f"product-{name}.png" for name, _ in products), "label.png", "map.png", "confidence.png"]
    return ["image.jpg", *classes, *(["truth.png"] if truth else [])]


def draw_window(
    work: Path, grid: Grid, block_px: int, window: Window, products: Products, truth: Path | None, folder: Path
) -> Made:
    """Write the pictures `panel_names` lists, one pixel a pixel of the lattice."""

    def read(name: str) -> tuple[np.ndarray, np.ndarray]:
        store = BlockStore(work / name, grid, block_px)
        patch = store.read(window)
        store.close()
        return patch.values, patch.valid

    legend = load_legend("sinolc1")
    bands, valid = read("layers/imagery")
    mapped = read("map")[0]
    pictures: dict[str, RGB] = {"image.jpg": image_picture(bands, valid)}
    for name, source in products:
        codes = load_crosswalk(source).primary_lut[read(f"layers/{name}")[0][0]]
        pictures[f"product-{name}.png"] = class_picture(codes, legend)
    pictures["label.png"] = class_picture(read("labels/label")[0][0], legend)
    pictures["map.png"] = class_picture(mapped[0], legend)
    pictures["confidence.png"] = confidence_picture(mapped[1], mapped[0] > 0)
    if truth is not None:
        pictures["truth.png"] = class_picture(_read_truth(truth, grid, window), legend)
    for name, picture in pictures.items():
        write_bytes(folder / name, jpeg(picture) if name.endswith(".jpg") else png(picture))
    return Made()


def _read_truth(path: Path, grid: Grid, window: Window) -> np.ndarray:
    """uint8 [H, W], 0 where it has none."""
    with open_raster(path) as dataset:
        patch = Truth(dataset, grid).read(window)
    return np.where(patch.valid, patch.values[0], 0).astype("uint8")
