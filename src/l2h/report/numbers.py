"""Numbers as people read them. An undefined number is a dash, never a zero."""

from typing import Any

DASH = "–"


def percent(value: float | None, digits: int = 1) -> str:
    """
    >>> percent(0.7361), percent(None)
    ('73.6', '–')
    """
    return DASH if value is None else f"{100 * value:.{digits}f}"


def plus_minus(estimate: dict[str, Any], digits: int = 1) -> str:
    """Per cent with the standard error, which a census does not have.

    >>> plus_minus({"value": 0.8, "standard_error": 0.0123, "design": "simple_random"})
    '80.0 ± 1.2'
    """
    value = percent(estimate["value"], digits)
    if estimate["value"] is None or estimate["design"] == "census":
        return value
    error = estimate["standard_error"]  # 0 where all units are right or all wrong: only the interval is honest there
    return f"{value} ± {percent(error, digits)}" if error else value


def interval(estimate: dict[str, Any], digits: int = 1) -> str:
    """The 95 % interval in per cent; empty for a census."""
    if estimate["low"] is None or estimate["design"] == "census":
        return ""
    return f"{percent(estimate['low'], digits)} to {percent(estimate['high'], digits)}"


def decimal(estimate: dict[str, Any], digits: int = 3) -> str:
    """A number that is no share (kappa), with its standard error."""
    if estimate["value"] is None:
        return DASH
    text = f"{estimate['value']:.{digits}f}"
    error = estimate["standard_error"]
    return text if error is None or estimate["design"] == "census" else f"{text} ± {error:.{digits}f}"


def count(value: float | None) -> str:
    """
    >>> count(1234567)
    '1 234 567'
    """
    return DASH if value is None else f"{round(value):,}".replace(",", " ")


def km2(square_metres: float | None) -> str:
    """Square kilometres with three figures or all whole ones.

    >>> km2(1_234_567), km2(12_345_678_901), km2(420), km2(0)
    ('1.23', '12 346', '0.00042', '0')
    """
    if square_metres is None:
        return DASH
    value = square_metres / 1e6
    if value >= 100 or value == 0:
        return count(value)
    text = f"{value:#.3g}" if value >= 1 else f"{value:.3f}" if value >= 0.001 else f"{value:.5f}"
    return text.rstrip(".")


def duration(seconds: float) -> str:
    """
    >>> duration(4.2), duration(75), duration(7260)
    ('4.2 s', '1 min 15 s', '2 h 01 min')
    """
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def memory(megabytes: float) -> str:
    return f"{megabytes / 1024:.1f} GB" if megabytes >= 1000 else f"{round(megabytes)} MB"


def rate(value: float | None) -> str:
    """Mpx/s with two significant figures."""
    return DASH if value is None else f"{value:.2g}" if value < 10 else count(value)


def scale_bar(width_px: int, pixel_m: float) -> tuple[float, str]:
    """Share of a picture's width and the label of a round length: the longest of 1, 2, 5 × 10^k m within a third.

    >>> scale_bar(384, 1.0)
    (0.2604166666666667, '100 m')
    """
    width = width_px * pixel_m
    lengths = [m * 10.0**k for k in range(-2, 8) for m in (1, 2, 5)]
    length = max((x for x in lengths if x <= width / 3), default=lengths[0])
    label = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    return length / width, label
