"""Folders of GeoParquet, as Overture keeps them: a bucket or an index page lists the files, their footers choose."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from scripted import Scripted, busy, without_ranges
from test_sources_files import GRID, QUICK, SOUTH, WEST, roads_of, write_segments
from tiny_project import edit

from l2h.core.errors import InputError
from l2h.core.files import read_json
from l2h.core.tasks import Silent
from l2h.sources.delivery import Delivery, holes
from l2h.sources.fetch_settings import FetchSettings
from l2h.sources.folders import list_folder
from l2h.sources.orders import Order
from l2h.sources.settings import BoundarySettings, OsmSettings
from l2h.sources.veil import is_veiled

SEGMENTS = "release/2026-01-21.0/theme=transportation/type=segment"
FAR = [(8 + i / 1000, 47.0) for i in range(6)]
HERE = [(WEST, SOUTH), (WEST, SOUTH + 1e-4)]
OPEN = ("--set", "fetch.allow_private=true", "--set", "fetch.backoff_s=0.001")


def write_release(folder: Path) -> Path:
    """Three files of segments in the publisher's layout, of which the second has rows near the grid."""
    place = folder / SEGMENTS
    place.mkdir(parents=True)
    for number, places in enumerate((FAR, [*FAR, *HERE, *FAR], FAR)):
        write_segments(place / f"part-0000{number}-c000.zstd.parquet", places)
    (place / "_SUCCESS").write_text("")
    return place


@pytest.fixture
def release(scripted: Scripted) -> Scripted:
    write_release(scripted.folder)
    return scripted


def bring(folder: Path, *paths: str, take: Any = "window", settings: FetchSettings = QUICK) -> tuple[Order, ...]:
    with Delivery([OsmSettings(paths=paths, take=take)], GRID, folder, settings) as desk:
        return desk.fetch(desk.plan(), Silent())


def states(orders: tuple[Order, ...]) -> list[tuple[str, str]]:
    return [(order.file[:10], order.state) for order in orders]


@pytest.mark.parametrize("take", ["whole", "window"])
def test_of_a_folder_those_files_come_that_lie_near_the_grid(release: Scripted, tmp_path: Path, take: str) -> None:
    orders = bring(tmp_path / "a", f"{release.url}/release/", take=take)
    assert states(orders) == [("part-00000", "beside"), ("part-00001", "kept"), ("part-00002", "beside")]
    folder = tmp_path / "a/inputs/fetched/osm"
    assert [path.name for path in folder.glob("*.parquet")] == ["part-00001-c000.zstd.parquet"]
    got = folder / "part-00001-c000.zstd.parquet"
    assert pq.read_metadata(got).num_rows == (len(HERE) if take == "window" else len(HERE) + 2 * len(FAR))
    whole = release.folder / SEGMENTS / got.name
    assert roads_of(tmp_path / "b", got) == roads_of(tmp_path / "c", whole)
    asked = len(release.seen.requests)
    assert states(bring(tmp_path / "a", f"{release.url}/release/", take=take)) == states(orders)
    assert len(release.seen.requests) == asked  # what is listed stays listed


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An S3 server on this machine with a release in an open bucket of 1,200 other files; its endpoint."""
    import boto3
    from moto.server import ThreadedMotoServer

    place = write_release(tmp_path_factory.mktemp("bucket"))
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    endpoint = "http://{}:{}".format(*running.get_host_and_port())
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
    s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **keys)
    s3.create_bucket(Bucket="overture", ACL="public-read")
    for path in place.iterdir():
        s3.upload_file(path, "overture", f"{SEGMENTS}/{path.name}", {"ACL": "public-read"})
    for number in range(1200):  # a list has pages of a thousand
        s3.put_object(Bucket="overture", Key=f"release/2026-01-21.0/a/{number}", Body=b"", ACL="public-read")
    s3.put_object(Bucket="overture", Key="odd/a b+c&d.parquet", Body=b"PAR1", ACL="public-read")
    s3.put_object(Bucket="overture", Key="evil/{env:HOME}.parquet", Body=b"PAR1", ACL="public-read")
    yield endpoint
    running.stop()


def from_bucket(folder: Path, endpoint: str, prefix: str) -> tuple[Order, ...]:
    settings = QUICK.model_copy(update={"s3_endpoint": endpoint, "stall_s": 20.0})
    return bring(folder, f"s3://overture/{prefix}", settings=settings)


@pytest.mark.slow
def test_a_bucket_is_listed_page_by_page(bucket: str, tmp_path: Path) -> None:
    orders = from_bucket(tmp_path, bucket, "release/2026-01-21.0/")
    assert states(orders) == [("part-00000", "beside"), ("part-00001", "kept"), ("part-00002", "beside")]
    assert orders[0].address == f"s3://overture/{SEGMENTS}/part-00000-c000.zstd.parquet"
    assert pq.read_metadata(orders[1].target).num_rows == len(HERE)


@pytest.mark.slow
def test_a_bucket_whose_list_is_of_no_use(bucket: str, tmp_path: Path) -> None:
    (odd,) = from_bucket(tmp_path / "odd", bucket, "odd/")
    assert (odd.address, odd.file) == ("s3://overture/odd/a b+c&d.parquet", "a_b_c_d.parquet")
    assert "a Parquet file cannot be read" in odd.reason  # it was found, under its odd name
    with pytest.raises(InputError, match=r"no file \.parquet lies in a folder .*ends in a slash"):
        from_bucket(tmp_path / "none", bucket, "nowhere/")
    with pytest.raises(InputError, match="names a file with braces"):
        from_bucket(tmp_path / "evil", bucket, "evil/")


def test_a_bucket_of_another_region_says_where_it_lies(scripted: Scripted, tmp_path: Path) -> None:
    scripted.script["GET /overture"] = [busy(301, x_amz_bucket_region="us-west-2")]
    settings = QUICK.model_copy(update={"s3_endpoint": scripted.url})
    with pytest.raises(InputError, match=r'301 .*s3_endpoint = "https://s3\.us-west-2\.amazonaws\.com"'):
        bring(tmp_path, "s3://overture/release/", settings=settings)


def test_a_page_that_is_no_list_is_told(scripted: Scripted, tmp_path: Path) -> None:
    (scripted.folder / "overture").write_text("<html><p>hello</p></html>")
    settings = QUICK.model_copy(update={"s3_endpoint": scripted.url})
    with pytest.raises(InputError, match="a bucket gives no list"):
        bring(tmp_path, "s3://overture/release/", settings=settings)


def test_an_index_page_leads_nowhere_else() -> None:
    pages = {
        "http://h/a=1/": '<a href="../">up</a><a href="b%20c/">b</a><a href="http://evil/x.parquet">e</a>'
        '<a href="{env:K}.parquet">k</a><a href="?C=N">s</a><a href="b%20c/">again</a><a name="x">n</a>',
        "http://h/a=1/b%20c/": '<a href="p.parquet">p</a><a href="/a=1/q.parquet">q</a><a href="_SUCCESS">s</a>'
        '<a href="/z.parquet">z</a><a href="../b%20c/">round</a>',
    }
    assert list_folder("http://h/a=1/", pages.__getitem__, None) == (
        "http://h/a=1/%7Benv:K%7D.parquet", "http://h/a=1/b%20c/p.parquet", "http://h/a=1/q.parquet",
    )  # fmt: skip


def test_a_folder_without_an_end_is_told() -> None:
    many = "".join(f'<a href="{number}.parquet">x</a>' for number in range(10_001))
    with pytest.raises(InputError, match=r"too many files \(http://h/\): expected at most 10000"):
        list_folder("http://h/", lambda _: many, None)
    with pytest.raises(InputError, match="lies in a folder"):  # folders in folders for ever
        list_folder("http://h/", lambda _: '<a href="deeper/">x</a>', None)


def test_a_key_of_a_folder_goes_with_its_files_and_is_not_kept(release: Scripted, tmp_path: Path) -> None:
    for key in ("old", "new"):
        orders = bring(tmp_path, f"{release.url}/{SEGMENTS}/?token={key}")
        assert [order.state for order in orders] == ["beside", "kept", "beside"]
        assert all(is_veiled(order.address) for order in orders)
    assert {"token=old", "token=new"} >= set(release.seen.queries) - {""} >= {"token=old"}
    text = (tmp_path / "inputs/fetched/osm/listing.json").read_text()
    assert "token=~" in text
    assert "old" not in text


def test_without_ranges_all_files_of_a_folder_come_whole_or_say_so(
    release: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "l2h.sources.groups.LargePieces.piece", 512
    )  # what lies in the first piece comes without ranges
    paths = [f"GET /{SEGMENTS}/{path.name}" for path in (release.folder / SEGMENTS).glob("*.parquet")]
    release.script |= {path: [without_ranges] * 9 for path in paths}
    assert [o.state for o in bring(tmp_path / "a", f"{release.url}/{SEGMENTS}/", take="whole")] == ["kept"] * 3
    release.script |= {path: [without_ranges] * 9 for path in paths}
    orders = bring(tmp_path / "b", f"{release.url}/{SEGMENTS}/")
    assert len(holes(orders)) == 3
    assert "a server gives no part of a file" in orders[0].reason


def test_a_folder_is_for_roads_and_buildings_alone() -> None:
    with pytest.raises(ValueError, match="names no file of a kind we fetch"):
        BoundarySettings(path="https://a.example/cities/", licence="CC0-1.0")


def test_the_chain_reads_what_a_folder_had(tiny: Path, release: Scripted, l2h: Callable[..., Any]) -> None:
    """`layers` goes by what was listed: nothing before it was, the near file after, a hole where it went."""
    shutil.copy(release.folder / SEGMENTS / "part-00001-c000.zstd.parquet", tiny)  # its name is in the roads' names
    edit(tiny, '"roads.osm"', '"part-*.parquet"')
    assert l2h("layers", tiny, "--executor", "serial").status == 0
    wanted = (tiny / "work/layers/roads.parquet").read_bytes()
    edit(tiny, '"part-*.parquet"', f'"{release.url}/{SEGMENTS}/"')
    said = l2h("layers", tiny, "--executor", "serial")
    assert said.status == 1
    assert "the files of a folder are not listed yet" in said.err
    assert l2h("fetch", tiny, *OPEN).status == 0
    assert l2h("layers", tiny, "--executor", "serial").status == 0
    assert (tiny / "work/layers/roads.parquet").read_bytes() == wanted
    (row,) = read_json(tiny / "work/layers/fetched.json")
    assert (row["layer"], row["file"]) == ("osm", "part-00001-c000.zstd.parquet")
    (tiny / "inputs/fetched/osm" / row["file"]).unlink()
    said = l2h("layers", tiny, "--executor", "serial")
    assert "nothing of a layer is here" in said.err
