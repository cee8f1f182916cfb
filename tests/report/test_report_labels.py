"""The section of the labels."""

from l2h.core.legend import coarse_legend
from l2h.report.label_quality import label_view
from l2h.report.page import environment

QUALITY = {
    "method": "posterior",
    "cells": {"spoken": 8, "kept": 6, "silent": 2},
    "kept_share": 0.75,
    "expected": 0.9,
    "expected_all": 0.8,
    "classes": [{"value": 6, "cells": 8, "kept": 6, "expected": 0.9}],
    "reliability": {"bin": 5, "cells": [0] * 18 + [2, 6]},
    "agreement": {
        "all": {"cells": 4, "agree": 1},
        "pairs": [{"first": "a", "second": "b", "cells": 4, "agree": 1}],
    },
    "pixels": {"none": 1, "products": 6, "road": 1, "footprint": 1, "ring": 1},
}
CENSUS = {"value": 0.875, "standard_error": 0.0, "low": None, "high": None, "n": 8, "design": "census"}
PLACE = {"level": "nation", "coarse": {"mapped": CENSUS | {"value": 0.7}, "where_mapped": CENSUS}}
ACCURACY = {
    "references": [{"name": "truth", "design": "census", "n": 8, "maps": [{"kind": "label", "places": [PLACE]}]}]
}


def test_what_labels_tell_and_what_the_truth_says_of_them():
    view = label_view(QUALITY, ACCURACY, coarse_legend())
    assert (view["kept"], view["silent"], view["all_agree"]) == (0.75, 0.2, 0.25)
    assert view["classes"][0]["label"].startswith("Built-up")
    assert [bar["height"] for bar in view["bars"][-2:]] == [2 / 6, 1.0]
    assert dict(view["sources"])["the products"] == 0.6
    html = environment().get_template("sections/labels.html.j2").render(v=view)
    assert "87.5 <span" in html
    assert "70.0 % are labelled" in html


def test_without_reference_nothing_says_how_right_they_are():
    view = label_view(
        QUALITY | {"agreement": {"all": {"cells": 0, "agree": 0}, "pairs": []}}, {"references": []}, coarse_legend()
    )
    assert view["references"] == []
    html = environment().get_template("sections/labels.html.j2").render(v=view)
    assert "Products agree" not in html
    assert "Right " not in html
