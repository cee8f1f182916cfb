"""Section of the training: a few places as the network saw, was told and said them, at several moments."""

from pathlib import Path
from typing import Any

import numpy as np

from l2h.core.legend import load_legend
from l2h.report.pictures import class_picture, data_uri, image_picture, jpeg, png
from l2h.report.settings import PageSettings
from l2h.report.workspace import Workspace

FILE = "train/album.npz"


def album_values(space: Workspace, settings: PageSettings, public: bool) -> dict[str, Any] | None:
    """Values of the section, None in a workspace without pictures. A public page shows no imagery it may not show."""
    path = space.work / FILE
    if not path.is_file():
        return None
    return album_view(path, show_image=not public or settings.may_show("imagery"))


def album_view(path: Path, show_image: bool) -> dict[str, Any]:
    """Per place its pictures in order: image, label, and what the network said after each number of steps."""
    legend = load_legend("sinolc1")
    with np.load(path, allow_pickle=False) as file:
        images, seen, labels, steps, told = (file[n] for n in ("image", "valid", "label", "steps", "prediction"))
    places = []
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        bands = image[:3] if len(image) >= 3 else np.repeat(image[:1], 3, axis=0)
        panels = [("Image", jpeg(image_picture(bands, seen[number])))] if show_image else []
        panels.append(("Learned from", png(class_picture(label, legend))))
        panels += [
            (f"After {step} step{'s' if step != 1 else ''}", png(class_picture(said[number], legend)))
            for step, said in zip(steps.tolist(), told, strict=True)
        ]
        places.append([{"title": title, "uri": data_uri(data), "crisp": title != "Image"} for title, data in panels])
    return {"places": places}
