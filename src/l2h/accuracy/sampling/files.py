"""The file of a sample: a GeoPackage of points with the design beside them and in their metadata."""

import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.accuracy.sampling.design import SampleDesign
from l2h.accuracy.sampling.draw import Pixels
from l2h.core.crs import transformer
from l2h.core.errors import InputError
from l2h.core.files import atomic_path, write_text
from l2h.core.grid import Grid

POINTS, DESIGN = "points", "design"
KEY = "L2H_DESIGN"  # of the layer's metadata: it stays with the points when only their layer is copied
EPOCH = "2000-01-01T00:00:00Z"  # GeoPackages hold a time: a fixed one gives the same bytes for the same sample


def sample_frame(pixels: Pixels, design: SampleDesign, grid: Grid) -> Any:
    """The points as a GeoDataFrame: id, x, y, lon, lat, row, col, stratum, block, inclusion_probability, design.

    inclusion_probability : π = n_h a / A_h, a the pixel's ground area, n_h and A_h the stratum's points and area. Of a
    systematic sample and one of two stages it is n a / A with the expected number of points n.
    """
    import geopandas

    x, y = grid.xy(pixels.rows, pixels.cols)
    lon, lat = transformer(grid.crs, "EPSG:4326").transform(x, y)
    columns = {
        "id": np.arange(1, len(pixels) + 1), "x": x, "y": y, "lon": lon, "lat": lat, "row": pixels.rows,
        "col": pixels.cols, "stratum": pixels.stratum, "block": pixels.block,
        "inclusion_probability": inclusion(pixels, design, grid), "design": [design.method] * len(pixels),
    }  # fmt: skip
    return geopandas.GeoDataFrame(columns, geometry=geopandas.points_from_xy(x, y), crs=grid.crs)


def inclusion(pixels: Pixels, design: SampleDesign, grid: Grid) -> npt.NDArray[np.float64]:
    """π of every point, float64 [n]."""
    rows, back = np.unique(pixels.rows, return_inverse=True)
    first = int(rows[0]) if len(rows) else 0
    area = grid.row_area(first, int(rows[-1]) + 1)[rows - first][back] if len(rows) else np.zeros(0)
    if design.method == "stratified":
        share = {s.code: s.points / s.area_m2 for s in design.strata if s.points}
        return np.asarray(area * np.array([share[code] for code in pixels.stratum.tolist()]))
    expected, whole = sum(s.points for s in design.strata), sum(s.area_m2 for s in design.strata)
    return np.asarray(area * expected / whole)


def write_sample(path: Path, pixels: Pixels, design: SampleDesign, grid: Grid) -> None:
    """Write layers `points` and `design`; the same sample gives the same bytes."""
    import pandas
    import pyogrio

    table = pandas.DataFrame([asdict(s) for s in design.strata])
    table["inclusion_rate"] = table["points"] / table["pixels"]
    for name in ("method", "seed", "strata_of", "allocation", "map_digest", "blocks"):
        table[name] = getattr(design, name)
    metadata = {KEY: design.to_json()}
    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": EPOCH})
    try:
        with atomic_path(path) as part:
            part.unlink()
            frame = sample_frame(pixels, design, grid)
            frame.to_file(part, layer=POINTS, driver="GPKG", engine="pyogrio", layer_metadata=metadata)
            pyogrio.write_dataframe(table, part, layer=DESIGN, driver="GPKG", append=True)
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})


def read_design(path: Path, layer: str | None = None) -> SampleDesign | None:
    """The design that a file of points carries; None where it carries none. InputError where it cannot be read."""
    if path.suffix.lower() == ".csv":
        return None
    import pyogrio
    from pyogrio.errors import DataLayerError, DataSourceError

    try:
        info = pyogrio.read_info(path, layer=layer or points_layer(path))
    except (DataLayerError, DataSourceError) as error:
        raise InputError("points cannot be read", where=str(path), got=str(error)) from error
    text = (info.get("layer_metadata") or {}).get(KEY)
    return SampleDesign.from_json(text, str(path)) if text else None


def points_layer(path: Path) -> str | None:
    """The layer `points` where there is one, else the first."""
    import pyogrio
    from pyogrio.errors import DataSourceError

    try:
        names = [str(name) for name, _ in pyogrio.list_layers(path)]
    except DataSourceError as error:
        raise InputError("reference points cannot be read", where=str(path), got=str(error)) from error
    return POINTS if POINTS in names else (names[0] if names else None)


def write_ceo(path: Path, sample: Path) -> int:
    """Write the points of a sample as Collect Earth Online takes plots: CSV with LON, LAT (WGS 84) and PLOTID.

    The stratum is left out: it may be a class of the map, which no interpreter shall see. Returns the number of points.
    """
    frame = _points(sample)
    out = io.StringIO()
    out.write("LON,LAT,PLOTID\n")
    for identity, lon, lat in zip(frame["id"], frame["lon"], frame["lat"], strict=True):
        out.write(f"{lon:.9f},{lat:.9f},{identity}\n")
    write_text(path, out.getvalue())
    return len(frame)


def read_ceo(answers: Path, sample: Path, column: str, out: Path) -> int:
    """Join what was collected in Collect Earth Online to a sample by plot id, and write the sample with `class`.

    answers : CSV with plotid (PLOTID, plot_id, pl_plotid), lon, lat and the answers; column : whose header holds the
    class, in any case. The points keep the design. Returns the number of answers.
    InputError for a column that is not there, a plot the sample lacks, one that was answered twice or lies elsewhere.
    """
    import pandas
    import pyogrio

    table = pandas.read_csv(answers, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    names = {name.lower(): name for name in table.columns}
    plot = next((names[n] for n in ("pl_plotid", "plotid", "plot_id") if n in names), None)
    lon, lat, answer = (names.get(n) for n in ("lon", "lat", column.lower()))
    if plot is None or answer is None:
        missing = "PLOTID" if plot is None else column
        raise InputError(
            f"a table of answers has no column '{missing}'", where=str(answers), got=", ".join(names.values())
        )
    table = table[table[answer].str.strip() != ""]
    frame = _points(sample)
    known = {str(identity): number for number, identity in enumerate(frame["id"])}
    for row, twice in zip(table[plot], table[plot].duplicated(), strict=True):
        if twice or row not in known:
            what = "a plot was answered twice" if twice else "an answer belongs to no point of the sample"
            raise InputError(what, where=f"{answers}, plot {row}", hint="One answer a plot: settle it first.")
    places = [known[row] for row in table[plot]]
    if lon and lat:
        _check_places(table, lon, lat, frame.iloc[places], answers)
    frame = frame.iloc[places].assign(**{"class": table[answer].to_numpy()})
    metadata = pyogrio.read_info(sample, layer=POINTS).get("layer_metadata") or {}
    with atomic_path(out) as part:
        part.unlink()
        frame.to_file(part, layer=POINTS, driver="GPKG", engine="pyogrio", layer_metadata=metadata)
    return len(frame)


def _points(sample: Path) -> Any:
    import geopandas

    if read_design(sample) is None:
        raise InputError("these points carry no design", where=str(sample), hint="Draw them with `l2h sample`.")
    return geopandas.read_file(sample, layer=POINTS, engine="pyogrio")


def _check_places(table: Any, lon: str, lat: str, frame: Any, answers: Path) -> None:
    try:
        east, north = table[lon].astype(float).to_numpy(), table[lat].astype(float).to_numpy()
    except ValueError as error:
        raise InputError("a coordinate is not a number", where=str(answers), got=str(error)) from error
    apart = np.abs(east - frame["lon"].to_numpy()) + np.abs(north - frame["lat"].to_numpy())
    if (apart > 1e-5).any():
        number = int(np.argmax(apart > 1e-5))
        raise InputError(
            "an answer lies elsewhere than its point", where=f"{answers}, row {number + 1}",
            hint="The table may belong to another sample.",
        )  # fmt: skip


def design_as_text(design: SampleDesign) -> str:
    """The design for people, a line a stratum."""
    values = json.loads(design.to_json())
    lines = [values["words"]]
    lines += [f"{s.name}: {s.points} points, {s.area_m2 / 1e6:.3f} km²" for s in design.strata]
    return "\n".join(lines)
