"""The tables of docs/benchmarks/calibration.md, from the records that `calibration.py` wrote."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean

from _coverage import POINTS, sets_table

from l2h.core.files import read_json


def report(runs: Path, seeds: Sequence[int], families: Sequence[str]) -> Iterator[str]:
    """The tables of the page."""
    found = {
        family: [read_json(path) for s in seeds if (path := runs / str(s) / f"{family}.json").exists()]
        for family in families
    }
    found = {family: records for family, records in found.items() if records}
    yield "# Confidence and the prior's switch on real pictures\n"
    yield from _before_after(found)
    yield from _points_table(found)
    yield from sets_table(found, POINTS)
    yield from _switch_table(found)


def _mean(records: Sequence[dict], *path: str) -> float:
    values = []
    for record in records:
        for key in path:
            record = record[key]
        values.append(record)
    return mean(values)


def _before_after(found: dict[str, list[dict]]) -> Iterator[str]:
    yield "## Before and after\n"
    yield (
        "| Family | seeds | accuracy | confidence before → after | ECE before, by seed | ECE before → after | Brier "
        "| log loss | best temperatures (coarse, split), and their ECE |"
    )
    yield "|---|---|---|---|---|---|---|---|---|"
    for family, records in found.items():
        one = [f"{r['fused']['raw']['ece']:.3f}" for r in records]
        pairs = [
            f"{_mean(records, 'fused', 'raw', key):.3f} → {_mean(records, 'fused', 'default', key):.3f}"
            for key in ("mean_confidence", "ece", "brier", "log_loss")
        ]
        best = [_mean(records, "fused", "best", key) for key in ("coarse", "split", "ece")]
        yield (
            f"| {family} | {len(records)} | {_mean(records, 'fused', 'raw', 'accuracy'):.3f} | {pairs[0]} "
            f"| {', '.join(one)} | **{pairs[1]}** | {pairs[2]} | {pairs[3]} "
            f"| {best[0]:.2f}, {best[1]:.2f}: {best[2]:.3f} |"
        )
    yield "\nThe network alone, without the prior:\n"
    yield "| Family | accuracy | confidence before → after | ECE before → after | best temperatures, and their ECE |"
    yield "|---|---|---|---|---|"
    for family, records in found.items():
        best = [_mean(records, "alone", "best", key) for key in ("coarse", "split", "ece")]
        pairs = [
            f"{_mean(records, 'alone', 'raw', key):.3f} → {_mean(records, 'alone', 'default', key):.3f}"
            for key in ("mean_confidence", "ece")
        ]
        yield (
            f"| {family} | {_mean(records, 'alone', 'raw', 'accuracy'):.3f} | {pairs[0]} | {pairs[1]} "
            f"| {best[0]:.2f}, {best[1]:.2f}: {best[2]:.3f} |"
        )
    yield "\nAll pixels of the map, vectors drawn, told by the network alone and with the vectors:\n"
    yield "| Family | right | says, alone → with | ECE | Brier |"
    yield "|---|---|---|---|---|"
    for family, records in found.items():
        pairs = [
            " → ".join(f"{_mean(records, 'whole', how, key):.3f}" for how in ("network", "witness"))
            for key in ("mean_confidence", "ece", "brier")
        ]
        yield f"| {family} | {_mean(records, 'whole', 'network', 'accuracy'):.3f} | {' | '.join(pairs)} |"
    yield "\nPixels that a known vector is drawn on, told by the network alone and with the vector:\n"
    yield "| Family | vector | share of labelled pixels | right | says, alone → with | ECE | Brier |"
    yield "|---|---|---|---|---|---|---|"
    for family, records in found.items():
        for kind in records[0]["drawn"]:
            head = [f"{_mean(records, 'drawn', kind, *key):.3f}" for key in (("share",), ("network", "accuracy"))]
            pairs = [
                " → ".join(f"{_mean(records, 'drawn', kind, how, key):.3f}" for how in ("network", "witness"))
                for key in ("mean_confidence", "ece", "brier")
            ]
            yield f"| {family} | {kind} | {' | '.join(head + pairs)} |"
    yield ""


def _points_table(found: dict[str, list[dict]]) -> Iterator[str]:
    yield "## With interpreted points\n"
    yield "| Family | as it comes | default | " + " | ".join(f"{n} points" for n in POINTS) + " |"
    yield "|---" * (3 + len(POINTS)) + "|"
    for family, records in found.items():
        sizes = [str(n) for n in POINTS if records[0]["points"][str(n)]]
        cells = [f"{_mean(records, 'points', n, 'ece'):.3f}" for n in sizes] + ["–"] * (len(POINTS) - len(sizes))
        base = [f"{_mean(records, 'points', sizes[0], key):.3f}" for key in ("raw", "default")]
        yield f"| {family} | {' | '.join(base + cells)} |"
    yield ""


def _switch_table(found: dict[str, list[dict]]) -> Iterator[str]:
    yield "## The prior's switch\n"
    yield (
        "| Family | Labels of | OA off → on | mIoU off → on | network of itself | label model | its cells | agreement "
        "| best | this rule, by seed | by agreement, by seed |"
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
