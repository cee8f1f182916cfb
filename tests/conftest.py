"""Fixtures shared by all rooms."""

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from l2h.cli.main import main

HERE = str(Path(__file__).parent)

# Where the tests run in the background the shell has told them to ignore Ctrl-C, and their children with them; some
# tests interrupt a child
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, HERE)  # `tiny_project` is used from several folders


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_disk() -> Iterator[None]:
    """Nobody pulls the plug of a test; that files are synced in the right order is traced in a process of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real pictures and products; the test is skipped where it is absent."""
    here = Path(__file__).resolve()
    folder = Path(os.environ.get("L2H_TEST_DATA", here.parents[2] / "shared" / "data"))
    if not (folder / "cases").is_dir():
        pytest.skip(f"real data not found at {folder}: set L2H_TEST_DATA")
    return folder


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it told programs (out) and people (err)."""

    status: int
    out: str
    err: str


@pytest.fixture
def l2h(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Call the command line in this process: `l2h("run", folder, "--json")`."""

    def call(*arguments: object) -> Said:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        assert isinstance(ended.value.code, int)
        return Said(ended.value.code, *capsys.readouterr())

    return call


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A fresh project of 120 × 160 pixels."""
    from tiny_project import make_project

    return make_project(tmp_path / "tiny")


@pytest.fixture(scope="session")
def tiny_layers_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny project with its layers made; not to be changed."""
    from tiny_project import make_project

    folder = make_project(tmp_path_factory.mktemp("layers") / "tiny")
    with pytest.raises(SystemExit) as ended:
        main(["layers", str(folder), "--executor", "serial"])
    assert ended.value.code == 0
    return folder


@pytest.fixture
def tiny_layers(tiny_layers_once: Path, tmp_path: Path) -> Path:
    """A copy of the tiny project with its layers made."""
    return shutil.copytree(tiny_layers_once, tmp_path / "layers")


@pytest.fixture(scope="session")
def tiny_done_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny project with the whole chain run; not to be changed."""
    from tiny_project import QUICK, make_project

    folder = make_project(tmp_path_factory.mktemp("done") / "tiny")
    settings = [part for setting in QUICK for part in ("--set", setting)]
    with pytest.raises(SystemExit) as ended:
        main(["run", str(folder), "--executor", "serial", *settings])
    assert ended.value.code == 0
    return folder


@pytest.fixture
def tiny_done(tiny_done_once: Path, tmp_path: Path) -> Path:
    """A copy of the tiny project with the whole chain run."""
    return shutil.copytree(tiny_done_once, tmp_path / "done")
