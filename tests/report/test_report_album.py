"""The section with pictures of the training."""

import numpy as np

from l2h.report.album import album_view
from l2h.report.page import environment


def write(folder, bands=3):
    path = folder / "album.npz"
    classes = np.full((2, 4, 4), 9, "uint8")
    np.savez_compressed(
        path,
        image=np.full((2, bands, 4, 4), 90, "uint8"),
        valid=np.ones((2, 4, 4), bool),
        label=classes,
        steps=np.array([1, 12]),
        prediction=np.stack([classes, classes]),
    )
    return path


def test_each_place_shows_image_label_and_every_moment(tmp_path):
    view = album_view(write(tmp_path), show_image=True)
    assert [[p["title"] for p in place] for place in view["places"]] == [
        ["Image", "Learned from", "After 1 step", "After 12 steps"]
    ] * 2
    html = environment().get_template("sections/album.html.j2").render(v=view)
    assert html.count("<img") == 8


def test_a_public_page_may_leave_the_image_out(tmp_path):
    view = album_view(write(tmp_path, bands=1), show_image=False)
    assert view["places"][0][0]["title"] == "Learned from"
