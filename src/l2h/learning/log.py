"""The log of a training: one JSON line per logged step or held-out score."""

import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from l2h.core.files import write_text
from l2h.learning.settings import LearningSettings


class TrainingLog:
    """Appends lines to a file; a resumed training first drops what it will write again."""

    def __init__(self, path: Path, resumed_step: int) -> None:
        self.path = path
        kept = [line for line in _lines(path) if line.get("step", 0) <= resumed_step] if resumed_step else []
        write_text(path, "".join(_text(line) for line in kept))

    def add(self, line: dict[str, Any]) -> None:
        """Append one line, which names its ``step``."""
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(_text(line))

    def lines(self) -> list[dict[str, Any]]:
        """All whole lines."""
        return _lines(self.path)


def _text(line: dict[str, Any]) -> str:
    return json.dumps(line) + "\n"


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    # a line without its end was cut by a kill: its step comes after the last saved state and is run again
    whole = path.read_text("utf-8").rpartition("\n")[0]
    return [json.loads(text) for text in whole.splitlines()]


class Report:
    """Means of the loss terms between two log lines."""

    def __init__(self, log: TrainingLog | None, settings: LearningSettings, started: float) -> None:
        self.log, self.settings, self.started = log, settings, started
        self.terms: list[dict[str, float]] = []

    def step(self, done: int, terms: dict[str, float]) -> None:
        self.terms.append(terms)
        if done % self.settings.log_every_steps and done != self.settings.steps:
            return
        names = sorted(set().union(*self.terms))  # terms that start later are averaged over the steps they ran
        means = {n: _mean([t[n] for t in self.terms if n in t]) for n in names if n != "rate"}
        pixels = done * self.settings.chips_per_step * self.settings.chip_px**2
        self._add({"step": done, **means, "rate": terms["rate"], "pixels": pixels})
        self.terms.clear()

    def score(self, done: int, scores: dict[str, Any]) -> None:
        self._add({"step": done, **scores})

    def _add(self, line: dict[str, Any]) -> None:
        if self.log:
            self.log.add(line | {"seconds": round(time.monotonic() - self.started, 3)})


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
