"""Fixtures of the viewer's tests."""

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # `small_place` and `chromium` are imported by name

from small_place import Client, Serving, make_place

from l2h.viewer.interpret import Task, open_desk
from l2h.viewer.server import DeskServer


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A project whose layers are made, with six points."""
    return make_place(tmp_path / "place")


@pytest.fixture
def client(place: Path) -> Iterator[Client]:
    """A client of a real server on a free port of this machine."""
    desk = open_desk(Task(place, place / "points.gpkg"))
    with DeskServer(desk, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Client(server.server_port)
        server.shutdown()
        thread.join()
    desk.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Serving]]:
    """Starts servers in processes of their own; those that a test leaves running are killed."""
    started: list[Serving] = []

    def start(place: Path, port: int = 0) -> Serving:
        started.append(Serving(place, port))
        return started[-1]

    yield start
    for server in started:
        if server.process.poll() is None:
            server.kill()
