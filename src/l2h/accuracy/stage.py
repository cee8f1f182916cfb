"""Stage `assess`: reference points and truth in, counts per block, then scores and areas of nation, provinces, cities.

Files below work/assess:

    located.csv          reference points on the lattice: id, row, col, reference, second, stratum
    design.json          how they were drawn (`SampleDesign`)
    blocks/<block>.json  {"areas": {city: {value: [pixels, 10^-9 m²]}},
                          "truth": {map: {city: counts [K, K + 1]}},           where there is a truth raster
                          "confidence": {city: counts [2, 101, 2]},            the same
                          "points": [[number, city, reference, {map: class}, confidence, source]]}
                                                                               where there are points
    accuracy.json        {"legend", "references": [{"name": "points" | "truth", "design", "n", "maps": [{"name", "kind",
                          "places": [{"level", "name", "region", "province", "fine": scores, "coarse": scores}]}],
                          "differences": {control: {"fine", "coarse"}},
                          "adjusted": {"missing", "overall_accuracy", "classes"},
                          "confidence": [{"level", …, "predicted": calibration | null, "drawn": …}]}]}
    areas.json           [{"level", "name", "region", "province", "classes": [{"value", "pixels", "hundredths"}]}],
                          area in hundredths of a m²
    accuracy.csv, confusion.csv, areas.csv, points.csv, confidence.csv   the same for spreadsheets
    told.csv             sets of classes at the points, from the map's side, where there are points to calibrate by;
                         then the points' reference has "sets" (`sets_told`), and
    sets.csv             tells of every point its sets, their sizes, and whether they hold the truth

`scores` is what `ConfusionMatrix.scores` gives, `calibration` what `calibration_scores` gives. "fine" is the map's
legend, in which the built-up class of a 10 m product counts as building, as it is; "coarse" merges traffic route into
building on both sides, which is fair to them. Counts and areas are integers: they add over blocks to the same numbers
for any size of block.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from l2h.accuracy.blocks import tally_block
from l2h.accuracy.confidence import census_confidence, point_confidence, sum_confidence
from l2h.accuracy.designs import COLUMNS, REFUSED, design_of
from l2h.accuracy.maps import MAP, Shelf, open_shelf
from l2h.accuracy.places import places_of
from l2h.accuracy.point_scores import Judged, judged_areas, judged_differences, judged_scores
from l2h.accuracy.points import Points, read_points
from l2h.accuracy.sampling.design import WORDS, SampleDesign
from l2h.accuracy.sets import Told
from l2h.accuracy.settings import ReferenceSettings
from l2h.accuracy.summary import (
    NOT_ADJUSTED,
    Areas,
    PointRow,
    adjusted_areas,
    area_table,
    count_points,
    differences,
    gather_points,
    matrix_of,
    reference_scores,
    sum_areas,
    sum_truth,
)
from l2h.accuracy.tables import accuracy_csv, areas_csv, confidence_csv, confusion_csv, points_csv
from l2h.accuracy.truth import check_truth
from l2h.core.files import read_json, write_json, write_text
from l2h.core.grid import Grid
from l2h.core.legend import load_legend
from l2h.core.tasks import Context, Made, Stage, Task

LOCATED = "assess/located.csv"


def stage(settings: ReferenceSettings | None, sets: bool = False) -> Stage:
    """The stage `assess`. Without references it gives areas only, and says so by an empty list of references.

    sets : whether a step after the first tells sets of classes at the points (`told.csv`)
    """
    chosen = settings or ReferenceSettings()
    return Stage("assess", (partial(_locate, chosen), partial(_tally, chosen), partial(_sum_up, chosen, sets)))


def locate_step(settings: ReferenceSettings) -> Callable[[Context], list[Task]]:
    """The step that puts the reference points on the lattice, for whoever judges other maps at them."""
    return partial(_locate, settings)


def _locate(settings: ReferenceSettings, context: Context) -> list[Task]:
    if settings.points is None:
        return []
    path, out = context.project_dir / settings.points, _folder(context) / "located.csv"
    return [
        Task(
            key="assess/points",
            function=locate_points,
            arguments={"path": path, "settings": settings, "grid": context.grid, "out": out},
            inputs=(path,),
            outputs=(out, out.with_name("design.json")),
            settings=context.place() | {"reference": settings.model_dump(mode="json")},
        )
    ]


def _tally(settings: ReferenceSettings, context: Context) -> list[Task]:
    shelf = open_shelf(context)
    located = _folder(context) / "located.csv" if settings.points else None
    truth = context.project_dir / settings.truth if settings.truth else None
    if truth is not None:
        check_truth(truth, context.grid)
    extra = tuple(path for path in (located, truth) if path is not None)
    return [
        Task(
            key=f"assess/{block.name}",
            function=tally_block,
            arguments={"shelf": shelf, "block": block, "out": out, "located": located, "truth": truth},
            inputs=(*shelf.paths(block), *extra),
            outputs=(out,),
            settings=context.place(block.window)
            | {"products": shelf.products_told(), "points": bool(located), "truth": bool(truth)},
            pixels=block.window.pixels,
        )
        for block in context.grid.blocks(context.block_px)
        for out in [_folder(context) / "blocks" / f"{block.name}.json"]
    ]


def _sum_up(settings: ReferenceSettings, sets: bool, context: Context) -> list[Task]:
    folder, shelf = _folder(context), open_shelf(context)
    tallies = tuple(folder / "blocks" / f"{b.name}.json" for b in context.grid.blocks(context.block_px))
    located = folder / "located.csv" if settings.points else None
    regions = context.work / "layers" / "regions.json"
    names = ["accuracy.json", "areas.json", "accuracy.csv", "confusion.csv", "areas.csv", "confidence.csv"]
    names += ["points.csv"] if located else []
    names += ["sets.csv"] if sets else []
    told = Told(folder / "told.csv", context.work / "map" / "sets.json") if sets else None
    arguments = {
        "shelf": shelf, "tallies": tallies, "regions": regions, "located": located, "truth": bool(settings.truth),
        "least": settings.minimum_points, "folder": folder, "sets": told,
    }  # fmt: skip
    return [
        Task(
            key="assess/summary",
            function=sum_up,
            arguments=arguments,
            inputs=(
                *tallies,
                regions,
                *((located, located.with_name("design.json")) if located else ()),
                *(told.files if told else ()),
            ),
            outputs=tuple(folder / name for name in names),
            settings={
                "least": settings.minimum_points,
                "truth": bool(settings.truth),
                "products": shelf.products_told(),
            },
        )
    ]


def locate_points(path: Path, settings: ReferenceSettings, grid: Grid, out: Path) -> Made:
    """Read, check and place the reference points."""
    points, design = read_reference(path, settings, grid)
    write_text(out, points.to_csv())
    write_text(out.with_name("design.json"), design.to_json() + "\n")
    return Made(info={"points": len(points)})


def read_reference(path: Path, settings: ReferenceSettings, grid: Grid) -> tuple[Points, SampleDesign]:
    """The reference points on the lattice, and their design; InputError for what cannot be used."""
    design = design_of(path, settings)
    points = read_points(path, settings, grid, load_legend("sinolc1"), COLUMNS.get(design.method))
    design.drawn(points.stratum if points.stratum is not None else points.rows * 0, str(path))  # or say what is lacking
    return points, design


def sum_up(
    shelf: Shelf, tallies: tuple[Path, ...], regions: Path, located: Path | None, truth: bool, least: int, folder: Path,
    sets: Told | None = None,
) -> Made:  # fmt: skip
    """Add the blocks up and write scores, areas and tables."""
    legend, cities = load_legend("sinolc1"), read_json(regions)["cities"]
    areas = sum_areas(_each(tallies))
    references: list[dict[str, Any]] = []
    if located is not None:
        points = Points.from_csv(located.read_text("utf-8"))
        rows = gather_points(_each(tallies))
        references.append(_at_points(shelf, rows, points, located, cities, areas, least))
        if sets is not None:
            references[-1]["sets"] = sets.told(
                Judged(rows, points, _design(located), least, str(located)), points, cities
            )
            write_text(folder / "sets.csv", sets.to_csv(points))
        write_text(folder / "points.csv", points_csv(rows, points, cities, shelf.names))
    if truth:
        found = sum_truth(_each(tallies))
        counts = {name: found[name] for name in shelf.names}
        maps = reference_scores(counts, shelf.kinds, cities, "census", legend)
        n = maps[0]["places"][0]["fine"]["n"]
        sure = census_confidence(sum_confidence(_each(tallies)), cities)
        references.append({"name": "truth", "design": "census", "n": n, "maps": maps, "confidence": sure})
    table = area_table(areas, cities, legend)
    write_json(folder / "accuracy.json", {"legend": legend.name, "references": references})
    write_json(folder / "areas.json", table)
    write_text(folder / "accuracy.csv", accuracy_csv(references))
    write_text(folder / "confusion.csv", confusion_csv(references))
    write_text(folder / "areas.csv", areas_csv(table, legend))
    write_text(folder / "confidence.csv", confidence_csv(references))
    return Made()


def _at_points(
    shelf: Shelf, rows: list[PointRow], points: Points, located: Path, cities: Any, areas: Areas, least: int
) -> dict[str, Any]:
    """What the points say: from their counts where every point weighs the same, else by the design's weights."""
    legend, path, design = load_legend("sinolc1"), located.with_name("design.json"), _design(located)
    told: dict[str, Any] = {"name": "points", "design": design.method, "n": len(rows)}
    told |= {"refused": REFUSED} if design.method == "none" else {"words": WORDS[design.method]}
    two = points.second is not None and bool(points.second.any())
    judged = Judged(rows, points, design, least, str(path))
    told |= {"confidence": point_confidence(judged.confidence(MAP), judged.drawn, cities)}
    if design.method in COLUMNS or two or least:
        maps = judged_scores(judged, shelf.kinds, cities, legend)
        areas_told = judged_areas(judged, maps[0]["places"][0]["fine"], areas, legend)
        return told | {"maps": maps, "differences": judged_differences(judged, shelf.names), "adjusted": areas_told}
    counts = count_points(rows, shelf.names, legend)
    matrix = matrix_of(counts[MAP], places_of(cities)[0], legend, design.method)
    return told | {
        "maps": reference_scores(counts, shelf.kinds, cities, design.method, legend),
        "differences": differences(rows, shelf.names, design.method),
        "adjusted": NOT_ADJUSTED if design.method == "none" else adjusted_areas(matrix, areas),
    }


def _design(located: Path) -> SampleDesign:
    """How the located points were drawn."""
    path = located.with_name("design.json")
    return SampleDesign.from_json(path.read_text("utf-8"), str(path))


def _each(tallies: tuple[Path, ...]) -> Iterator[dict[str, Any]]:
    for path in tallies:
        yield read_json(path)


def _folder(context: Context) -> Path:
    return context.work / "assess"
