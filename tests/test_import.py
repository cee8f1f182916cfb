"""Importing opens, prints and configures nothing, and settings stay light."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src"
NAMES = sorted(
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
    for path in SOURCE.rglob("*.py")
    if path.name != "__main__.py"
)
SETTINGS = [name for name in NAMES if name.endswith(".settings")]
HEAVY = {
    "torch", "rasterio", "geopandas", "pandas", "matplotlib", "osmium", "scipy", "pyogrio", "shapely", "pyarrow",
    "lightning_fabric", "ray", "PIL", "jinja2",
}  # fmt: skip

LOADED = """
import json, sys
for name in sys.argv[1:]:
    __import__(name)
json.dump(sorted({name.split(".")[0] for name in sys.modules}), sys.stdout)
"""

# what importing must leave alone: loggers' handlers and levels, the folder, the environment, random states, threads
UNTOUCHED = """
import importlib, logging, os, random, sys, threading, warnings
warnings.simplefilter("error", ResourceWarning)
def configured():
    loggers = [logging.getLogger(), *(l for l in map(logging.getLogger, sorted(logging.root.manager.loggerDict))
               if l.name.startswith("l2h"))]
    return [(l.name, l.level, [h for h in l.handlers if not isinstance(h, logging.NullHandler)]) for l in loggers]
for name in ("numpy", "torch", "rasterio", "geopandas", "lightning_fabric", "matplotlib", "httpx"):
    importlib.import_module(name)
before = configured(), os.getcwd(), random.getstate(), threading.active_count(), dict(os.environ)
for name in sys.argv[1:]:
    importlib.import_module(name)
after = configured(), os.getcwd(), random.getstate(), threading.active_count(), dict(os.environ)
for what, old, new in zip(("logging", "folder", "random", "threads", "environment"), before, after):
    if what == "logging":
        new = [entry for entry in new if entry[0] in {name for name, *_ in old} or entry[1:] != (0, [])]
    if old != new:
        raise SystemExit(f"importing changed {what}: {old} -> {new}")
"""


def run(code: str, names: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["l2h", *SETTINGS])
def test_settings_load_nothing_heavy(name: str) -> None:
    """`l2h --help` and a refused project file must not wait for torch or GDAL."""
    result = run(LOADED, [name])
    assert result.returncode == 0, result.stderr
    assert set(json.loads(result.stdout)) & HEAVY == set()


@pytest.mark.slow
def test_importing_everything_prints_and_configures_nothing() -> None:
    result = run(UNTOUCHED, NAMES)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_every_room_has_settings_that_were_looked_at() -> None:
    assert importlib.util.find_spec("l2h.core.settings") is not None
    assert "l2h.core.settings" in SETTINGS
