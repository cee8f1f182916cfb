"""Files are whole or absent, whatever happens to the writer."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from l2h.core.errors import InputError, StorageError
from l2h.core.files import (
    atomic_path,
    canonical_json,
    read_json,
    remove_parts,
    sha256_bytes,
    sha256_file,
    sole,
    write_bytes,
    write_json,
    write_text,
)

OLD, NEW = b"old" * 1000, b"new" * 5000


def test_a_file_appears_whole(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "deep" / "er" / "a.tif") as part:
        part.write_bytes(NEW)
        assert part.parent == tmp_path / "deep" / "er"
        assert part.suffix == ".tif"
        assert not (tmp_path / "deep" / "er" / "a.tif").exists()
    assert [path.name for path in part.parent.iterdir()] == ["a.tif"]
    assert (part.parent / "a.tif").read_bytes() == NEW


def test_a_failed_writer_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(OLD)

    def fail() -> None:
        with atomic_path(target) as part:
            part.write_bytes(NEW)
            raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        fail()
    assert target.read_bytes() == OLD
    assert list(tmp_path.iterdir()) == [target]


def test_text_and_json_have_one_form(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "é\n")
    assert (tmp_path / "a.txt").read_bytes() == b"\xc3\xa9\n"
    write_json(tmp_path / "a.json", {"b": 1, "a": ["é"]})
    assert (tmp_path / "a.json").read_text("utf-8") == '{\n  "a": [\n    "é"\n  ],\n  "b": 1\n}\n'
    assert read_json(tmp_path / "a.json") == {"a": ["é"], "b": 1}


def test_digests_are_sha256(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a", b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_file(tmp_path / "a") == sha256_bytes(b"abc") == known


def test_canonical_json_is_one_text_per_value() -> None:
    assert canonical_json({"b": (1, 2), "a": None}) == '{"a":null,"b":[1,2]}'
    assert canonical_json({"é", "b", "a"}) == '["a","b","é"]'
    assert canonical_json([Path("x/y"), date(2020, 1, 2), np.uint8(3), np.array([1, 2])]) == (
        '["x/y","2020-01-02",3,[1,2]]'
    )


@pytest.mark.parametrize("value", [object(), lambda: None])
def test_canonical_json_refuses_what_has_another_text_in_every_run(value: object) -> None:
    with pytest.raises(TypeError, match="cannot be hashed"):
        canonical_json({"value": value})


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    for read in (sha256_file, read_json):
        with pytest.raises(InputError, match=r"a file is missing.*none"):
            read(tmp_path / "none")
        with pytest.raises(InputError, match=r"cannot be read.*Is a directory"):
            read(tmp_path)
    for data in (b'{"a": ', b"\xff\xfe\x00"):
        (tmp_path / "a.json").write_bytes(data)
        with pytest.raises(InputError, match=r"not JSON.*a\.json"):
            read_json(tmp_path / "a.json")


def test_remove_parts_takes_parts_and_nothing_else(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a" / "keep.tif", NEW)
    (tmp_path / "a" / ".keep.part-x1.tif").write_bytes(OLD)
    (tmp_path / "a" / ".keep.part-x1.tif.aux.xml").write_bytes(OLD)
    write_bytes(tmp_path / "a" / ".x.part-k" / ".nodes.part-index", OLD)
    write_bytes(tmp_path / "a" / ".y.part-k" / "of somebody else", OLD)
    assert remove_parts(tmp_path) == 3
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [".y.part-k", "keep.tif"]
    assert remove_parts(tmp_path / "none") == 0


# a killed writer: a process of its own that kills itself at each point of a write

KILLED = """
import os, signal, sys
from pathlib import Path
from l2h.core import files
target, point = Path(sys.argv[1]), sys.argv[2]
def die():
    os.kill(os.getpid(), signal.SIGKILL)
real_sync, replace, syncs = files.sync, Path.replace, []
def sync(path):
    if point == "after write, before sync" and not syncs:
        die()
    real_sync(path)
    syncs.append(path)
    if point == "after sync, before rename" and len(syncs) == 1:
        die()
def rename(self, other):
    replace(self, other)
    if point == "after rename, before the folder's sync":
        die()
    return other
files.sync, Path.replace = sync, rename
with files.atomic_path(target) as part:
    if point == "before write":
        die()
    with part.open("wb") as stream:
        stream.write(b"new" * 2500)
        stream.flush()
        if point == "mid-write":
            die()
        stream.write(b"new" * 2500)
if point == "after all":
    die()
"""
POINTS = {
    "before write": OLD,
    "mid-write": OLD,
    "after write, before sync": OLD,
    "after sync, before rename": OLD,
    "after rename, before the folder's sync": NEW,
    "after all": NEW,
}


@pytest.mark.parametrize("existing", [True, False], ids=["over an old file", "where none was"])
@pytest.mark.parametrize("point", POINTS)
def test_a_writer_killed_at_any_point_leaves_old_or_new(tmp_path: Path, point: str, existing: bool) -> None:
    target = tmp_path / "a.bin"
    if existing:
        target.write_bytes(OLD)
    run = subprocess.run([sys.executable, "-c", KILLED, str(target), point], check=False)
    assert run.returncode == -signal.SIGKILL
    remove_parts(tmp_path)
    expected = POINTS[point] if existing or POINTS[point] == NEW else None
    assert (target.read_bytes() if target.exists() else None) == expected
    assert set(tmp_path.iterdir()) <= {target}


# a full disk


def test_a_full_disk_keeps_the_old_file(tiny_disk: Path) -> None:
    write_bytes(tiny_disk / "a.bin", OLD)
    with pytest.raises(StorageError, match=r"a\.bin.*No space left.*Free some space"):
        write_bytes(tiny_disk / "a.bin", b"x" * 2_000_000)
    assert (tiny_disk / "a.bin").read_bytes() == OLD
    assert [path.name for path in tiny_disk.iterdir()] == ["a.bin"]
    write_bytes(tiny_disk / "b.bin", NEW)


LIMITED = """
import resource, sys
from pathlib import Path
from l2h.core.errors import StorageError
from l2h.core.files import write_bytes
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
try:
    write_bytes(Path(sys.argv[1]), b"x" * 1001)
except StorageError as error:
    print(error)
"""


def test_a_file_size_limit_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(OLD)
    run = subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path / "a.bin")], capture_output=True, check=True)
    assert b"File too large" in run.stdout
    assert (tmp_path / "a.bin").read_bytes() == OLD
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


def test_a_place_that_cannot_be_a_folder_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="cannot write a file"):
        write_bytes(tmp_path / "file" / "a.bin", b"")


def test_an_input_that_cannot_be_read_is_not_blamed_on_the_disk(tmp_path: Path) -> None:
    def copy() -> None:
        with atomic_path(tmp_path / "a.bin"):
            raise PermissionError(13, "Permission denied", str(tmp_path / "secret"))

    with pytest.raises(PermissionError, match="secret"):
        copy()


# the order in which bytes and names reach the disk

WRITE = (
    "import sys; from pathlib import Path; from l2h.core.files import write_bytes; write_bytes(Path(sys.argv[1]), b'x')"
)


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_bytes_reach_the_disk_before_the_name(tmp_path: Path) -> None:
    target, log = tmp_path / "new" / "a.bin", tmp_path / "log"
    calls = "trace=openat,write,fsync,rename,mkdir"
    run = subprocess.run(
        ["strace", "-y", "-e", calls, "-o", str(log), sys.executable, "-c", WRITE, str(target)],
        check=False, capture_output=True,
    )  # fmt: skip
    if run.returncode != 0 and b"ptrace" in run.stderr:
        pytest.skip("strace may not trace here")
    assert run.returncode == 0, run.stderr.decode()
    ours = [line for line in log.read_text().splitlines() if str(tmp_path) in line and "openat" not in line]
    order = [(line.split("(")[0], line) for line in ours]
    assert [call for call, _ in order] == ["mkdir", "fsync", "write", "fsync", "rename", "fsync"]
    texts = [text for _, text in order]
    assert f"<{tmp_path}>" in texts[1]  # the new folder's name
    assert ".a.part-" in texts[2]
    assert ".a.part-" in texts[3]
    assert f'"{target}"' in texts[4]
    assert f"<{tmp_path / 'new'}>" in texts[5]


def test_json_written_is_json_read(tmp_path: Path) -> None:
    value = {"a": [1, 2.5, None, True, "x"], "b": {"c": []}}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == json.loads(json.dumps(value)) == value
    assert oct(os.stat(tmp_path / "a.json").st_mode)[-3:] == "644"  # noqa: PTH116


def test_a_lock_is_held_by_one_and_free_again_after(tmp_path: Path) -> None:
    lock = tmp_path / "work" / ".lock"
    with sole(lock, "busy here"):
        with pytest.raises(InputError, match="busy here") as caught, sole(lock, "busy here"):
            pytest.fail("two are inside")
        assert caught.value.got.startswith(f"process {os.getpid()} on ")
    with sole(lock, "busy here"):
        assert len(lock.read_text().splitlines()) == 1


def test_a_lock_ends_with_a_killed_holder(tmp_path: Path) -> None:
    code = "import sys, time, pathlib\nfrom l2h.core.files import sole\n"
    code += "with sole(pathlib.Path(sys.argv[1]), ''):\n    print(flush=True)\n    time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "l")], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(InputError), sole(tmp_path / "l", "busy"):
            pytest.fail("two are inside")
        holder.kill()
        holder.wait()
        with sole(tmp_path / "l", "busy"):
            pass


def test_a_file_system_without_locks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("l2h.core.files.fcntl.flock", refuse)
    with pytest.raises(StorageError, match="No locks available"), sole(tmp_path / "l", "busy"):
        pytest.fail("inside without a lock")
