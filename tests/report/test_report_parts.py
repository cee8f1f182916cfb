"""The small pure parts: sums on cells, choice of windows, pictures, costs, numbers, curves."""

import io
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from l2h.accuracy.sampling.design import DESIGNS
from l2h.core.errors import InputError
from l2h.core.grid import Grid, Window
from l2h.core.ledger import Record
from l2h.core.legend import load_legend
from l2h.report import numbers
from l2h.report.choice import Candidate, choose, diversity
from l2h.report.costs import holes_of, stage_costs
from l2h.report.curves import curves_svg, read_log, series
from l2h.report.designs import ERRORS, explanation, headline_words
from l2h.report.digest import candidate_step, candidates, cell_sums, corner_values, overview_factor, page_factor
from l2h.report.pictures import borders, class_picture, confidence_picture, data_uri, image_picture, jpeg, png
from l2h.report.view import facts, matrix_view

LEGEND = load_legend("sinolc1")


def grid(height, width):
    return Grid("EPSG:32650", 500_000.0, 4_000_000.0, 1.0, height, width)


def test_sums_of_cells_cut_by_the_window():
    values = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    # rows 1:4 and columns 0:3 of the lattice, cells of 2: rows {1}, {2, 3}; columns {0, 1}, {2}
    assert cell_sums(values, Window(1, 4, 0, 3), 2).tolist() == [[3, 3], [24, 15]]


def test_first_pixel_of_each_cell():
    values = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    assert corner_values(values, Window(1, 4, 0, 3), 2).tolist() == [[0, 0], [4, 6]]


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 5), st.integers(0, 8), st.integers(0, 8))
def test_parts_of_a_window_add_to_the_whole(height, width, factor, row, col):
    values = np.arange(height * width).reshape(height, width)
    whole = Window(3, 3 + height, 5, 5 + width)
    expected = cell_sums(values, whole, factor)
    total = np.zeros_like(expected)
    for rows in (slice(0, min(row, height)), slice(min(row, height), height)):
        for cols in (slice(0, min(col, width)), slice(min(col, width), width)):
            part = Window(3 + rows.start, 3 + rows.stop, 5 + cols.start, 5 + cols.stop)
            if not part.empty:
                place = part.coarsen(factor).slices_in(whole.coarsen(factor))
                total[place] += cell_sums(values[rows, cols], part, factor)
    assert (total == expected).all()


def test_a_large_country_has_a_bounded_overview_and_choice():
    nation = grid(5_000_000, 6_000_000)
    assert nation.coarsen(page_factor(nation)).width <= 1000
    assert nation.coarsen(overview_factor(nation)).width <= 2000
    assert len(list(nation.tiles(candidate_step(nation, 384)))) <= 4200


def test_candidates_are_the_lattices_own():
    found = list(candidates(grid(50, 50), 20, Window(30, 50, 0, 20)))
    assert found == [Window(20, 40, 0, 20), Window(40, 50, 0, 20)]


def candidate(row, classes, cities):
    return Candidate(Window(row, row + 10, 0, 10), classes, cities)


def test_the_most_diverse_window_of_each_city_is_chosen():
    plain, mixed = candidate(0, {2: 100}, {1: 100}), candidate(10, {2: 50, 9: 50}, {1: 100})
    other, outside = candidate(20, {5: 100}, {2: 60, 1: 40}), candidate(30, {5: 50, 6: 50}, {})
    assert choose([plain, outside, other, mixed], 10, 8) == [(1, mixed), (2, other)]
    assert choose([plain, outside, other, mixed], 10, 1) == [(1, mixed)]


def test_a_window_half_empty_counts_half():
    full, half = candidate(0, {2: 60, 9: 40}, {1: 100}), candidate(10, {2: 25, 9: 25}, {1: 100})
    assert choose([half, full], 10, 1) == [(1, full)]


def test_equal_windows_go_by_place():
    first, second = candidate(0, {2: 100}, {1: 100}), candidate(10, {9: 100}, {1: 100})
    assert choose([second, first], 10, 1) == [(1, first)]


def test_an_enclave_gets_the_window_with_most_of_it():
    a, b = candidate(0, {2: 50, 9: 50}, {1: 90, 2: 10}), candidate(10, {2: 100}, {1: 70, 2: 30})
    c = candidate(20, {2: 100}, {1: 95, 2: 5})
    assert choose([a, b, c], 10, 8) == [(1, a), (2, b)]
    assert choose([a], 10, 8) == [(1, a)]


@given(st.dictionaries(st.integers(1, 12), st.integers(1, 1000), max_size=11))
def test_diversity_is_at_most_that_of_equal_shares(classes):
    assert 0 <= diversity(classes) <= np.log(max(1, len(classes))) + 1e-9


def opened(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def test_class_colours_survive_the_file():
    codes = np.array([[1, 2, 9], [12, 6, 5]], "uint8")
    assert (opened(png(class_picture(codes, LEGEND))) == LEGEND.rgb[codes]).all()


def test_nodata_is_hatched_in_every_picture():
    nothing = np.zeros((6, 6), bool)
    pictures = [
        class_picture(np.zeros((6, 6), "uint8"), LEGEND),
        image_picture(np.zeros((3, 6, 6), "uint8"), nothing),
        confidence_picture(np.zeros((6, 6), "uint8"), nothing),
    ]
    for picture in pictures:
        assert sorted({tuple(p) for p in picture.reshape(-1, 3).tolist()}) == [(222,) * 3, (255,) * 3]


def test_black_pixels_of_an_image_are_no_nodata():
    assert not image_picture(np.zeros((3, 2, 2), "uint8"), np.ones((2, 2), bool)).any()


def test_one_band_is_shown_in_grey():
    assert image_picture(np.full((1, 1, 1), 7, "uint8"), np.ones((1, 1), bool)).tolist() == [[[7, 7, 7]]]


def test_borders_run_between_cities():
    assert borders(np.array([[1, 1, 2]])).tolist() == [[False, True, True]]
    assert not borders(np.ones((3, 3), int)).any()


def test_pictures_stand_in_the_page():
    picture = np.zeros((2, 2, 3), "uint8")
    assert data_uri(png(picture)).startswith("data:image/png;base64,iVBOR")
    assert data_uri(jpeg(picture)).startswith("data:image/jpeg;base64,/9j/")


def test_costs_add_up_by_stage_in_the_order_of_the_chain():
    records = [
        Record("map/b", "x", info={"seconds": 1.5, "pixels": 3_000_000, "peak_mb": 90}),
        Record("map/a", "x", holes=({"where": "w", "reason": "r"},), info={"seconds": 0.5, "pixels": 1, "peak_mb": 70}),
        Record("layers/a", "x", info={"seconds": 0.0, "pixels": 0, "peak_mb": 5}),
        Record("map/c", "x", info={"seconds": 99.0}, failed="it broke"),
        Record("report/page", "x", info={"seconds": 99.0}),
    ]
    layers, mapped = stage_costs(records, ("layers", "map"))
    assert (mapped["name"], mapped["tasks"], mapped["seconds"], mapped["peak_mb"]) == ("map", 2, 2.0, 90)
    assert mapped["mpx_s"] == pytest.approx(1.5000005)
    assert (layers["name"], layers["mpx_s"]) == ("layers", None)
    assert holes_of(records) == [{"task": "map/a", "where": "w", "reason": "r"}]


def estimate(value, error=0.01, design="simple_random", low=0.7, high=0.9):
    return {"value": value, "standard_error": error, "design": design, "low": low, "high": high, "n": 9}


def test_numbers_as_people_read_them():
    assert numbers.plus_minus(estimate(0.8)) == "80.0 ± 1.0"
    assert numbers.plus_minus(estimate(0.8, 0.0, "census")) == "80.0"
    assert numbers.plus_minus(estimate(1.0, 0.0)) == "100.0"
    assert numbers.plus_minus(estimate(None, None)) == "–"
    assert numbers.interval(estimate(0.8)) == "70.0 to 90.0"
    assert numbers.interval(estimate(0.8, design="census")) == ""
    assert numbers.decimal(estimate(0.6595, 0.0016)) == "0.659 ± 0.002"
    assert numbers.rate(None) == "–"
    assert (numbers.memory(999), numbers.memory(2048)) == ("999 MB", "2.0 GB")
    assert numbers.scale_bar(384, 1.0)[1] == "100 m"
    assert numbers.scale_bar(1000, 6000.0)[1] == "2000 km"


def test_confusion_shares_are_of_the_reference_class():
    counts = np.zeros((11, 12), int)
    counts[0, 0], counts[0, 5], counts[0, 11] = 6, 3, 1
    view = matrix_view({"counts": counts.tolist()}, LEGEND)
    assert [h["label"] for h in view["heads"]] == ["Traffic route", "Building", "no map"]
    assert [c["share"] for c in view["rows"][0]["cells"]] == [0.6, 0.3, 0.1]
    assert view["rows"][1]["total"] == 0


def test_facts_are_flat():
    assert facts({"a_b": {"c": 1.23456789, "d": [1, 2]}, "e": None}) == [("a b · c", "1.23457"), ("a b · d", "1, 2")]


LOG = [
    {"step": 10, "loss": 2.0, "cell": 1.0, "rate": 0.1, "seconds": 1},
    {"step": 20, "loss": float("nan"), "cell": 0.5, "rate": 0.1, "seconds": 2},
    {"step": 20, "agreement": 0.7, "miou": None, "held_out_places": 12, "seconds": 2},
]


def test_curves_of_a_log():
    assert series(LOG, True) == {"loss": ([10], [2.0]), "cell": ([10, 20], [1.0, 0.5])}
    assert series(LOG, False) == {"agreement": ([20], [0.7])}


def test_curves_are_the_same_bytes_and_well_formed():
    svg = curves_svg(LOG)
    assert svg == curves_svg(LOG)
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert "<metadata>" not in svg


def test_an_empty_log_has_no_curves():
    assert curves_svg([]) == ""


def test_a_torn_log_line_is_named(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": 1, "loss": 1.0}\n{"step": 2, "lo', "utf-8")
    with pytest.raises(InputError, match="line 2"):
        read_log(path)


def reference(design, **more):
    return {"name": "points", "design": design, "n": 9} | more


def test_an_accuracy_is_worded_by_its_design():
    assert headline_words(reference("stratified"))["unit"] == "points, stratified sample"
    assert headline_words(reference("two_stage"))["unit"] == "points, two-stage sample"
    assert headline_words(reference("census"))["short"] == "counted wall to wall"
    assert "interval" in headline_words(reference("none"))["unit"]
    assert "±" in explanation(reference("systematic"))
    assert "±" not in explanation(reference("none")) + explanation(reference("census"))
    assert set(ERRORS) == {*DESIGNS, "none", "census"}


def test_a_refusal_is_printed():
    from l2h.report.page import environment

    parts = environment().get_template("parts.html.j2").module
    view = {"title": "At points", "n": 1, "census": False, "explanation": "e", "refused": "Intervals refused: why"}
    view |= {"maps": [], "provinces": [], "classes": [], "matrix": {"heads": [], "rows": []}, "adjusted": None}
    assert '<p class="warning">Intervals refused: why</p>' in str(parts.reference(view))
