"""Figures show what their data files say, and only what may be passed on."""

import csv
import io
import json
from collections import Counter

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from PIL import Image
from pypdf import PdfReader

from l2h.core.files import read_json
from l2h.core.grid import Grid, Window
from l2h.core.legend import load_legend
from l2h.report.digest import cell_dtype, overview_factor, tile_counts, tile_px
from l2h.report.figures import capture, graticule, nation, places, plate, provinces
from l2h.report.figures.outlines import read_outlines
from l2h.report.figures.plate import style
from l2h.report.figures.tasks import FIGURES, copy_figures, published
from l2h.report.overview import Overview, Sums

LEGEND = load_legend("sinolc1")


@pytest.fixture(scope="module")
def folder(workspace):
    return workspace.work / "report" / "figures"


@pytest.fixture(scope="module")
def overview(workspace):
    return Overview.load(workspace.work / "report" / "overview.npz")


@pytest.fixture(scope="module")
def outlines(workspace):
    return read_outlines(workspace.work, workspace.grid)


def test_every_figure_is_there_with_its_data_and_beside_the_release(workspace, folder):
    for spec in FIGURES:
        assert {p.name for p in folder.glob(f"{spec.stem}.*")} == set(spec.files)
        for name in spec.files:
            copy = workspace.project_dir / "release/1.0/figures" / name
            assert copy.read_bytes() == (folder / name).read_bytes()


def test_words_of_a_figure_are_words_and_its_pixels_are_fine_enough(folder):
    for spec in FIGURES:
        page = PdfReader(folder / f"{spec.stem}.pdf").pages[0]
        width_in = float(page.mediabox.width) / 72
        with Image.open(folder / f"{spec.stem}.png") as picture:
            assert picture.width == pytest.approx(300 * width_in, abs=2)
    assert "Regions" in PdfReader(folder / "regions-and-accuracy.pdf").pages[0].extract_text()


def test_the_national_map_is_its_raster(workspace, folder, overview, outlines):
    with rasterio.open(folder / "national-map.tif") as file:
        codes = file.read(1)
    with style():
        figure = nation.nation_figure(overview, workspace.grid, outlines, LEGEND)
    drawn = np.asarray(figure.axes[0].images[0].get_array())
    inside = (codes > 0) & (overview.city > 0)
    assert inside.any()
    assert (drawn[inside] == LEGEND.rgb[codes[inside]]).all()
    assert (drawn[overview.city == 0] == 255).all()
    told = read_json(folder / "national-map.json")
    assert {r["value"]: r["cells"] for r in told["classes"] if r["cells"]} == Counter(codes[codes > 0].tolist())
    assert told["cells_without_class"] == ((codes == 0) & (overview.city > 0)).sum() > 0


def test_provinces_show_the_numbers_of_their_table(workspace, folder, outlines):
    rows = list(csv.DictReader(io.StringIO((folder / "regions-and-accuracy.csv").read_text("utf-8"))))
    assert [(r["province"], r["design"]) for r in rows] == [("East", "simple_random"), ("West", "simple_random")]
    accuracy = read_json(workspace.work / "assess/accuracy.json")
    made = provinces.province_rows(accuracy, read_json(workspace.work / "layers/regions.json"))
    with style():
        figure = provinces.province_figure(made, workspace.grid, outlines)
    words = {text.get_text() for text in figure.axes[1].texts}
    for row in rows:
        number, error = 100 * float(row["overall_accuracy"]), 100 * float(row["standard_error"])
        assert f"{row['province']}\n{number:.1f} ± {error:.1f}" in words


def test_provinces_that_were_not_assessed_are_hatched_and_have_no_number(workspace, outlines):
    regions = read_json(workspace.work / "layers/regions.json")
    rows = provinces.province_rows({"references": []}, regions)
    assert [row["overall_accuracy"] for row in rows] == [None, None]
    with style():
        figure = provinces.province_figure(rows, workspace.grid, outlines)
    assert figure.axes[1].get_title(loc="left") == "(b) Overall accuracy: not assessed"
    assert [p.get_hatch() for p in figure.axes[1].patches] == ["////", "////"]


def test_bars_of_capture_times_are_their_data(workspace, folder, overview, outlines):
    data = read_json(folder / "capture-time.json")
    assert [row["year"] for row in data["years"]] == ["2020", "undated"]
    assert data["undated_share"] == pytest.approx(data["years"][1]["pixels"] / sum(y["pixels"] for y in data["years"]))
    with rasterio.open(folder / "capture-time.tif") as file:
        stamps = file.read(1)
    assert set(np.unique(stamps)) == {0, 202005}
    with style():
        figure = capture.capture_figure(data, stamps, overview.scene, workspace.grid, outlines)
        years, months = (axes for part in figure.subfigs[1:] for axes in part.axes)
    assert [bar.get_height() for bar in years.patches] == [row["tiles"] for row in data["years"]]
    assert [round(bar.get_height()) for bar in months.patches] == [0, 0, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0]
    assert years.patches[1].get_hatch() == "//////"
    picture = np.asarray(figure.axes[0].images[0].get_array())
    assert to_hex(picture[stamps == 202005][0] / 255) == to_hex(years.patches[0].get_facecolor())


def test_a_tile_counts_for_the_year_of_most_of_its_pixels():
    tiles = {"side": 10, "tiles": [[0, 0, 1, 60], [0, 0, 2, 40], [0, 1, 2, 50], [0, 1, 3, 50], [1, 1, 9, 100]]}
    data = capture.capture_data(tiles, {1: 202012, 2: 202101, 3: 0})
    assert data["years"] == [
        {"year": "2020", "tiles": 1, "pixels": 60},
        {"year": "2021", "tiles": 1, "pixels": 90},
        {"year": "undated", "tiles": 1, "pixels": 150},
    ]
    assert data["undated_share"] == 0.5
    assert [row["pixels"] for row in data["months"]] == [90, *[0] * 10, 60]


def test_the_table_of_places_counts_the_pixels_that_are_drawn(workspace, folder):
    rows = list(csv.DictReader(io.StringIO((folder / "sample-areas.csv").read_text("utf-8"))))
    windows = read_json(workspace.work / "report/windows.json")["windows"]
    assert [row["city"] for row in rows] == ["Ava", "Bo"]
    shown = [(w["city"], Window(*w["window"])) for w in windows]
    with style():
        found = places.read_places(workspace.work, workspace.grid, workspace.block_px, shown)
        figure = places.pair_figure(found, workspace.grid)
    for row, place, axes in zip(rows, found, figure.axes[1::2], strict=True):
        drawn = np.asarray(axes.images[0].get_array()).reshape(-1, 3)
        for land in LEGEND.classes:
            assert int(row[land.name]) == (drawn == LEGEND.rgb[land.value]).all(1).sum()
        assert row["image_date"] == place.date
    assert {row["image_date"] for row in rows} <= {"2020-05-01", "undated"}


def test_pixels_of_images_go_when_their_right_goes(tmp_path):
    source, target = tmp_path / "work", tmp_path / "release"
    source.mkdir()
    for name in published(True):
        (source / name).write_bytes(name.encode())
    copy_figures(source, published(True), target)
    assert (target / "image-and-result.png").is_file()
    copy_figures(source, published(False), target)
    assert sorted(p.name for p in target.iterdir()) == sorted(published(False))
    assert not any(name.startswith("image-and-result") for name in published(False))


def test_lines_of_a_map_in_degrees_stand_where_they_are():
    meridians, parallels = graticule.graticule("EPSG:4326", (112.49, 29.9, 112.61, 30.1))
    assert [line.label for line in meridians] == ["112°30′E", "112°32′E", "112°34′E", "112°36′E"]
    for line in meridians:
        assert line.meets == pytest.approx(line.degrees)
    assert all(line.meets == pytest.approx(line.degrees) for line in parallels)


def test_the_central_meridian_of_a_zone_is_straight_and_north_is_up_on_it():
    bounds = (400_000.0, 3_300_000.0, 600_000.0, 3_500_000.0)
    meridians, _ = graticule.graticule("EPSG:32650", bounds)
    middle = next(line for line in meridians if line.label == "117°E")
    assert middle.meets == pytest.approx(500_000)
    assert graticule.north_angle("EPSG:32650", bounds) == pytest.approx(0, abs=1e-6)
    assert graticule.north_angle("EPSG:32650", (700_000.0, *bounds[1:3], 3_500_000.0)) < 0


@given(st.floats(1e-4, 300))
def test_there_are_two_lines_at_least_and_not_many(span):
    step = graticule.step(span)
    assert span * 3600 / step >= 2 or step == 1
    assert span * 3600 / step < 11 or step == graticule.SECONDS[0]


def test_sums_on_larger_cells_are_those_of_their_parts():
    grid = Grid("EPSG:32650", 0.0, 0.0, 1.0, 5, 3)
    sums = Sums(grid, LEGEND)
    sums.fields["seen"] += np.arange(15, dtype="uint32").reshape(5, 3)
    sums.fields["city"] += np.arange(15, dtype="uint32").reshape(5, 3)
    halved = sums.halved()
    assert halved["seen"].tolist() == [[0 + 1 + 3 + 4, 2 + 5], [6 + 7 + 9 + 10, 8 + 11], [12 + 13, 14]]
    assert halved["city"].tolist() == [[0, 2], [6, 8], [12, 14]]


def test_sums_on_larger_cells_do_not_overflow():
    sums = Sums(Grid("EPSG:32650", 0.0, 0.0, 1.0, 4, 6_000_000), LEGEND)  # cells of 3000 px, pages of 6000 px
    assert (sums.factor, sums.fields["seen"].dtype) == (3000, np.uint32)
    sums.fields["image"] += np.uint32(255 * 3000**2)
    assert sums.halved()["image"][0, 0, 0] == 2 * 255 * 3000**2  # one row of cells: two of four are there


def test_sums_of_a_country_stay_small_and_cannot_overflow():
    nation_grid = Grid("EPSG:32650", 0.0, 0.0, 1.0, 5_000_000, 6_000_000)
    factor = overview_factor(nation_grid)
    cells = nation_grid.coarsen(factor)
    assert cells.height * cells.width * 18 * cell_dtype(factor)().itemsize < 300e6
    assert np.iinfo(cell_dtype(factor)).max >= 255 * factor**2
    assert cell_dtype(5000) is np.uint64
    assert tile_px(nation_grid) == 6000


@given(st.integers(0, 9), st.integers(0, 9))
def test_tiles_cut_by_blocks_add_up(row, col):
    scenes = (np.arange(100).reshape(10, 10) % 4).astype("uint16")
    total: Counter = Counter()
    for rows in ((0, row), (row, 10)):
        for cols in ((0, col), (col, 10)):
            window = Window(*rows, *cols)
            if not window.empty:
                total.update(tile_counts(scenes[slice(*rows), slice(*cols)], window, 4))
    assert total == Counter(tile_counts(scenes, Window(0, 10, 0, 10), 4))
    assert sum(total.values()) == (scenes > 0).sum()


def test_data_of_figures_is_plain_json(folder):
    for path in folder.glob("*.json"):
        assert json.loads(path.read_text("utf-8"))


@pytest.mark.parametrize(
    ("words", "info"),
    [("Wuhan", {}), ("武汉市", {"notice": "figure 'f': no font here has 市武汉; they are drawn as boxes"})],
)
def test_words_that_no_font_here_has_are_told(words, info, tmp_path, monkeypatch):
    monkeypatch.setattr(plate, "installed", dict)
    with plate.style():
        figure = plate.new_figure(1.0)
        figure.text(0.1, 0.5, words)
        told = plate.save(figure, tmp_path, "f")
    assert {key: text.split("; install")[0] for key, text in told.items()} == info
    assert (tmp_path / "f.png").stat().st_size > 100
