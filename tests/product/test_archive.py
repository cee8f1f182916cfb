"""Archives: the same bytes each time, readable by others, and hostile ones refused, one per rule."""

import shutil
import stat
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from l2h.core.errors import InputError
from l2h.product.archive import Limits, extract_archive, open_archive, write_archive


@pytest.fixture
def members(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "in" / name for name in ("N_p_b.tif", "N_p_a.tif", "N_p_Ürümqi.tif")]
    paths[0].parent.mkdir()
    for number, path in enumerate(paths):
        values = np.full((1, 20, 30), number + 1, "uint8")
        with rasterio.open(
            path, "w", driver="GTiff", count=1, height=20, width=30, dtype="uint8", crs="EPSG:32650",
            transform=Affine(1, 0, 5e5, 0, -1, 4e6),
        ) as out:  # fmt: skip
            out.write(values)
    return paths


def unzip_agrees(path: Path) -> bool:
    """Whether Info-ZIP finds nothing wrong; where it is not installed, Python's own test must do."""
    if shutil.which("unzip"):
        return subprocess.run(["unzip", "-tq", path], capture_output=True).returncode == 0
    with zipfile.ZipFile(path) as zipped:
        return zipped.testzip() is None


def test_members_are_stored_in_name_order_with_nothing_of_the_machine(tmp_path, members):
    write_archive(tmp_path / "a.zip", members)
    with zipfile.ZipFile(tmp_path / "a.zip") as zipped:
        infos = zipped.infolist()
    assert [i.filename for i in infos] == ["N_p_a.tif", "N_p_b.tif", "N_p_Ürümqi.tif"]
    assert {(i.date_time, i.compress_type, i.external_attr >> 16, i.create_system) for i in infos} == {
        ((1980, 1, 1, 0, 0, 0), zipfile.ZIP_STORED, stat.S_IFREG | 0o644, 3)
    }


def test_same_bytes_for_any_order_time_and_mode(tmp_path, members):
    write_archive(tmp_path / "a.zip", members)
    for path in members:
        path.touch()
        path.chmod(0o600)
    write_archive(tmp_path / "b.zip", members[::-1])
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_gdal_and_unzip_read_it(tmp_path, members):
    write_archive(tmp_path / "a.zip", members)
    with rasterio.open(f"/vsizip/{tmp_path}/a.zip/N_p_Ürümqi.tif") as data:
        assert (data.read(1) == 3).all()
    assert unzip_agrees(tmp_path / "a.zip")


def test_members_beyond_the_limit_of_32_bits_get_64_bit_sizes(tmp_path, members, monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)  # so that these members are as if beyond 2 GiB
    write_archive(tmp_path / "a.zip", members)
    monkeypatch.undo()
    data = (tmp_path / "a.zip").read_bytes()
    assert data[18:26] == b"\xff" * 8  # the first header's 32-bit sizes point to its 64-bit ones
    assert unzip_agrees(tmp_path / "a.zip")
    with rasterio.open(f"/vsizip/{tmp_path}/a.zip/N_p_b.tif") as raster:
        assert (raster.read(1) == 1).all()
    with open_archive(tmp_path / "a.zip") as archive:
        assert b"".join(archive.chunks("N_p_a.tif")) == members[1].read_bytes()


def test_missing_and_twin_members_leave_nothing(tmp_path, members):
    with pytest.raises(InputError, match="missing"):
        write_archive(tmp_path / "a.zip", [*members, tmp_path / "none.tif"])
    (tmp_path / "other").mkdir()
    twin = tmp_path / "other" / members[0].name
    twin.write_bytes(b"")
    with pytest.raises(InputError, match="share a name"):
        write_archive(tmp_path / "a.zip", [*members, twin])
    assert not (tmp_path / "a.zip").exists()


def test_round_trip(tmp_path, members):
    write_archive(tmp_path / "a.zip", members)
    written = extract_archive(tmp_path / "a.zip", tmp_path / "out")
    assert {p.name: p.read_bytes() for p in written} == {p.name: p.read_bytes() for p in members}


def crafted(path: Path, *names: str, data: bytes = b"x", mode: int = 0, method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w") as out:
        for name in names:
            info = zipfile.ZipInfo("placeholder")
            info.filename = info.orig_filename = name  # past the constructor's own cleaning
            info.external_attr, info.compress_type = mode << 16, method
            out.writestr(info, data)
    return path


BAD_NAMES = {
    "parent": "../evil.tif",
    "parent inside": "a/../../evil.tif",
    "absolute": "/etc/evil.tif",
    "drive": "C:evil.tif",
    "backslash": "..\\evil.tif",
    "empty part": "a//evil.tif",
    "dot": "./evil.tif",
    "control": "evil\n.tif",
}


@pytest.mark.parametrize("name", BAD_NAMES.values(), ids=BAD_NAMES)
def test_names_that_leave_the_folder_are_refused(tmp_path, name):
    path = crafted(tmp_path / "a.zip", "good.tif", name)
    with pytest.raises(InputError, match="its name"):
        extract_archive(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("mode", [stat.S_IFLNK | 0o777, stat.S_IFIFO | 0o644, stat.S_IFBLK, stat.S_IFDIR | 0o755])
def test_links_and_devices_are_refused(tmp_path, mode):
    path = crafted(tmp_path / "a.zip", "evil.tif", data=b"/etc/passwd", mode=mode)
    with pytest.raises(InputError, match="link or a device"):
        extract_archive(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("names", [("a.tif", "a.tif"), ("a.tif", "A.TIF")])
def test_twins_are_refused(tmp_path, names):
    with pytest.raises(InputError, match="comes twice"), open_archive(crafted(tmp_path / "a.zip", *names)):
        pass


def test_a_file_that_is_a_folder_of_another_is_refused(tmp_path):
    with pytest.raises(InputError, match="its folder is a file"), open_archive(crafted(tmp_path / "a.zip", "a", "a/b")):
        pass


def test_bombs_are_refused(tmp_path):
    path = crafted(tmp_path / "a.zip", "bomb.tif", data=bytes(20_000_000), method=zipfile.ZIP_DEFLATED)
    with pytest.raises(InputError, match="times when unpacked"), open_archive(path):
        pass
    small = crafted(tmp_path / "b.zip", *"abc", data=bytes(100))
    with pytest.raises(InputError, match="too many bytes"), open_archive(small, Limits(total_bytes=299)):
        pass
    with pytest.raises(InputError, match="unpacks to 100 bytes"), open_archive(small, Limits(member_bytes=99)):
        pass
    with pytest.raises(InputError, match="too many members"), open_archive(small, Limits(members=2)):
        pass


def test_other_methods_are_refused(tmp_path):
    path = crafted(tmp_path / "a.zip", "a.tif", data=bytes(1000), method=zipfile.ZIP_BZIP2)
    with pytest.raises(InputError, match="method 12"), open_archive(path):
        pass


def patched(path: Path, find: bytes, offset: int, new: bytes) -> Path:
    """Overwrite bytes at an offset from the last occurrence of a signature."""
    data = bytearray(path.read_bytes())
    at = data.rindex(find) + offset
    data[at : at + len(new)] = new
    path.write_bytes(data)
    return path


DIRECTORY = b"PK\x01\x02"


def test_encrypted_members_are_refused(tmp_path):
    path = patched(crafted(tmp_path / "a.zip", "a.tif"), DIRECTORY, 8, b"\x01\x00")
    with pytest.raises(InputError, match="encrypted"), open_archive(path):
        pass


def test_sizes_that_lie_are_refused(tmp_path):
    two_sizes = patched(crafted(tmp_path / "a.zip", "a.tif"), DIRECTORY, 24, (7).to_bytes(4, "little"))
    with pytest.raises(InputError, match="two sizes"), open_archive(two_sizes):
        pass
    beyond = crafted(tmp_path / "b.zip", "a.tif")
    patched(beyond, DIRECTORY, 20, (9999).to_bytes(4, "little") * 2)
    with pytest.raises(InputError, match="ends beyond"), open_archive(beyond):
        pass


def test_overlapping_members_are_refused(tmp_path):
    path = crafted(tmp_path / "a.zip", "a.tif", "b.tif", data=b"x" * 100)
    patched(path, DIRECTORY, 42, (0).to_bytes(4, "little"))  # the second entry points at the first member
    with pytest.raises(InputError, match="overlaps"), open_archive(path):
        pass


def test_deflated_sizes_that_lie_are_refused_while_reading(tmp_path):
    path = crafted(tmp_path / "a.zip", "a.tif", data=b"x" * 1000, method=zipfile.ZIP_DEFLATED)
    patched(path, DIRECTORY, 24, (500).to_bytes(4, "little"))
    with pytest.raises(InputError, match="refused"):
        extract_archive(path, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_flipped_byte_is_refused_while_reading(tmp_path):
    path = crafted(tmp_path / "a.zip", "a.tif", data=b"payload" * 10)
    patched(path, b"payload", 0, b"P")
    with open_archive(path) as archive, pytest.raises(InputError, match="CRC"):
        list(archive.chunks("a.tif"))


def test_no_archive_at_all(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"hello")
    with pytest.raises(InputError, match="cannot be opened"), open_archive(tmp_path / "a.zip"):
        pass
    with pytest.raises(InputError, match="missing"), open_archive(tmp_path / "b.zip"):
        pass


def test_folders_are_allowed_and_listed_as_nothing(tmp_path):
    path = crafted(tmp_path / "a.zip", "a/", data=b"", mode=stat.S_IFDIR | 0o755)
    with zipfile.ZipFile(path, "a") as out:
        out.writestr("a/b.tif", b"xy")
    with open_archive(path) as archive:
        assert archive.names == ("a/b.tif",)
        assert archive.size("a/b.tif") == 2
