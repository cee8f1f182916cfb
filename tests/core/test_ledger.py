"""The ledger: what is recorded survives everything, what is torn never was."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from l2h.core.errors import InputError
from l2h.core.files import sha256_file
from l2h.core.ledger import FileState, Ledger, Record, decide


def record(key: str, wanted: str = "w", **more: object) -> Record:
    return Record(key, wanted, {f"work/{key}": FileState("ab" * 32, 3, 12345)}, **more)  # type: ignore[arg-type]


def make(root: Path, name: str, data: bytes) -> Record:
    """A file below the project and its record, as a task would leave them."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return Record(name, "w", {name: FileState.of(path)})


def age(path: Path, seconds: float = 100) -> None:
    """Give a file a time that lies `seconds` back."""
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns - int(seconds * 1e9)))


def test_what_is_added_is_there_for_the_next_run(tmp_path: Path) -> None:
    full = record("map/r0c0", holes=({"where": "é", "reason": "x"},), info={"seconds": 1.5}, failed="")
    Ledger(tmp_path).add(full)
    again = Ledger(tmp_path)
    assert again.get("map/r0c0") == full
    assert list(again.records()) == [full]
    assert again.get("other") is None
    assert again.torn == 0


def test_the_newest_record_of_a_key_wins(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for wanted in ("one", "two"):
        ledger.add(record("a", wanted))
    assert ledger.get("a") == Ledger(tmp_path).get("a") == record("a", "two")


# what to do about a task: a pure function of what is found
@pytest.mark.parametrize(
    ("found", "wanted", "intact", "decision"),
    [
        (None, "w", False, "make"),
        (None, "w", True, "make"),
        (record("a", "w", failed="why"), "w", True, "make"),
        (record("a", "w", failed="why"), "v", False, "make"),
        (record("a", "w"), "w", True, "keep"),
        (record("a", "w"), "w", False, "remake"),
        (record("a", "w"), "v", True, "remake"),
        (record("a", "w"), "v", False, "remake"),
    ],
)
def test_decisions(found: Record | None, wanted: str, intact: bool, decision: str) -> None:
    assert decide(found, wanted, intact) == decision


def test_truncated_at_any_byte_the_last_whole_record_counts(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for key in "abc":
        ledger.add(Record(key, "w"))
    data = ledger.path.read_bytes()
    ends = [at for at, byte in enumerate(data) if byte == ord("\n")]
    for cut in range(len(data) + 1):
        ledger.path.write_bytes(data[:cut])
        torn = Ledger(tmp_path)
        whole = sum(end <= cut for end in ends)  # a record counts when all but its newline is there
        assert [r.key for r in torn.records()] == list("abc")[:whole]
        assert torn.torn == (cut - 1 not in ends and cut not in [0, *ends])
        if cut < ends[-2]:
            continue  # appending waits for the disk: the last line stands for all
        torn.add(Record("d", "w"))
        assert [r.key for r in Ledger(tmp_path).records()] == [*list("abc")[:whole], "d"]
        assert torn.path.read_bytes().startswith(data[:cut])  # nothing is ever rewritten


@pytest.mark.parametrize("junk", [b"\x00" * 512, b"\xff\xfe{}", b"{]\n", b"\n\n\n"])
def test_junk_of_a_power_cut_is_no_record(tmp_path: Path, junk: bytes) -> None:
    ledger = Ledger(tmp_path)
    ledger.add(record("a"))
    with ledger.path.open("ab") as stream:
        stream.write(junk)
    again = Ledger(tmp_path)
    again.add(record("b"))
    assert [r.key for r in Ledger(tmp_path).records()] == ["a", "b"]


@pytest.mark.parametrize("line", [{}, {"kind": "task"}, {"kind": "task", "key": "a", "wanted": "w", "new": 1}, []])
def test_a_line_of_another_version_is_refused(tmp_path: Path, line: object) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "ledger.jsonl").write_text(json.dumps(line) + "\n")
    with pytest.raises(InputError, match=r"not of this version.*ledger\.jsonl"):
        Ledger(tmp_path)


APPEND = """
import sys
from pathlib import Path
from l2h.core.ledger import Ledger, Record
ledger = Ledger(Path(sys.argv[1]))
for n in range(60):
    ledger.add(Record(f"{sys.argv[2]}/{n}", "w", info={"long": "x" * (n * 37 % 5000)}))
"""


def test_two_processes_that_append_lose_nothing(tmp_path: Path) -> None:
    names = ("one", "two", "three")
    runs = [subprocess.Popen([sys.executable, "-c", APPEND, str(tmp_path), name]) for name in names]
    assert [run.wait() for run in runs] == [0, 0, 0]
    ledger = Ledger(tmp_path)
    assert {r.key for r in ledger.records()} == {f"{name}/{n}" for name in names for n in range(60)}
    assert ledger.torn == 0


def lines(ledger: Ledger) -> int:
    return len(ledger.path.read_bytes().splitlines()) if ledger.path.exists() else 0


def test_outputs_are_intact_while_their_bytes_are(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.add(make(tmp_path, "work/a", b"abc"))
    found = ledger.get("work/a")
    assert found is not None
    assert ledger.intact(found)
    (tmp_path / "work" / "a").unlink()
    assert not ledger.intact(found)


def test_a_new_time_with_the_same_bytes_is_intact_and_hashed_once(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.add(make(tmp_path, "work/a", b"abc"))
    age(tmp_path / "work" / "a")
    found = ledger.get("work/a")
    assert found is not None
    assert ledger.intact(found)
    before = lines(ledger)
    assert ledger.intact(found)
    again = Ledger(tmp_path)
    assert again.intact(found)
    assert again.digest_of(tmp_path / "work" / "a") == found.outputs["work/a"].sha256
    assert lines(ledger) == before  # known now: neither hashed nor written again


@pytest.mark.parametrize("data", [b"abd", b"ab", b"abcd", b""])
def test_a_changed_byte_is_noticed(tmp_path: Path, data: bytes) -> None:
    ledger = Ledger(tmp_path)
    ledger.add(make(tmp_path, "work/a", b"abc"))
    age(tmp_path / "work" / "a")
    (tmp_path / "work" / "a").write_bytes(data)
    found = ledger.get("work/a")
    assert found is not None
    assert not ledger.intact(found)
    assert ledger.digest_of(tmp_path / "work" / "a") == FileState.of(tmp_path / "work" / "a").sha256


def test_an_input_from_outside_is_hashed_once(tmp_path: Path) -> None:
    outside, project = tmp_path / "data" / "a.tif", tmp_path / "project"
    outside.parent.mkdir()
    outside.write_bytes(b"abc")
    age(outside)
    ledger = Ledger(project)
    digest = ledger.digest_of(outside)
    assert (digest, lines(ledger)) == (FileState.of(outside).sha256, 1)
    # the digest is believed while size and time agree: shown by other bytes under the same size and time
    stat = outside.stat()
    outside.write_bytes(b"abd")
    os.utime(outside, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert Ledger(project).digest_of(outside) == digest
    age(outside)
    assert Ledger(project).digest_of(outside) == FileState.of(outside).sha256 != digest


def test_a_file_just_written_is_not_known_by_its_time(tmp_path: Path) -> None:
    """Two writes within one tick of the file system's clock leave the same time."""
    outside = tmp_path / "a.tif"
    ledger = Ledger(tmp_path / "project")
    digests = set()
    for data in (b"abc", b"abd", b"abe"):
        outside.write_bytes(data)
        digests.add(ledger.digest_of(outside))
    assert len(digests) == 3


def test_a_missing_input_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing.*none\.tif"):
        Ledger(tmp_path).digest_of(tmp_path / "none.tif")


def test_a_project_can_be_moved(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "here")
    ledger.add(make(tmp_path / "here", "work/a", b"abc"))
    (tmp_path / "here").rename(tmp_path / "there")
    moved = Ledger(tmp_path / "there")
    found = moved.get("work/a")
    assert found is not None
    assert moved.intact(found)


def test_a_read_only_ledger_remembers_for_itself_alone(tmp_path: Path) -> None:
    source = tmp_path / "in.txt"
    source.write_text("a")
    ledger = Ledger(tmp_path, read_only=True)
    assert ledger.digest_of(source) == sha256_file(source)
    assert not (tmp_path / "work").exists()


def test_a_line_of_another_version_is_named(tmp_path: Path) -> None:
    Ledger(tmp_path).add(Record("a", "w"))
    with Ledger(tmp_path).path.open("a") as stream:
        stream.write('{"kind":"task","key":"b"}\n')
    with pytest.raises(InputError, match=r"ledger.jsonl, line 2\).*Remove the line"):
        Ledger(tmp_path)
