"""Help, exit statuses and the two streams."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from l2h.cli.table import COMMANDS

L2H = Callable[..., Any]
HEAVY = {
    "torch", "rasterio", "geopandas", "pandas", "numpy", "pydantic", "matplotlib", "osmium", "scipy", "shapely",
    "pyarrow", "lightning_fabric", "ray", "rich", "PIL", "jinja2", "psutil",
}  # fmt: skip
LOADED = """
import json, sys
from l2h.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as ended:
    assert ended.code == 0
print("\\n" + json.dumps(sorted({name.split(".")[0] for name in sys.modules})))
"""


def loaded(*arguments: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", LOADED, *arguments], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_help_loads_nothing_heavy() -> None:
    """Time is not tested, for machines differ: what is not loaded costs none."""
    assert loaded("--help") & HEAVY == set()
    assert loaded("--version") & HEAVY == set()


def test_help_of_a_stage_loads_no_room() -> None:
    assert loaded("run", "--help") & {"torch", "rasterio", "geopandas", "numpy", "scipy"} == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, l2h: L2H) -> None:
    said = l2h(name, "--help")
    assert said.status == 0
    assert said.out.startswith(f"Usage: l2h {name}")
    assert "Options:" in said.out


def test_help_lists_the_commands_in_the_order_of_the_chain(l2h: L2H) -> None:
    said = l2h("--help")
    places = [said.out.index(f"\n  {name} ") for name in COMMANDS]
    assert places == sorted(places)
    assert "Exit status: 0 done, 1 failed, 2 wrong usage, 3 done with holes" in said.out


def test_a_made_stage_tells_people_and_programs_apart(tiny_layers: Path, l2h: L2H) -> None:
    for_people = l2h("layers", tiny_layers, "--executor", "serial")
    assert (for_people.status, for_people.out) == (0, "")
    assert "25 kept" in for_people.err
    for_programs = l2h("layers", tiny_layers, "--executor", "serial", "--json")
    assert for_programs.status == 0
    (stage,) = json.loads(for_programs.out)["stages"]
    assert (stage["name"], stage["made"], stage["kept"], stage["holes"]) == ("layers", 0, 25, [])


@pytest.mark.slow
def test_a_reader_that_has_gone_is_no_error(tiny: Path) -> None:
    command = f"{sys.executable} -m l2h layers {tiny} --executor serial --json | head -c 0"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert "Broken pipe" not in done.stderr


@pytest.mark.slow
def test_ctrl_c_says_that_what_is_finished_is_kept(tiny: Path) -> None:
    command = [sys.executable, "-m", "l2h", "run", str(tiny), "--workers", "1", "--set", "learning.megapixels=50"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 120
    while not (tiny / "work/labels/model.json").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
    _, told = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "interrupted. What was finished is kept; run the same command to go on." in told
    assert "Traceback" not in told
    assert not list(tiny.rglob(".*.part-*"))
