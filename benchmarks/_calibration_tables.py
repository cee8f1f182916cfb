"""The tables of docs/benchmarks/calibration.md, from the records that `calibration.py` wrote."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean

from _coverage import POINTS, sets_table

from l2h.core.files import read_json


def tables(runs: Path, seeds: Sequence[int], families: Sequence[str]) -> dict[str, Iterator[str]]:
    """The tables of the page by their marks."""
    found = {
        family: [read_json(path) for s in seeds if (path := runs / str(s) / f"{family}.json").exists()]
        for family in families
    }
    found = {family: records for family, records in found.items() if records}
    whole = {family: [r for r in records if len(r["switch"]) > 1] for family, records in found.items()}
    switched = {family: records for family, records in whole.items() if records}  # not measured with --whole
    vectors = {family: records for family, records in found.items() if records[0]["drawn"]}
    return {
        "before and after": _before_after(found),
        "alone": _alone(found),
        "drawn": _drawn(vectors),
        "whole": _whole(vectors),
        "points": _points_table(found),
        "sets": sets_table(found, POINTS),
        "switch": _switch_table(switched),
    }


def _mean(records: Sequence[dict], *path: str) -> float:
    values = []
    for record in records:
        for key in path:
            record = record[key]
        values.append(record)
    return mean(values)


def _pairs(records: Sequence[dict], first: tuple[str, ...], second: tuple[str, ...], *keys: str) -> list[str]:
    """Means "before → after" of each key."""
    return [f"{_mean(records, *first, key):.3f} → {_mean(records, *second, key):.3f}" for key in keys]


def _by_seed(records: Sequence[dict], *path: str) -> str:
    return ", ".join(f"{_mean([record], *path):.3f}" for record in records)


def _before_after(found: dict[str, list[dict]]) -> Iterator[str]:
    yield (
        "| Family | right | says before → after | ECE before, by seed | ECE after, by seed | Brier | log loss "
        "| best T, S, and their ECE |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    for family, records in found.items():
        says, brier, loss = _pairs(
            records, ("fused", "raw"), ("fused", "default"), "mean_confidence", "brier", "log_loss"
        )
        cells = [
            family, f"{_mean(records, 'fused', 'raw', 'accuracy'):.3f}", says, _by_seed(records, "fused", "raw", "ece"),
            f"**{_by_seed(records, 'fused', 'default', 'ece')}**", brier, loss, _best(records, "fused"),
        ]  # fmt: skip
        yield f"| {' | '.join(cells)} |"


def _alone(found: dict[str, list[dict]]) -> Iterator[str]:
    yield "| Family | right | says before → after | ECE before, by seed | after, by seed | best T, S, and their ECE |"
    yield "|---|---|---|---|---|---|"
    for family, records in found.items():
        (says,) = _pairs(records, ("alone", "raw"), ("alone", "default"), "mean_confidence")
        errors = [_by_seed(records, "alone", how, "ece") for how in ("raw", "default")]
        right = f"{_mean(records, 'alone', 'raw', 'accuracy'):.3f}"
        yield f"| {family} | {right} | {says} | {' | '.join(errors)} | {_best(records, 'alone')} |"


def _best(records: Sequence[dict], which: str) -> str:
    coarse, split, ece = (_mean(records, which, "best", key) for key in ("coarse", "split", "ece"))
    return f"{coarse:.2f}, {split:.2f}: {ece:.3f}"


def _whole(found: dict[str, list[dict]]) -> Iterator[str]:
    yield "| Family | right | says alone → with | ECE alone, by seed | ECE with, by seed | Brier |"
    yield "|---|---|---|---|---|---|"
    for family, records in found.items():
        says, brier = _pairs(records, ("whole", "network"), ("whole", "witness"), "mean_confidence", "brier")
        errors = [_by_seed(records, "whole", how, "ece") for how in ("network", "witness")]
        right = f"{_mean(records, 'whole', 'network', 'accuracy'):.3f}"
        yield f"| {' | '.join([family, right, says, *errors, brier])} |"


def _drawn(found: dict[str, list[dict]]) -> Iterator[str]:
    yield "| Family | vector | share | right | says alone → with | ECE alone, by seed | ECE with, by seed | Brier |"
    yield "|---|---|---|---|---|---|---|---|"
    for family, records in found.items():
        for kind in records[0]["drawn"]:
            head = [f"{_mean(records, 'drawn', kind, *key):.3f}" for key in (("share",), ("network", "accuracy"))]
            alone, witness = ("drawn", kind, "network"), ("drawn", kind, "witness")
            says, brier = _pairs(records, alone, witness, "mean_confidence", "brier")
            errors = [_by_seed(records, *how, "ece") for how in (alone, witness)]
            yield f"| {' | '.join([family, kind, *head, says, *errors, brier])} |"


def _points_table(found: dict[str, list[dict]]) -> Iterator[str]:
    yield "| Family | seeds | as it comes | default | " + " | ".join(f"{n} points" for n in POINTS) + " |"
    yield "|---" * (4 + len(POINTS)) + "|"
    for family, records in found.items():
        sizes = [str(n) for n in POINTS if records[0]["points"][str(n)]]
        cells = [f"{_mean(records, 'points', n, 'ece'):.3f}" for n in sizes] + ["–"] * (len(POINTS) - len(sizes))
        base = [f"{_mean(records, 'points', sizes[0], key):.3f}" for key in ("raw", "default")]
        yield f"| {family} | {len(records)} | {' | '.join(base + cells)} |"


def _switch_table(found: dict[str, list[dict]]) -> Iterator[str]:
    yield (
        "| Family | Labels of | OA off → on | mIoU off → on | network of itself | label model | its cells | agreement "
        "| best | the rule, by seed | by agreement, by seed |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    lost = {"decides": 0.0, "by_gap": 0.0, "always": 0.0, "never": 0.0}
    count = 0
    for family, records in found.items():
        for products in records[0]["switch"]:
            rows = [record["switch"][products] for record in records]
            for row in rows:
                gain, count = row["on"][0] - row["off"][0], count + 1
                for rule, on in (
                    ("decides", row["decides"]),
                    ("by_gap", row["by_gap"]),
                    ("always", True),
                    ("never", False),
                ):
                    lost[rule] += max(0.0, gain) - (gain if on else 0.0)
            gain = mean(r["on"][0] - r["off"][0] for r in rows)
            best = "either" if abs(gain) < 0.005 else "on" if gain > 0 else "off"
            scores = [f"{mean(r['off'][i] for r in rows):.3f} → {mean(r['on'][i] for r in rows):.3f}" for i in (0, 1)]
            told = [f"{mean(r[key] for r in rows):.3f}" for key in ("network", "labels", "posterior", "agreement")]
            said = [", ".join("on" if r[key] else "off" for r in rows) for key in ("decides", "by_gap")]
            yield f"| {family} | {products} | {' | '.join(scores + told)} | {best} | {' | '.join(said)} |"
    yield (
        f"\nOverall accuracy lost against the better choice, mean of {count} rows and seeds: this rule "
        f"{lost['decides'] / count:.4f}, by agreement {lost['by_gap'] / count:.4f}, always on "
        f"{lost['always'] / count:.4f}, never {lost['never'] / count:.4f}.\n"
    )
