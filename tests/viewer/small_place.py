"""A project of 60 × 80 pixels whose layers are made, its map poisoned, and a client for its server."""

import http.client
import json
import signal
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
from shapely import Point

from l2h.core.files import write_json
from l2h.core.grid import Grid
from l2h.core.raster import BlockStore, write_raster

GRID = Grid("EPSG:32650", 500_000.0, 3_320_000.0, 1.0, 60, 80)
BLOCK = 40
POINTS = {f"wood-{n}": (10 * n + 5, 12 * n + 3) for n in range(5)} | {"edge-0": (0, 0)}
SECRET = "moss-by-the-map"  # what the points' file says of the map; it must never reach a browser
RIGHTS = 'licence = "CC0-1.0"\n'
TOML = f"""
[project]
name = "place"
title = "A <b>place</b>"
[grid]
crs = "{GRID.crs}"
block_px = {BLOCK}
bounds = [{", ".join(map(str, GRID.bounds()))}]
[[imagery]]
name = "scenes"
paths = ["scenes/*.tif"]
{RIGHTS}
[[products]]
name = "esa"
legend = "worldcover"
paths = ["esa.tif"]
{RIGHTS}
[boundary]
path = "cities.gpkg"
{RIGHTS}
"""


def picture(shift: int) -> np.ndarray:
    """uint8 [3, H, W]: every pixel has its own colour."""
    rows, cols = np.mgrid[: GRID.height, : GRID.width]
    return np.stack([rows + shift, cols + shift, (rows + cols) // 2]).astype("uint8")


def make_place(folder: Path, points: dict[str, tuple[int, int]] = POINTS) -> Path:
    folder.mkdir(parents=True)
    (folder / "project.toml").write_text(TOML)
    layers = folder / "work" / "layers"
    for name, shift in (("place_20200102", 0), ("place_20210304", 100)):
        write_raster(folder / "scenes" / f"{name}.tif", picture(shift), GRID, GRID.window)
    scenes = [
        {"index": 1, "name": "place_20200102", "date": "2020-01-02"},
        {"index": 2, "name": "place_20210304", "date": "2021-03-04"},
    ]
    write_json(layers / "scenes.json", scenes)
    for name, values in (("imagery", picture(100)), ("scene", np.full((1, *GRID.shape), 2, "uint16"))):
        store = BlockStore(layers / name, GRID, BLOCK)
        for block in store.blocks:
            rows, cols = block.window.slices_in(GRID.window)
            write_raster(store.path(block), values[:, rows, cols], GRID, block.window)
            poisoned = folder / "work" / "map" / store.path(block).name
            poisoned.parent.mkdir(parents=True, exist_ok=True)
            poisoned.write_text("whoever reads the map fails")
    write_points(folder / "points.gpkg", points)
    return folder


def write_points(path: Path, points: dict[str, tuple[int, int]]) -> None:
    x, y = GRID.xy(*np.array(list(points.values())).T)
    columns: dict[str, Any] = {
        "id": list(points),
        "class_value": [12] * len(points),
        "stratum": [SECRET] * len(points),
        "inclusion_probability": [0.000123456789] * len(points),
    }
    frame = geopandas.GeoDataFrame(columns, geometry=[Point(*xy) for xy in zip(x, y, strict=True)], crs=GRID.crs)
    frame.to_file(path, layer="points", driver="GPKG", layer_metadata={"design": "stratified"})


class Client:
    """Talks to a server as its page does; keeps the body of every answer."""

    def __init__(self, port: int, **headers: str) -> None:
        self.port, self.headers = port, headers
        self.bodies: list[bytes] = []
        self.last: http.client.HTTPResponse | None = None

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        sent = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, sent)
            self.last = connection.getresponse()
            found = self.last.read()
        finally:
            connection.close()
        self.bodies.append(found + str(self.last.headers).encode())
        return self.last.status, found

    def get(self, path: str) -> Any:
        status, body = self.send("GET", path)
        assert status == 200, body
        return json.loads(body)

    def try_post(self, path: str, **values: Any) -> tuple[int, Any]:
        headers = {"Content_Type": "application/json", "Origin": f"http://127.0.0.1:{self.port}"}
        status, body = self.send("POST", path, json.dumps(values).encode(), **headers)
        return status, json.loads(body)

    def post(self, path: str, **values: Any) -> Any:
        status, answer = self.try_post(path, **values)
        assert status == 200, answer
        return answer

    def next(self, who: str, role: str = "interpret", **more: Any) -> Any:
        return self.post("/api/point", interpreter=who, role=role, **more)

    def say(self, who: str, point: int, value: int | None, role: str = "interpret", **more: Any) -> Any:
        values = {"interpreter": who, "role": role, "key": uuid.uuid4().hex, "point": point, "value": value}
        return self.post("/api/answer", **(values | more))


class Serving:
    """A server in a process of its own, started as a user starts it."""

    def __init__(self, place: Path, port: int = 0) -> None:
        command = [sys.executable, "-m", "l2h", "interpret", str(place), "--points", str(place / "points.gpkg")]
        self.process = subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        self.port = int(self.url.rstrip("/").rpartition(":")[2])

    def kill(self) -> None:
        """As the kernel does when memory is short: at once, with no last word."""
        self.process.kill()
        self.process.communicate()

    def interrupt(self) -> int:
        """As Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=30)
        return self.process.returncode
