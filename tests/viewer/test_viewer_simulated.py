"""Two simulated interpreters of known error rates and a third who knows, through the real interface to the file."""

import threading
from collections.abc import Callable
from pathlib import Path

import geopandas
import numpy as np
import pytest
from small_place import GRID, Client, Serving, make_place

from l2h.core.legend import load_legend

VALUES = load_legend("sinolc1").values
N, ERRORS = 200, {"reader-1": 0.1, "reader-2": 0.2}


def truth_of(view: dict) -> int:  # type: ignore[type-arg]
    """The page knows no identity, so the truth here hangs on the point's number."""
    return VALUES[view["point"] % len(VALUES)]


def work(port: int, name: str, error: float, seed: int) -> None:
    client, rng = Client(port), np.random.default_rng(seed)
    while (view := client.next(name))["point"] is not None:
        truth = truth_of(view)
        wrong = [value for value in VALUES if value != truth]
        client.say(name, view["point"], int(rng.choice(wrong)) if rng.random() < error else truth)


@pytest.mark.slow
def test_error_rates_show_as_agreement_and_the_third_mends_them(tmp_path: Path, serve: Callable[..., Serving]) -> None:
    rng = np.random.default_rng(0)
    cells = rng.choice(GRID.height * GRID.width, N, replace=False)
    place = make_place(tmp_path / "place", {f"p{c}": (int(c) // GRID.width, int(c) % GRID.width) for c in cells})
    server = serve(place)
    people = [
        threading.Thread(target=work, args=(server.port, name, error, seed))
        for seed, (name, error) in enumerate(ERRORS.items())
    ]
    for person in people:
        person.start()
    for person in people:
        person.join()
    judge, client = [], Client(server.port)
    before = client.get("/api/agreement")
    while (view := client.next("Cem", "adjudicate"))["point"] is not None:
        judge.append(view["point"])
        client.say("Cem", view["point"], truth_of(view), "adjudicate")
    states = client.get("/api/agreement")["states"]
    client.post("/api/export")
    assert server.interrupt() == 0

    equal = 0.9 * 0.8 + 0.1 * 0.2 / (len(VALUES) - 1)  # both right, or both wrong in one way
    assert before["agree"]["value"] == pytest.approx(equal, abs=4 * np.sqrt(equal * (1 - equal) / N))
    assert states == {"open": 0, "disputed": 0, "adjudicated": len(judge), "agreed": N - len(judge)}
    frame = geopandas.read_file(place / "interpretation" / "points-interpreted.gpkg", layer="points")
    assert len(frame) == N
    counts = frame["class_value"].astype(int).value_counts()
    expected = np.bincount([VALUES[n % len(VALUES)] for n in range(1, N + 1)], minlength=13)
    wrong = sum(abs(counts.get(value, 0) - expected[value]) for value in VALUES) / 2
    assert wrong <= 4  # of 200, where both erred alike: 0.4 are expected
