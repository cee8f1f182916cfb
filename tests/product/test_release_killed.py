"""Kill the release anywhere, run it again: the same files as never having been killed, and nothing else."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from l2h.core.executors import ProcessExecutor
from l2h.core.files import remove_parts
from l2h.core.ledger import Ledger
from l2h.core.tasks import Context, run_stage
from l2h.product.stage import stage
from l2h.product.verify import verify_release

SCRIPT = """
import importlib.util, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("c", sys.argv[1])
c = importlib.util.module_from_spec(spec); spec.loader.exec_module(c)
print("ready", flush=True)
c.run_stage(c.stage(c.SETTINGS, c.FACTS), c.open_context(Path(sys.argv[2])))
"""


def texts(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.slow
def test_killed_at_random_moments(released, workspace):
    conftest = Path(__file__).with_name("conftest.py")
    root = workspace.project_dir
    rng = np.random.default_rng(1)
    for _ in range(6):
        run = subprocess.Popen([sys.executable, "-c", SCRIPT, conftest, root], stdout=subprocess.PIPE)
        assert run.stdout is not None
        assert run.stdout.readline() == b"ready\n"
        time.sleep(float(rng.uniform(0.05, 0.5)))
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
        run.stdout.close()
    subprocess.run([sys.executable, "-c", SCRIPT, conftest, root], check=True, stdout=subprocess.DEVNULL)
    remove_parts(root)
    assert texts(root / "release") == texts(released / "release")
    assert verify_release(root / "release" / "1.0")[1] == []


@pytest.mark.slow
def test_the_same_release_from_processes(released, workspace, recipe):
    with ProcessExecutor(2) as executor:
        context = Context(workspace.project_dir, workspace.grid, 100, Ledger(workspace.project_dir), executor)
        run_stage(stage(*recipe), context)
    assert texts(workspace.project_dir / "release") == texts(released / "release")
