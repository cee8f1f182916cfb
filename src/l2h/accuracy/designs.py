"""The design of reference points: found in their file, stated in the settings, or not known."""

from pathlib import Path

from l2h.accuracy.estimates import Design
from l2h.accuracy.sampling.design import DESIGNS, SampleDesign
from l2h.accuracy.sampling.files import points_layer, read_design
from l2h.accuracy.settings import ReferenceSettings
from l2h.core.errors import InputError

COLUMNS: dict[Design, str] = {"stratified": "stratum", "two_stage": "block"}
REFUSED = (
    "Intervals refused: these points carry no design of a probability sample, so nobody can know how far their "
    "accuracy lies from the map's. The table counts them as they are. Draw points with `l2h sample`, or state the "
    "design they were drawn by in [reference]."
)


def design_of(path: Path, settings: ReferenceSettings) -> SampleDesign:
    """The design of a file of points.

    Told by, in this order: what `l2h sample` wrote into it; the settings; a column `design` with one word for all
    points ("simple random"). Else "none". InputError where file and settings disagree, or where the column names a
    design whose strata are not in the file: without their areas no weight is known.
    """
    found = read_design(path, settings.layer) if path.is_file() else None
    if found is not None:
        if settings.design not in (None, "none", found.method):
            raise InputError(
                "the points and the settings name different designs", where=str(path), expected=found.method,
                got=str(settings.design), hint="Leave `design` out of [reference]: the file knows it.",
            )  # fmt: skip
        return SampleDesign("none", 0, ()) if settings.design == "none" else found
    if settings.design is not None:
        return SampleDesign(settings.design, 0, ())
    return SampleDesign(_from_column(path, settings.layer), 0, ())


def _from_column(path: Path, layer: str | None) -> Design:
    words = {str(value).strip().lower().replace(" ", "_") for value in _column(path, layer)}
    if len(words) != 1:
        return "none"
    word = words.pop()
    if word in COLUMNS:
        raise InputError(
            f"points say they are {word.replace('_', ' ')}, but not from which strata of which area", where=str(path),
            hint="Take the file that `l2h sample` wrote, or what was interpreted from it.",
        )  # fmt: skip
    return next((design for design in DESIGNS if design == word), "none")


def _column(path: Path, layer: str | None) -> list[object]:
    """Values of the column `design`; none where there is no such column."""
    if not path.is_file():
        return []
    if path.suffix.lower() == ".csv":
        import csv

        with path.open(encoding="utf-8", newline="", errors="replace") as stream:
            rows = csv.DictReader(stream)
            return [row.get("design") for row in rows] if "design" in (rows.fieldnames or ()) else []
    import pyogrio

    from l2h.core.formats import check_vector

    check_vector(path)
    chosen = layer or points_layer(path)
    if "design" not in pyogrio.read_info(path, layer=chosen)["fields"]:
        return []
    table = pyogrio.read_dataframe(path, layer=chosen, columns=["design"], read_geometry=False)
    return list(table["design"])
