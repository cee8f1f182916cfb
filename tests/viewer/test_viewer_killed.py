"""A server killed while people answer loses nothing it has acknowledged, and keeps nothing twice."""

import http.client
import random
import sqlite3
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from small_place import POINTS, Client, Serving

ROUNDS, PEOPLE = 4, 3


class Hand:
    """One person who answers until the server is gone; knows what was acknowledged and what hung in the air."""

    def __init__(self, name: str) -> None:
        self.name, self.acknowledged, self.hanging = name, [], []  # type: ignore[var-annotated]

    def work(self, port: int) -> None:
        client = Client(port)
        for key, point in self.hanging:
            client.say(self.name, point, 2, key=key)
            self.acknowledged.append(key)
        self.hanging = []
        while True:
            key, point = uuid.uuid4().hex, random.randint(1, len(POINTS))
            try:
                client.say(self.name, point, random.choice((2, 4, 5, None)), key=key)
            except (OSError, http.client.HTTPException):
                self.hanging.append((key, point))
                return
            self.acknowledged.append(key)


@pytest.mark.slow
def test_killed_while_three_people_click(place: Path, serve: Callable[..., Serving]) -> None:
    hands = [Hand(f"P{n}") for n in range(PEOPLE)]
    for _ in range(ROUNDS):
        server = serve(place)
        threads = [threading.Thread(target=hand.work, args=(server.port,)) for hand in hands]
        for thread in threads:
            thread.start()
        threading.Timer(random.uniform(0.3, 1.0), server.kill).start()
        for thread in threads:
            thread.join()
        server.process.wait()
    server = serve(place)
    states = Client(server.port).get("/api/agreement")["states"]
    assert sum(states.values()) == len(POINTS)
    assert server.interrupt() == 0
    records = sqlite3.connect(place / "interpretation" / "points.sqlite")
    kept = [key for (key,) in records.execute("SELECT key FROM events")]
    assert records.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    records.close()
    acknowledged = {key for hand in hands for key in hand.acknowledged}
    hanging = {key for hand in hands for key, _ in hand.hanging}
    assert len(acknowledged) > 20
    assert len(kept) == len(set(kept))
    assert acknowledged <= set(kept) <= acknowledged | hanging
