"""A toy country known whole, and people who interpret a sample of it through the server's own HTTP interface.

The country is an ordinary workspace whose imagery shows the truth: the first band of a pixel is its class, the others
are noise. Whoever interprets sees nothing but the pictures that the page shows, and reads the class in their middle.
"""

import hashlib
import http.client
import io
import json
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import gaussian_filter

from l2h.accuracy.sampling.make import make_sample
from l2h.accuracy.sampling.settings import SampleSettings
from l2h.accuracy.settings import ReferenceSettings
from l2h.accuracy.stage import stage
from l2h.core.files import read_json, write_json, write_text
from l2h.core.grid import Grid
from l2h.core.legend import load_legend
from l2h.core.raster import write_raster
from l2h.core.tasks import Context, run_stage
from l2h.pipeline import Pipeline
from l2h.viewer.interpret import Task, open_desk
from l2h.viewer.server import DeskServer

Codes = npt.NDArray[np.uint8]
NAMES = ("tree", "cropland", "water", "building")
VALUES = tuple(next(c.value for c in load_legend("sinolc1").classes if c.name == name) for name in NAMES)
BLOCK = 400
RIGHTS = 'licence = "CC0-1.0"\n'


# --- the country ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Country:
    """Truth and map, class values uint8 [H, W], and the workspace that holds the map and the pictures."""

    folder: Path
    grid: Grid
    truth: Codes
    mapped: Codes

    def joint(self) -> npt.NDArray[np.float64]:
        """m² by class of the map (rows) and of the truth (columns), float64 [K, K]."""
        area = np.repeat(self.grid.row_area(0, self.grid.height)[:, None], self.grid.width, 1)
        place = np.zeros(256, "int64")
        place[list(VALUES)] = range(len(VALUES))
        pairs = place[self.mapped] * len(VALUES) + place[self.truth]
        return np.bincount(pairs.ravel(), area.ravel(), len(VALUES) ** 2).reshape(len(VALUES), -1)


def make_country(folder: Path, side: int, seed: int = 7) -> Country:
    """Four classes in patches (half tree, a twelfth building), and a map that errs in patches, more at rare classes."""
    rng = np.random.default_rng(seed)
    truth = np.digitize(_field(rng, side, 6), [0.5, 0.8, 0.92])
    wrong = _field(rng, side, 2) < np.array([0.08, 0.15, 0.2, 0.25])[truth]
    mapped = np.where(wrong, (truth + rng.integers(1, 4, truth.shape)) % 4, truth)
    codes = np.array(VALUES, "uint8")
    country = Country(folder, Grid("EPSG:32650", 500_000.0, 3_320_000.0, 1.0, side, side), codes[truth], codes[mapped])
    _write(country, rng)
    return country


def _field(rng: np.random.Generator, side: int, scale: int) -> npt.NDArray[np.float64]:
    """A smooth random field of ranks in 0..1, [side, side]."""
    rough = gaussian_filter(rng.normal(size=(side, side)), scale, mode="wrap")
    return rough.ravel().argsort().argsort().reshape(side, side) / side**2


def _write(country: Country, rng: np.random.Generator) -> None:
    grid, folder = country.grid, country.folder
    bounds = ", ".join(map(str, grid.bounds()))
    scenes = f'[[imagery]]\nname = "scenes"\npaths = ["scenes/*.tif"]\n{RIGHTS}'
    # a project needs a product; none is in the workspace, for only the map is judged here
    product = f'[[products]]\nname = "esa"\nlegend = "worldcover"\npaths = ["esa.tif"]\n{RIGHTS}'
    edge = f'[boundary]\npath = "cities.gpkg"\n{RIGHTS}'
    lattice = f'[grid]\ncrs = "{grid.crs}"\nblock_px = {BLOCK}\nbounds = [{bounds}]\n'
    write_text(folder / "project.toml", f'[project]\nname = "blind"\n{lattice}{scenes}{product}{edge}')
    picture = np.concatenate([country.truth[None], rng.integers(0, 256, (2, *grid.shape), "uint8")])
    write_raster(folder / "scenes" / "toy_20200102.tif", picture, grid, grid.window)
    layers = folder / "work" / "layers"
    write_json(layers / "scenes.json", [{"index": 1, "name": "toy_20200102", "date": "2020-01-02"}])
    write_json(layers / "products.json", [])
    city = {"index": 1, "region": "Toy", "province": "Toy", "city": "Toy", "name": "Toy_Toy_Toy"}
    write_json(layers / "regions.json", {"cities": [city]})
    ones, sure = np.ones((1, *grid.shape), "uint16"), np.full((2, *grid.shape), 80, "uint8")
    told = np.concatenate([country.mapped[None], sure])
    stores = {
        "layers/imagery": picture,
        "layers/scene": ones,
        "layers/regions": ones,
        "map": told,
        "labels/label": told,
    }
    with Pipeline.open(folder).context("serial", 1) as context:
        for name, values in stores.items():
            store = context.store(name)
            for block in store.blocks:
                rows, cols = block.window.slices_in(grid.window)
                write_raster(store.path(block), values[:, rows, cols], grid, block.window)


# --- the people -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Errors:
    """How the two interpreters err; the third never does.

    alone  : of each, the share of points at which he gives one of the other classes, each as likely, on his own
    common : the share at which both give the same wrong class, the next one: what no second answer can reveal
    """

    alone: tuple[float, float] = (0.10, 0.15)
    common: float = 0.0

    def transition(self) -> npt.NDArray[np.float64]:
        """Chance of each class of the adjudicated reference (columns) given the truth (rows), float64 [K, K].

        Wrong and agreed on: common · [next class] + (1 - common) e₁ e₂ / (K - 1)²; else the third tells the truth.
        """
        k = len(VALUES)
        wrong = np.full((k, k), (1 - self.common) * self.alone[0] * self.alone[1] / (k - 1) ** 2)
        wrong[np.arange(k), (np.arange(k) + 1) % k] += self.common
        np.fill_diagonal(wrong, 0)
        return wrong + np.diag(1 - wrong.sum(1))


@dataclass(frozen=True)
class Person:
    """Someone at the page: number 0 and 1 interpret, 2 adjudicates."""

    number: int
    port: int
    seed: int
    errors: Errors

    @property
    def who(self) -> dict[str, str]:
        role = "adjudicate" if self.number == 2 else "interpret"
        return {"interpreter": ("Ada", "Bo", "Cem")[self.number], "role": role}

    def work(self) -> int:
        """Open the page, and answer until no point is left; how many were answered."""
        for path in ("/", "/api/setup"):
            self.get(path)
        answered = 0
        while (point := self.post("/api/point", **self.who)["point"]) is not None:
            value = self.see(self.get(f"/picture/{point}/0"))
            seen = {"point": point, "value": value, "scene": 1, "seconds": 1.0}
            self.post("/api/answer", key=uuid.uuid4().hex, **self.who, **seen)
            answered += 1
        return answered

    def see(self, picture: bytes) -> int:
        """The class this person says: chance hangs on what is seen, so that a seed gives the same answers again."""
        pixels = np.asarray(Image.open(io.BytesIO(picture)))
        middle = pixels.shape[0] // 2
        patch = pixels[middle - 1 : middle + 2, middle - 1 : middle + 2]
        key = int.from_bytes(hashlib.sha256(patch.tobytes()).digest()[:8], "big")
        truth = VALUES.index(int(pixels[middle, middle, 0]))
        step = 0
        if self.number < 2:
            own = np.random.default_rng([self.seed, self.number, key])
            if np.random.default_rng([self.seed, 2, key]).random() < self.errors.common:
                step = 1
            elif own.random() < self.errors.alone[self.number]:
                step = int(own.integers(1, len(VALUES)))
        return VALUES[(truth + step) % len(VALUES)]

    def get(self, path: str) -> bytes:
        return self._send("GET", path, None, {})

    def post(self, path: str, **values: Any) -> Any:
        headers = {"Content-Type": "application/json", "Origin": f"http://127.0.0.1:{self.port}"}
        return json.loads(self._send("POST", path, json.dumps(values).encode(), headers))

    def _send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            found = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status} {found[:200]!r}")
        return found


@contextmanager
def served(country: Country, points: Path) -> Iterator[int]:
    """The server of `l2h interpret` on a free port of this machine, for as long as the block runs."""
    desk = open_desk(Task(country.folder, points))
    try:
        with DeskServer(desk, "127.0.0.1", 0) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                yield server.server_port
            finally:
                server.shutdown()
                thread.join()
    finally:
        desk.close()


# --- one seed ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """One sample from drawing to accuracy.

    answered       : points answered by each of the three
    agreed_on_wrong : points of the export whose class is not the truth
    figures        : name → value, standard error, low, high; areas in m². What the assessment does not tell is absent
    """

    points: int
    answered: tuple[int, ...]
    states: dict[str, int]
    agreed_on_wrong: int
    exported: Path
    figures: dict[str, tuple[float, float, float, float]]


def run_seed(country: Country, method: str, size: int, errors: Errors, seed: int) -> Outcome:
    """Draw, interpret over HTTP, adjudicate, export, assess. RuntimeError where a point is lost on the way."""
    with Pipeline.open(country.folder).context("serial", 1) as context:
        path = country.folder / "samples" / f"{method}-{seed}-{uuid.uuid4().hex[:8]}.gpkg"
        equal: dict[str, Any] = {"allocation": "equal"} if method == "stratified" else {}
        make_sample(context, SampleSettings(method=method, size=size, seed=seed, **equal), path)  # type: ignore[arg-type]
        with served(country, path) as port:
            person = partial(Person, port=port, seed=seed, errors=errors)
            with ThreadPoolExecutor(2) as pool:
                answered = list(pool.map(lambda number: person(number).work(), (0, 1)))
            answered.append(person(2).work())
            states = json.loads(person(2).get("/api/agreement"))["states"]
            done = person(2).post("/api/export")
        if (done["with_class"], done["waiting"]) != (size, 0):
            raise RuntimeError(f"seed {seed}: {done} of {size} points")
        exported = Path(done["folder"]) / done["files"][0]
        figures = assess(context, exported)
    frame = geopandas.read_file(exported, layer="points", engine="pyogrio")
    wrong = int((frame["class_value"].to_numpy("int64") != country.truth[frame["row"], frame["col"]]).sum())
    return Outcome(len(frame), tuple(answered), states, wrong, exported, figures)


def assess(context: Context, points: Path) -> dict[str, tuple[float, float, float, float]]:
    """What `l2h assess` tells of the interpreted points."""
    chosen = ReferenceSettings(points=str(points.relative_to(context.project_dir)), class_column="class_value")
    run_stage(stage(chosen), context)
    (told,) = read_json(context.work / "assess" / "accuracy.json")["references"]
    nation = next(m for m in told["maps"] if m["name"] == "map")["places"][0]["fine"]
    found = {"overall accuracy": nation["overall_accuracy"]}
    for row in nation["classes"]:
        found[f"user's accuracy, {row['name']}"] = row["users_accuracy"]
    for row in told["adjusted"]["classes"]:
        found[f"area, {row['name']}"] = row["area_m2"]
    keys = ("value", "standard_error", "low", "high")
    whole = {name: tuple(e[key] for key in keys) for name, e in found.items()}
    known = {f"{kind}, {name}" for kind in ("area", "user's accuracy") for name in NAMES} | {"overall accuracy"}
    return {name: e for name, e in whole.items() if name in known and None not in e}  # type: ignore[misc]


def truths(joint: npt.NDArray[np.float64]) -> dict[str, float]:
    """Every figure of a population known whole; joint : m² by class of the map and of the reference, [K, K]."""
    told = {"overall accuracy": float(np.trace(joint) / joint.sum())}
    for k, name in enumerate(NAMES):
        told[f"user's accuracy, {name}"] = float(joint[k, k] / joint[k].sum())
        told[f"area, {name}"] = float(joint[:, k].sum())
    return told
