"""The page itself: files of the workspace in, one HTML file out."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import l2h
from l2h.core.files import read_json, write_text
from l2h.core.grid import Grid
from l2h.core.legend import load_legend
from l2h.core.tasks import Made
from l2h.report import numbers
from l2h.report.curves import curves_svg, read_log
from l2h.report.digest import page_factor
from l2h.report.pictures import data_uri, ramp
from l2h.report.sections import shown
from l2h.report.settings import PageSettings
from l2h.report.view import areas_view, facts, headline, hexcolour, legend_view, reference_view
from l2h.report.workspace import Workspace

PANELS = {"image.jpg": "Image", "label.png": "Training labels", "map.png": "This map", "confidence.png": "Confidence"}
PANELS["truth.png"] = "Truth"


def write_page(
    space: Workspace,
    settings: PageSettings,
    costs: Sequence[dict[str, Any]],
    holes: Sequence[Any],
    public: bool,
    out: Path,
) -> Made:
    """Write the page. A public page leaves out pixels of sources that may not be passed on, and says so."""
    html = render(page_values(space, settings, costs, holes, public))
    write_text(out, html)
    return Made(info={"bytes": len(html.encode("utf-8"))})


def render(values: dict[str, Any]) -> str:
    """HTML of the page."""
    return environment().get_template("page.html.j2").render(values)


def environment() -> Environment:
    """Our templates: an unknown name is an error, everything is escaped but what is marked."""
    result = Environment(
        loader=PackageLoader("l2h.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for function in (
        numbers.percent, numbers.plus_minus, numbers.interval, numbers.decimal, numbers.count, numbers.km2,
        numbers.duration, numbers.memory, numbers.rate,
    ):  # fmt: skip
        result.filters[function.__name__] = function
    return result


def page_values(
    space: Workspace, settings: PageSettings, costs: Sequence[dict[str, Any]], holes: Sequence[Any], public: bool
) -> dict[str, Any]:
    """Everything the template needs."""
    legend = load_legend("sinolc1")
    accuracy = read_json(space.work / "assess" / "accuracy.json")
    references = [reference_view(r) for r in accuracy["references"]]
    adjusted = next((r["adjusted"] for r in references if r["adjusted"]), None)
    areas = areas_view(read_json(space.work / "assess" / "areas.json"), adjusted, legend)
    pixel_m = pixel_size_m(space.grid)
    return {
        "settings": settings,
        "l2h_version": l2h.__version__,
        "headline": headline(accuracy),
        "references": references,
        "areas": areas,
        "legend": legend_view(legend),
        "ramp": ", ".join(hexcolour(tuple(c)) for c in ramp()[::25].tolist()),
        "overview": _overview(space, settings, public, pixel_m),
        "windows": _windows(space, settings, public, pixel_m),
        "hidden": _hidden(settings) if public else [],
        "imagery_dates": imagery_dates(space.work),
        "curves": Markup(curves_svg(read_log(space.work / "train" / "log.jsonl"))),
        "training": facts(read_json(space.work / "train" / "network.json")),
        "sections": shown(space, settings, public),
        "costs": costs,
        "holes": list(holes),
        "pixel_m": pixel_m,
        "grid": space.grid,
        "resolved": json.dumps(settings.resolved, indent=2, ensure_ascii=False, sort_keys=True, default=str),
    }


def pixel_size_m(grid: Grid) -> float:
    """Side of a pixel on the ground in the middle of the lattice, in metres."""
    middle = grid.height // 2
    return float(grid.row_area(middle, middle + 1)[0] ** 0.5)


def _overview(space: Workspace, settings: PageSettings, public: bool, pixel_m: float) -> dict[str, Any]:
    names = {"image": "overview-image.jpg", "map": "overview-map.png", "confidence": "overview-confidence.png"}
    if public and not settings.may_show("imagery"):
        names.pop("image")
    factor = page_factor(space.grid)
    width = space.grid.coarsen(factor).width
    bar, label = numbers.scale_bar(width, pixel_m * factor)
    uris = {name: data_uri((space.report / file).read_bytes()) for name, file in names.items()}
    return {"pictures": uris, "bar": bar, "label": label, "cell_m": pixel_m * factor}


def _windows(space: Workspace, settings: PageSettings, public: bool, pixel_m: float) -> list[dict[str, Any]]:
    cities = {int(c["index"]): c for c in read_json(space.work / "layers" / "regions.json")["cities"]}
    products = read_json(space.work / "layers" / "products.json")
    result = []
    for stem, city, window in space.windows:
        bar, label = numbers.scale_bar(window.width, pixel_m)
        panels = [
            {"title": title, "note": note, "uri": data_uri(path.read_bytes()), "crisp": path.suffix == ".png"}
            for name, title, note in panel_titles(products, settings, public)
            for path in [space.report / "windows" / stem / name]
        ]
        x, y = space.grid.xy((window.row_start + window.row_stop - 1) / 2, (window.col_start + window.col_stop - 1) / 2)
        place = {"x": f"{float(x):.6g}" if abs(float(x)) < 1000 else f"{float(x):.0f}"}
        place["y"] = f"{float(y):.6g}" if abs(float(y)) < 1000 else f"{float(y):.0f}"
        result.append({"city": cities[city], "panels": panels, "bar": bar, "label": label, **place})
    return result


def panel_titles(
    products: Sequence[dict[str, Any]], settings: PageSettings, public: bool
) -> list[tuple[str, str, str]]:
    """(file, title, note) of the panels that may be shown, in order."""
    rows = [
        (f"product-{p['name']}.png", p["name"], f"{load_legend(p['legend']).title}, {p.get('date') or 'undated'}")
        for p in products
        if not public or settings.may_show("product", p["name"])
    ]
    image = [("image.jpg", PANELS["image.jpg"], "")] if not public or settings.may_show("imagery") else []
    own = [(name, PANELS[name], "") for name in ("label.png", "map.png", "confidence.png")]
    truth = [("truth.png", PANELS["truth.png"], "")] if settings.truth else []
    return image + rows + own + truth


def _hidden(settings: PageSettings) -> list[str]:
    """Sources whose pixels a public page leaves out."""
    return [s.name for s in settings.sources if s.kind in ("imagery", "product") and not s.may_redistribute]


def imagery_dates(work: Path) -> str:
    scenes = read_json(work / "layers" / "scenes.json")
    dates = sorted(s["date"] for s in scenes if s.get("date"))
    if not dates:
        return "undated imagery"
    undated = len(scenes) - len(dates)
    span = dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
    return f"imagery of {span}" + (f" ({undated} scenes undated)" if undated else "")
