"""Verification names the file, down to the member of an archive."""

import shutil
from pathlib import Path

import pytest

from l2h.core.errors import VerificationError
from l2h.core.files import read_json, sha256_file, write_json
from l2h.product.verify import verify_release

ZIP = "Central/Central_Hubei.zip"


@pytest.fixture
def release(released: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(released / "release" / "1.0", tmp_path / "1.0"))


def faults(folder: Path) -> set[tuple[str, str]]:
    return {(row["fault"], row["path"]) for row in verify_release(folder)[1]}


def test_a_whole_release(release):
    checked, rows = verify_release(release)
    assert (checked, rows) == (8 + 9 + 12, [])  # texts, archives, rasters
    (release / "report.html").write_text("made later")
    assert verify_release(release)[1] == []


def test_a_flipped_byte_names_the_archive_and_the_member(release):
    data = bytearray((release / ZIP).read_bytes())
    data[len(data) // 2] ^= 1  # inside the second city, Wuhan
    (release / ZIP).write_bytes(data)
    assert faults(release) == {("differs", ZIP), ("differs", f"{ZIP}!Central_Hubei_Wuhan.tif")}


def test_missing_and_extra_files(release):
    (release / ZIP).unlink()
    (release / "README.txt").unlink()
    (release / "South" / "note.txt").write_text("hello")
    (release / "link").symlink_to("/etc/hostname")
    assert faults(release) == {
        ("missing", ZIP), ("missing", "README.txt"), ("extra", "South/note.txt"), ("extra", "link"),
    }  # fmt: skip


def test_a_truncated_archive(release):
    (release / ZIP).write_bytes((release / ZIP).read_bytes()[:-30])
    assert faults(release) == {("differs", ZIP), ("unreadable", ZIP)}


def test_a_manifest_that_disagrees_with_the_digests(release):
    manifest = read_json(release / "MANIFEST.json")
    manifest["files"][0]["members"][0]["sha256"] = "0" * 64
    manifest["files"][0]["sha256"] = "1" * 64
    del manifest["files"][1]["members"][0]
    write_json(release / "MANIFEST.json", manifest)
    sums = release / "SHA256SUMS"
    lines = [line for line in sums.read_text().splitlines() if not line.endswith("MANIFEST.json")]
    sums.write_text("\n".join([*lines, f"{sha256_file(release / 'MANIFEST.json')}  MANIFEST.json"]) + "\n")
    first, second = (row["path"] for row in manifest["files"][:2])
    assert faults(release) == {
        ("differs", first), ("differs", f"{first}!Central_Hubei_Ezhou.tif"),
        ("extra", f"{second}!Central_Inner Mongolia_Dot.tif"),
    }  # fmt: skip


@pytest.mark.parametrize("line", ["hello", "0" * 64 + "  ../evil", "0" * 64 + "  /etc/passwd", "0" * 63 + "  a"])
def test_a_list_that_is_none(release, line):
    (release / "SHA256SUMS").write_text(line + "\n")
    with pytest.raises(VerificationError, match="line 1"):
        verify_release(release)


def test_no_list(tmp_path):
    with pytest.raises(VerificationError, match="cannot be read"):
        verify_release(tmp_path)
