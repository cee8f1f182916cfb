"""Whether the confidence band means what it says: reliability, expected calibration error, Brier score, log loss.

Confidence is the map's own statement of how probable its class is, in whole per cent. All of it follows from a table of
weights [101, 2]: per cent × (wrong, right). Integer counts where the truth is known everywhere, so blocks add up.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.accuracy.places import Place, places_of
from l2h.accuracy.weighted import Drawn
from l2h.core.legend import Legend

Codes = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
LEVELS = 101
BINS = 20  # of five per cent each
VECTOR = 3  # of the map's source band: drawn from a known vector, not predicted
PARTS = ("predicted", "drawn")
CLIP = 0.005  # confidence is rounded to whole per cent: nothing is surer than half a per cent off


def confidence_counts(
    reference: Codes, bands: npt.NDArray[np.uint8], cities: npt.NDArray[np.uint16], legend: Legend
) -> dict[int, Counts]:
    """Pixels by city: int64 [2, 101, 2], predicted or drawn × per cent × wrong or right.

    reference : uint8 [H, W], 0 where unknown; bands : uint8 [3, H, W], class, confidence, source of the map. Pixels
    without reference, without a class in the map and outside cities are left out.
    """
    mapped, confidence, source = bands
    known = (cities > 0) & (reference != legend.nodata) & (mapped != legend.nodata)
    right = (reference == mapped)[known].astype("int64")
    drawn = (source == VECTOR)[known].astype("int64")
    per_cent = np.minimum(confidence[known], LEVELS - 1).astype("int64")
    key = (drawn * LEVELS + per_cent) * 2 + right
    size, found = 2 * LEVELS * 2, {}
    for city in np.unique(cities[known]).tolist():
        counts = np.bincount(key[cities[known] == city], minlength=size)
        found[int(city)] = counts.reshape(2, LEVELS, 2).astype("int64")
    return found


def calibration_scores(weight: Floats | Counts, n: Counts | None = None) -> dict[str, Any] | None:
    """Scores of a table of weights [101, 2] (per cent × wrong, right); None where it is empty.

    With w_b the share of bin b, p̄_b its mean confidence and a_b its share of right pixels,

        ece = Σ_b w_b |a_b - p̄_b|     over 20 bins of 5 per cent (the last holds 100)   (Naeini et al. 2015)
        brier = mean of (p - right)²    log_loss = - mean of log p of what happened, p kept within 0.5 and 99.5 per cent

    n : points in each cell [101, 2], where the weights come from a sample; then `ece_by_chance` is what the error of a
        perfectly calibrated map would be on average with so few points, Σ_b w_b √(2 p̄_b (1 - p̄_b) / (π n_b)): an error
        near it shows nothing. None for a census.
    """
    total = float(weight.sum())
    if total <= 0:
        return None
    share = np.asarray(weight / total, "float64")
    p = np.arange(LEVELS) / (LEVELS - 1)
    q = np.clip(p, CLIP, 1 - CLIP)
    bins = [_bin(share, p, n, b) for b in range(BINS)]
    filled = [row for row in bins if row["share"] > 0]
    chance = None if n is None else sum(_by_chance(row) for row in filled)
    return {
        "n": int(weight.sum()) if n is None else int(n.sum()),
        "mean_confidence": float(share.sum(axis=1) @ p),
        "accuracy": float(share[:, 1].sum()),
        "ece": float(sum(row["share"] * abs(row["accuracy"] - row["confidence"]) for row in filled)),
        "ece_by_chance": chance,
        "brier": float(share[:, 1] @ (1 - p) ** 2 + share[:, 0] @ p**2),
        "log_loss": float(-(share[:, 1] @ np.log(q) + share[:, 0] @ np.log(1 - q))),
        "bins": bins,
    }


def _bin(share: Floats, p: Floats, n: Counts | None, number: int) -> dict[str, Any]:
    width = (LEVELS - 1) // BINS
    low = number * width
    inside = slice(low, LEVELS if number == BINS - 1 else low + width)
    whole = float(share[inside].sum())
    return {
        "low": low / (LEVELS - 1),
        "high": (low + width) / (LEVELS - 1),
        "n": None if n is None else int(n[inside].sum()),
        "share": whole,
        "confidence": float(share[inside].sum(axis=1) @ p[inside]) / whole if whole > 0 else None,
        "accuracy": float(share[inside, 1].sum()) / whole if whole > 0 else None,
    }


def _by_chance(row: dict[str, Any]) -> float:
    p = min(1.0, row["confidence"])
    return float(row["share"] * np.sqrt(2 * p * (1 - p) / (np.pi * max(1, row["n"]))))


def sum_confidence(tallies: Iterable[dict[str, Any]]) -> dict[int, Counts]:
    """{city: int64 [2, 101, 2]} of all blocks."""
    total: dict[int, Counts] = {}
    for tally in tallies:
        for city, counts in tally["confidence"].items():
            total[int(city)] = total.get(int(city), 0) + np.array(counts, "int64")
    return total


def census_confidence(by_city: dict[int, Counts], cities: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Scores of nation and provinces from counts: `predicted` and `drawn` pixels apart, null where there are none."""
    told = []
    for place in places_of(cities, ("nation", "province")):
        parts = [by_city[city] for city in place.cities if city in by_city]
        counts = np.sum(parts, axis=0) if parts else np.zeros((2, LEVELS, 2), "int64")
        scores = {name: calibration_scores(counts[i]) for i, name in enumerate(PARTS)}
        told.append(place.to_dict() | scores)
    return told


def point_confidence(
    points: Sequence[tuple[int, bool, int, int]], drawn: Drawn, cities: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """As `census_confidence`, from points weighted by their design.

    points : (city, right, confidence, source) of each point in the order of `drawn`; source 0 (a hole) is left out
    """
    table = np.array(points, "int64").reshape(-1, 4)
    told = []
    for place in places_of(cities, ("nation", "province")):
        scores = {name: _at_points(table, drawn, place, i) for i, name in enumerate(PARTS)}
        told.append(place.to_dict() | scores)
    return told


def _at_points(table: Counts, drawn: Drawn, place: Place, part: int) -> dict[str, Any] | None:
    city, right, per_cent, source = table.T
    chosen = np.isin(city, place.cities) & (source > 0) & ((source == VECTOR) == bool(part))
    weight, n = np.zeros((LEVELS, 2)), np.zeros((LEVELS, 2), "int64")
    np.add.at(weight, (per_cent[chosen], right[chosen]), drawn.weights[chosen])
    np.add.at(n, (per_cent[chosen], right[chosen]), 1)
    return calibration_scores(weight, n)


def confidence_csv_rows(references: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """One row a bin of the reliability diagrams, and one a score."""
    rows: list[tuple[Any, ...]] = []
    for reference in references:
        for place in reference["confidence"]:
            head = (reference["name"], *(place[k] for k in ("level", "region", "province", "name")))
            for part in PARTS:
                scores = place[part]
                if scores is None:
                    continue
                for name in ("ece", "ece_by_chance", "brier", "log_loss", "mean_confidence", "accuracy"):
                    rows.append((*head, part, name, "", "", scores["n"], scores[name]))
                for b in scores["bins"]:
                    if b["share"] > 0:
                        limits = (b["low"], b["high"], b["n"])
                        rows.append((*head, part, "share of the bin", *limits, b["share"]))
                        rows.append((*head, part, "confidence in the bin", *limits, b["confidence"]))
                        rows.append((*head, part, "accuracy in the bin", *limits, b["accuracy"]))
    return rows
