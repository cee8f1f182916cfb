"""Fetching under fire: servers that stall, reset, lie and redirect. A file ends whole, or absent and told."""

import base64
import hashlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from scripted import (
    Fault,
    Scripted,
    busy,
    hang_up,
    page,
    part_then,
    redirect,
    reset,
    says,
    stall,
    without_ranges,
)

from l2h.core.errors import InputError, SettingsError, StorageError
from l2h.core.files import read_json
from l2h.sources.addresses import AddressError
from l2h.sources.fetch_settings import FetchSettings
from l2h.sources.pace import Pace, StoppedError
from l2h.sources.stores import AbsentError, Store, TransientError, open_store
from l2h.sources.transfer import Receipt, Transfer, WrongBytesError, is_whole, receipt_of

QUICK = {"allow_private": True, "backoff_s": 0.001, "attempts": 4, "stall_s": 5.0, "deadline_s": 30.0}
GET, HEAD = "GET /t.tif", "HEAD /t.tif"


@pytest.fixture
def tile(scripted: Scripted, make_raster: Callable[..., Path]) -> bytes:
    """A served GeoTIFF of 250 kB."""
    values = np.random.default_rng(0).integers(0, 255, (500, 500), dtype="uint8")
    path = make_raster("served/t.tif", values)
    return path.read_bytes()


class Desk:
    """Fetches `t.tif` into a folder, by settings that can be changed."""

    def __init__(self, address: str, folder: Path) -> None:
        self.address, self.target, self.told = address, folder / "here" / "t.tif", 0
        self.stores: list[Store] = []

    def fetch(self, pace: Pace | None = None, name: str = "t.tif", **settings: object) -> Receipt:
        pace = pace or Pace(FetchSettings(**{**QUICK, **settings}))
        self.told = 0
        store = open_store(self.address, pace.settings, Path("/"))
        self.stores.append(store)
        return Transfer(store, name, self.target, pace, self.hear).run()

    def hear(self, amount: int) -> None:
        self.told += amount

    def names(self) -> set[str]:
        return {path.name for path in self.target.parent.iterdir()} if self.target.parent.is_dir() else set()


@pytest.fixture
def desk(scripted: Scripted, tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(scripted.url, tmp_path)
    yield desk
    for store in desk.stores:
        store.close()


WHOLE = {"t.tif", "t.tif.fetched.json"}


def test_a_file_comes_with_a_receipt(desk: Desk, tile: bytes, scripted: Scripted) -> None:
    receipt = desk.fetch()
    assert desk.target.read_bytes() == tile
    assert desk.names() == WHOLE
    assert (receipt.size, receipt.verified, desk.told) == (len(tile), "size", len(tile))
    assert receipt.sha256 == hashlib.sha256(tile).hexdigest()
    assert receipt.address == f"{scripted.url}/t.tif"
    assert receipt_of(desk.target) == receipt
    assert is_whole(desk.target, receipt.address)
    assert not is_whole(desk.target, "http://another.example/t.tif")


def test_a_touched_file_is_hashed_and_a_changed_one_is_not_whole(desk: Desk, tile: bytes) -> None:
    address = desk.fetch().address
    os.utime(desk.target, (0, 0))
    assert is_whole(desk.target, address)
    desk.target.write_bytes(tile[:-1] + b"!")
    assert not is_whole(desk.target, address)


@pytest.mark.parametrize("end", [reset, hang_up])
def test_a_broken_connection_goes_on_at_the_byte_where_it_broke(
    desk: Desk, tile: bytes, scripted: Scripted, end: Callable[[object], None]
) -> None:
    scripted.script[GET] = [part_then(end) for _ in range(6)]  # more than the attempts: each brings something
    assert desk.fetch().size == len(tile)
    assert desk.target.read_bytes() == tile
    starts = [int(text[6:-1]) for text in scripted.ranges("/t.tif")[1:]]
    assert len(starts) == 6
    assert starts == sorted(set(starts))
    assert desk.told == len(tile)


def test_a_stalled_connection_is_given_up_and_resumed(desk: Desk, tile: bytes, scripted: Scripted) -> None:
    scripted.script[GET] = [part_then(stall(1.0))]
    began = time.monotonic()
    desk.fetch(stall_s=0.2)
    assert time.monotonic() - began < 0.9
    assert desk.target.read_bytes() == tile
    assert scripted.ranges("/t.tif")[1] == f"bytes={len(tile) // 2}-"


@pytest.mark.parametrize("fault", [busy(429, Retry_After="0"), busy(503), busy(500)])
@pytest.mark.parametrize("request_line", [GET, HEAD])
def test_a_busy_server_is_asked_again(
    desk: Desk, tile: bytes, scripted: Scripted, fault: Fault, request_line: str
) -> None:
    scripted.script[request_line] = [fault] * 3
    desk.fetch()
    assert desk.target.read_bytes() == tile


def test_retry_after_is_waited_for_by_all_transfers_of_a_store(desk: Desk, tile: bytes, scripted: Scripted) -> None:
    scripted.script[GET] = [busy(429, Retry_After="1")]
    began = time.monotonic()
    desk.fetch()
    assert 1.0 <= time.monotonic() - began < 2.0
    pace = Pace(FetchSettings(deadline_s=0.5, allow_private=True))
    pace.hold(10)
    with pytest.raises(InputError, match=r"a file takes too long.*within 0\.5 s"):
        desk.fetch(pace)


def test_what_never_works_is_given_up_with_its_reason(desk: Desk, tile: bytes, scripted: Scripted) -> None:
    scripted.script[GET] = [busy(503)] * 9
    with pytest.raises(TransientError, match=r"a server is busy .*got 503"):
        desk.fetch()
    assert len(scripted.ranges("/t.tif")) == 4
    assert not desk.target.exists()


def test_a_file_that_is_not_there(desk: Desk) -> None:
    with pytest.raises(AbsentError, match="no such file"):
        desk.fetch()
    assert desk.names() == set()


def test_a_refusal_is_not_asked_again(desk: Desk, tile: bytes, scripted: Scripted) -> None:
    scripted.script[GET] = [busy(403)]
    with pytest.raises(InputError, match=r"a server refuses.*403 Forbidden"):
        desk.fetch()
    assert len(scripted.ranges("/t.tif")) == 1


def test_a_drip_ends_at_the_deadline_and_keeps_what_came(desk: Desk, tile: bytes, scripted: Scripted) -> None:
    def drip(answer: object) -> None:
        for _ in range(40):
            time.sleep(0.05)
            answer.wfile.write(tile[:10])  # type: ignore[attr-defined]

    scripted.script[GET] = [part_then(drip)]
    with pytest.raises(InputError, match="a file takes too long"):
        desk.fetch(deadline_s=0.3)
    assert desk.names() == {".t.tif.coming", ".t.tif.coming.json"}


@pytest.mark.parametrize(
    "fault",
    [
        lambda answer: answer.head(200, len(answer.file()) + 99, 0, len(answer.file()) + 99, {}),
        lambda answer: answer.head(200, len(answer.file()) - 99, 0, len(answer.file()) - 99, {}),
    ],
)
def test_a_server_that_lies_about_length(desk: Desk, tile: bytes, scripted: Scripted, fault: Fault) -> None:
    scripted.script[HEAD] = [fault]
    desk.fetch()
    assert desk.target.read_bytes() == tile  # once may be chance: asked again
    desk.target.unlink()
    scripted.script[HEAD] = [fault] * 3
    with pytest.raises(InputError, match="a server contradicts itself"):
        desk.fetch()
    assert not desk.target.exists()


def test_a_file_cut_on_the_server_is_no_tile(desk: Desk, tile: bytes, scripted: Scripted) -> None:
    (scripted.folder / "t.tif").write_bytes(tile[:200_000])
    with pytest.raises(WrongBytesError, match="a raster is truncated"):
        desk.fetch()
    assert desk.names() == set()


def test_a_page_under_status_200_is_no_tile(desk: Desk, tile: bytes, scripted: Scripted) -> None:
    scripted.script |= {HEAD: [page] * 3, GET: [page] * 3}
    with pytest.raises(WrongBytesError, match=r"a file is no GeoTIFF.*<html>no such tile"):
        desk.fetch()
    assert desk.names() == set()


def test_a_published_digest_is_checked(desk: Desk, tile: bytes, scripted: Scripted) -> None:
    good, bad = (base64.b64encode(hashlib.md5(data).digest()).decode() for data in (tile, b"else"))
    scripted.script[HEAD] = [says(Content_MD5=good)]
    assert desk.fetch().verified == "md5"
    scripted.script[HEAD] = [says(x_goog_hash=f"crc32c=AAAA, md5={bad}")] * 3
    with pytest.raises(WrongBytesError, match="a file's digest differs"):
        desk.fetch()
    assert desk.target.read_bytes() == tile  # what was whole stays


def test_a_server_without_ranges_begins_anew(desk: Desk, tile: bytes, scripted: Scripted) -> None:
    scripted.script[GET] = [part_then(hang_up), without_ranges]
    desk.fetch()
    assert desk.target.read_bytes() == tile
    assert desk.told == len(tile)


def test_the_next_call_goes_on_where_the_last_one_ended(desk: Desk, tile: bytes, scripted: Scripted) -> None:
    scripted.script[GET] = [part_then(hang_up), busy(503)]
    with pytest.raises(TransientError):
        desk.fetch(attempts=2)
    note = read_json(desk.target.with_name(".t.tif.coming.json"))
    assert note["bytes"] == len(tile) // 2
    desk.fetch()
    assert desk.target.read_bytes() == tile
    assert scripted.ranges("/t.tif")[-1] == f"bytes={len(tile) // 2}-"
    assert desk.names() == WHOLE


def test_a_file_that_changed_in_between_is_begun_anew(desk: Desk, tile: bytes, scripted: Scripted) -> None:
    scripted.script[GET] = [part_then(hang_up), busy(503)]
    with pytest.raises(TransientError):
        desk.fetch(attempts=2)
    newer = tile[:-200] + bytes(200)
    (scripted.folder / "t.tif").write_bytes(newer)
    os.utime(scripted.folder / "t.tif", (1e9, 1e9))
    desk.fetch()
    assert desk.target.read_bytes() == newer
    assert scripted.ranges("/t.tif")[-1] == ""


def test_a_stopped_transfer_keeps_what_came(desk: Desk, tile: bytes, scripted: Scripted) -> None:
    pace = Pace(FetchSettings(**QUICK))
    scripted.script[GET] = [part_then(lambda answer: (time.sleep(0.2), pace.stop.set(), hang_up(answer)))]
    with pytest.raises(StoppedError):
        desk.fetch(pace)
    assert desk.names() == {".t.tif.coming", ".t.tif.coming.json"}
    desk.fetch()
    assert desk.target.read_bytes() == tile


KILLED = """
import sys
from pathlib import Path
from l2h.sources.fetch_settings import FetchSettings
from l2h.sources.pace import Pace
from l2h.sources.stores import open_store
from l2h.sources.transfer import Transfer
settings = FetchSettings(allow_private=True)
store = open_store(sys.argv[1], settings, Path("/"))
Transfer(store, "big.bin", Path(sys.argv[2]), Pace(settings), lambda n: None).run()
"""


def test_killed_in_the_middle_it_goes_on_from_the_last_checkpoint(scripted: Scripted, tmp_path: Path) -> None:
    data = np.random.default_rng(1).bytes(20 << 20)
    (scripted.folder / "big.bin").write_bytes(data)
    scripted.script["GET /big.bin"] = [part_then(stall(20), share=0.9)]
    target = tmp_path / "here" / "big.bin"
    note = target.with_name(".big.bin.coming.json")
    process = subprocess.Popen([sys.executable, "-c", KILLED, scripted.url, str(target)])
    until = time.monotonic() + 20
    while not (note.exists() and read_json(note)["bytes"] >= 16 << 20) and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not target.exists()
    store = open_store(scripted.url, FetchSettings(**QUICK), tmp_path)
    Transfer(store, "big.bin", target, Pace(FetchSettings(**QUICK)), lambda amount: None).run()
    store.close()
    assert target.read_bytes() == data
    assert int(scripted.ranges("/big.bin")[-1][6:-1]) >= 16 << 20


# --- addresses --------------------------------------------------------------------------------------------------------


def test_loopback_is_not_followed_unless_the_user_says_so(desk: Desk, tile: bytes, scripted: Scripted) -> None:
    for address in (scripted.url, scripted.url.replace("127.0.0.1", "localhost")):
        desk.address = address
        with pytest.raises(AddressError, match=r"private network is not followed.*fetch\.allow_private"):
            desk.fetch(allow_private=False)
    assert scripted.seen.requests == []


def test_each_redirect_is_checked(desk: Desk, tile: bytes, scripted: Scripted) -> None:
    (scripted.folder / "mirror").mkdir()
    (scripted.folder / "mirror" / "t.tif").write_bytes(tile)
    scripted.script[GET] = [redirect("/mirror/t.tif")]
    desk.fetch()
    assert desk.target.read_bytes() == tile
    for to, what in {
        "http://169.254.169.254/latest/meta-data": "private network is not followed",
        "file:///etc/passwd": "expected http:// or https://",
        "ftp://127.0.0.1/x": "expected http:// or https://",
        "http://me:secret@127.0.0.1/": "carries a user name",
    }.items():
        scripted.script[HEAD] = [redirect(to)]
        with pytest.raises(AddressError, match=what):
            desk.fetch()
    scripted.script[HEAD] = [redirect("/t.tif")] * 9
    with pytest.raises(AddressError, match="redirects without end"):
        desk.fetch()


def test_other_schemes_are_no_sources(tmp_path: Path) -> None:
    for address in ("ftp://host/x", "file:///etc", "gs://bucket"):
        with pytest.raises(SettingsError, match="no such kind of source"):
            open_store(address, FetchSettings(), tmp_path)
    with pytest.raises(SettingsError, match="names no bucket"):
        open_store("s3:///x", FetchSettings(), tmp_path)


def test_a_folder_is_a_store_as_well(desk: Desk, tile: bytes, scripted: Scripted) -> None:
    desk.address = scripted.folder.as_posix()
    receipt = desk.fetch()
    assert desk.target.read_bytes() == tile
    assert receipt.address == (scripted.folder / "t.tif").as_posix()
    with pytest.raises(AbsentError):
        desk.fetch(name="u.tif")


def test_a_full_disk_is_told_as_such_and_what_came_stays(desk: Desk, tile: bytes, scripted: Scripted) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(StorageError, match=r"cannot write a file .*\.t\.tif\.coming"):
            desk.fetch()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not desk.target.exists()
    desk.fetch()
    assert desk.target.read_bytes() == tile
    (desk.target.parent / "folder").write_text("")
    desk.target = desk.target.parent / "folder" / "t.tif"
    with pytest.raises(StorageError, match="cannot write a file"):
        desk.fetch()
