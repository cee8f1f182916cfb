"""`l2h doctor`: what this machine has."""

import json
import os
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click

PACKAGES = ("torch", "rasterio", "pyproj", "shapely", "geopandas", "pyogrio", "osmium", "lightning-fabric", "ray")
NEEDED_GB = 4.0


@click.command("doctor")
@click.argument("folder", metavar="DIR", default=".", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print as JSON on standard output.")
def doctor(folder: Path, as_json: bool) -> int:
    """Say what this machine has for work in DIR, and what it lacks; status 1 where the chain cannot run."""
    facts = examine(folder)
    if as_json:
        click.echo(json.dumps(facts, indent=2))
    else:
        for name, value in _rows(facts):
            click.echo(f"{name:<16} {value}", err=True)
        for problem in facts["problems"]:
            click.echo(f"problem: {problem}", err=True)
    return 1 if facts["problems"] else 0


def examine(folder: Path) -> dict[str, Any]:
    """Facts about the machine, and `problems` that would stop the chain."""
    import psutil
    import rasterio
    import torch

    from l2h.report.typeface import installed

    memory = psutil.virtual_memory()
    there = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())
    free = shutil.disk_usage(there).free
    drivers = rasterio.drivers.raster_driver_extensions()
    facts: dict[str, Any] = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(memory.total / 1e9, 1),
        "available_gb": round(memory.available / 1e9, 1),
        "free_disk_gb": round(free / 1e9, 1),
        "gdal": rasterio.__gdal_version__,
        "jpeg2000": "jp2" in drivers,
        "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
        "cjk_font": next(iter(installed()), None),
        "bf16_cpu": bool(torch.cpu._is_avx512_bf16_supported()),
        "packages": {name: _version(name) for name in PACKAGES},
    }
    facts["problems"] = _problems(facts, there)
    return facts


def _rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Facts as people read them, a package a row."""
    rows = {name: value for name, value in facts.items() if name not in ("packages", "problems")}
    return [(name, _words(value)) for name, value in (rows | facts["packages"]).items()]


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not value and value != 0:
        return "none"
    return ", ".join(value) if isinstance(value, list) else str(value)


def _problems(facts: dict[str, Any], there: Path) -> list[str]:
    problems = []
    if facts["available_gb"] < NEEDED_GB:
        problems.append(f"{facts['available_gb']} GB of memory are available; the toy country needs {NEEDED_GB:.0f}")
    if facts["free_disk_gb"] < 1:
        problems.append(f"{facts['free_disk_gb']} GB are free at {there}; the toy country needs 1")
    if not os.access(there, os.W_OK):
        problems.append(f"{there} cannot be written")
    return problems


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


COMMANDS = {"doctor": doctor}
