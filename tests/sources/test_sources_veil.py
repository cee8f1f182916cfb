"""A key or a signature in an address is written nowhere, and a file is known again when they are renewed."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import Scripted, busy, redirect
from tiny_project import edit

from l2h.core.errors import InputError, SettingsError
from l2h.core.files import read_json
from l2h.sources.imagery_settings import TilesSettings
from l2h.sources.link_supply import list_urls
from l2h.sources.settings import BoundarySettings, OsmSettings
from l2h.sources.stac import read_item
from l2h.sources.stores import TransientError
from l2h.sources.veil import Veil, has_secret, is_veiled, veiled, veiled_text

SECRET = "c0ffee-5ecret+1"  # with a letter that addresses write otherwise
OPEN = ("--set", "fetch.allow_private=true", "--set", "fetch.backoff_s=0.001", "--set", "fetch.attempts=2")
ABSENT = 'absent = ["ESA_WorldCover_10m_2021_v200_N30E114_Map.tif"]'
FORMS = (SECRET, "c0ffee-5ecret%2B1", "5ecret")


# --- what of an address may be written --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("https://a.example/m.tif", "https://a.example/m.tif"),
        ("https://a.example/m.tif?token=abc", "https://a.example/m.tif?token=~"),
        ("https://a.example/m.tif?API-Key=abc&v=2", "https://a.example/m.tif?API-Key=~&v=2"),
        ("https://a.example/m?X-Amz-Expires=1&X-Amz-Signature=a", "https://a.example/m?X-Amz-Expires=~&X-Amz-Signature=~"),
        ("https://a.example/m?sv=2020-08-04&se=2030&sig=a%2Bb", "https://a.example/m?sv=~&se=~&sig=~"),
        ("https://a.example/m?sv=3", "https://a.example/m?sv=3"),  # goes with a signature only
        ("https://a.example/m?Expires=17&Key-Pair-Id=K&Signature=s", "https://a.example/m?Expires=~&Key-Pair-Id=~&Signature=~"),
        ("https://a.example/m?file=abc", "https://a.example/m?file=~ba7816bf"),  # may be a key under any name
        ("https://a.example/m?abc", "https://a.example/m?~ba7816bf"),
        ("https://a.example/m#access_token=abc", "https://a.example/m"),
        ("https://me:abc@a.example/m", "https://~@a.example/m"),
        ("https://a.example/{z}/{x}.png?y={y}&tk={key}", "https://a.example/{z}/{x}.png?y={y}&tk={key}"),
        ("https://a.example/w?SERVICE=WMTS&TileMatrix=EPSG:3857:{z}&pw=", "https://a.example/w?SERVICE=WMTS&TileMatrix=EPSG:3857:{z}&pw="),
        ("https://a.example/m?k={env:KEY}", "https://a.example/m?k={env:KEY}"),
        ("https://a.b/{x}?k=abc 17 rows 1:2, columns 3:4", "https://a.b/{x}?k=~ba7816bf 17 rows 1:2, columns 3:4"),
        ("https://a.example/m?v=2 3&token=abc", "https://a.example/m?v=~7bd7df1a&token=~"),  # a space is no end
        ("HTTPS://a.example/m?token=abc", "HTTPS://a.example/m?token=~"),
        ("folder/a?token=b", "folder/a?token=b"),  # a file of this machine
    ],
)  # fmt: skip
def test_an_address_as_it_may_be_written(address: str, written: str) -> None:
    assert veiled(address) == written
    assert veiled(written) == written
    assert not any(secret in veiled_text(f"got '{address}', and more") for secret in ("=abc", "a%2Bb"))


@given(st.text("abc?&=#~{}:/@ %", max_size=30))
def test_what_was_written_is_written_the_same_again(rest: str) -> None:
    once = veiled(f"https://a.example/{rest}")
    assert veiled(once) == once


def test_what_cannot_be_followed_is_known() -> None:
    assert is_veiled("https://a.example/m?sig=~")
    assert is_veiled("https://a.example/m?v=2&~ba7816bf")
    assert not is_veiled("https://a.example/m?v=2&k={env:K}")
    assert has_secret("https://a.example/m?token=abc")
    assert not has_secret("https://a.example/m?token={env:T}&v=abc")


def test_a_sentence_stays_as_it_is() -> None:
    text = "Are places missing, or do they come after the ways? `osmium sort` puts them first. a/b.tif?"
    assert veiled_text(text) == text
    assert veiled_text("(b'Location', b'/next?token=abc&v=1')") == "(b'Location', b'/next?token=~&v=1')"


def test_an_error_keeps_all_but_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("L2H_KEY", SECRET)
    veil = Veil()
    assert veil.lift("https://a.example/{env:L2H_KEY}/m?k={env:L2H_KEY}") == (
        "https://a.example/c0ffee-5ecret%2B1/m?k=c0ffee-5ecret%2B1"
    )
    assert veil.lift("https://a.example/m?{env:L2H_KEY}") == f"https://a.example/m?{SECRET}"  # a whole query
    error = TransientError("busy", where=f"https://a.example/{SECRET}/m?sig=abc", got="503")
    error.retry_after_s = 3.0
    with pytest.raises(TransientError) as raised, veil.drawn():
        raise error
    assert raised.value.where == "https://a.example/{env:L2H_KEY}/m?sig=~"
    assert (raised.value.got, raised.value.retry_after_s, raised.value.__cause__) == ("503", 3.0, None)
    plain = InputError("a file is missing", where="a.tif")
    assert veil.clean(plain) is plain
    monkeypatch.delenv("L2H_KEY")
    with pytest.raises(SettingsError, match=r"needs its key .*token=\{env:L2H_KEY\}.* Set the environment variable"):
        veil.lift("https://a.example/m?token={env:L2H_KEY}")


# --- who may name a variable ------------------------------------------------------------------------------------------


def test_a_server_names_no_variable_of_ours() -> None:
    item = {"id": "a", "properties": {}, "assets": {"visual": {"href": "https://evil.example/{env:HOME}/a.tif"}}}
    assert read_item(item, "", "visual").address == "https://evil.example/%7Benv:HOME%7D/a.tif"


def test_a_key_stands_in_a_path_or_a_query_and_not_in_the_host_nor_in_a_bucket() -> None:
    with pytest.raises(ValueError, match="buckets are read without a key"):
        OsmSettings(paths=("s3://bucket/{env:PREFIX}/",))
    with pytest.raises(ValueError, match="hides its host"):
        BoundarySettings(path="https://{env:HOST}/c.gpkg", licence="CC0-1.0")
    with pytest.raises(SettingsError, match="hides its host"):
        Veil().lift("https://{env:HOST}/c.gpkg")
    with pytest.raises(InputError, match="line 1"):
        list_urls("https://{env:HOST}/a.tif", "ortho")


@pytest.mark.parametrize("url", ["https://a.example/{z}/{x}/{y}?token=abc", "https://a.example/{z}/{x}/{y}?t={env:T}"])
def test_the_key_of_a_service_has_its_own_place(url: str) -> None:
    with pytest.raises(ValueError, match="name its environment variable in key_env"):
        TilesSettings(url=url)


def test_settings_that_are_refused_do_not_show_the_key(tiny: Path, l2h: Callable[..., Any]) -> None:
    edit(tiny, '"roads.osm"', f'"https://a.example/roads.shp?token={SECRET}"')
    said = l2h("status", tiny)
    assert said.status == 2
    assert "'https://a.example/roads.shp?token=~' names no file of a kind we fetch" in said.err
    assert not any(form in said.err for form in FORMS)
    said = l2h("status", tiny, "--set", f'osm.paths="https://a.example/x?token={SECRET}"')
    assert said.status == 2
    assert not any(form in said.err for form in FORMS)


def test_init_writes_no_key_into_a_project_file(tmp_path: Path, tiny: Path, l2h: Callable[..., Any]) -> None:
    words = ("--boundary", tiny / "cities.gpkg", "--crs", "EPSG:32650")
    said = l2h("init", tmp_path / "p", *words, "--osm", f"https://a.example/m.osm.pbf?token={SECRET}")
    assert said.status == 2
    assert "https://a.example/m.osm.pbf?token=~" in said.err
    assert "{env:NAME}" in said.err
    assert not (tmp_path / "p/project.toml").exists()
    assert l2h("init", tmp_path / "p", *words, "--osm", "https://a.example/m.osm.pbf?token={env:T}").status == 0


# --- everything that is written ---------------------------------------------------------------------------------------


@pytest.fixture
def secretly(tiny: Path, scripted: Scripted) -> Path:
    """The tiny project: every input on a server, every address with a key, in all the ways that there are."""
    for path in sorted(tiny.rglob("*")):
        if path.is_file() and path.name != "project.toml":
            path.rename(scripted.folder / path.name)
    (scripted.folder / "survey.csv").write_text("region,level,class_en,area_ha\nBirch,city,forest,1\n")
    (tiny / "urls.txt").write_text(
        f"{scripted.url}/a_20200101.tif?X-Amz-Signature={SECRET}\n{scripted.url}/b_20210601.tif?nobodyknows={SECRET}\n"
    )
    edit(tiny, 'paths = ["scenes/*.tif"]', 'urls = "urls.txt"')
    edit(tiny, '"roads.osm"', f'"{scripted.url}/roads.osm?token={SECRET}"')
    edit(tiny, '"cities.gpkg"', f'"{scripted.url}/cities.gpkg?access={{env:L2H_KEY}}"')
    text = (tiny / "project.toml").read_text()
    legend = 'legend = "worldcover"\npaths = ["worldcover.tif"]'
    assert legend in text
    text = text.replace(legend, f'catalogue = "worldcover-2021"\nsource = "{scripted.url}?sv=1&sig={SECRET}"\n{ABSENT}')
    for name in ("esri2020", "from_glc10"):
        (scripted.folder / f"{name}.tif").rename(tiny / f"{name}.tif")
    (scripted.folder / "worldcover.tif").rename(scripted.folder / "ESA_WorldCover_10m_2021_v200_N30E117_Map.tif")
    text += f'[survey]\npath = "{scripted.url}/survey.csv?key={SECRET}"\n'
    (tiny / "project.toml").write_text(text)
    return tiny


def leaks(folder: Path) -> list[str]:
    """Files with the secret in them, besides those that the user wrote."""
    files = [p for p in folder.rglob("*") if p.is_file() and p.name not in ("project.toml", "urls.txt")]
    assert len(files) > 8
    return [path.name for path in files if any(form.encode() in path.read_bytes() for form in FORMS)]


def test_a_key_is_in_nothing_that_is_written(
    secretly: Path, scripted: Scripted, l2h: Callable[..., Any], caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("L2H_KEY", SECRET)
    scripted.script["GET /roads.osm"] = [busy(503), redirect(f"/roads.osm?Signature={SECRET}")]
    scripted.script["GET /b_20210601.tif"] = [busy(500)] * 6  # twice its head, once it: a hole, whose reason is told
    scripted.script["GET /survey.csv"] = [redirect(f"{scripted.url}/none.csv?sig={SECRET}")]
    said = [l2h("fetch", secretly, *OPEN, *words) for words in (("--dry-run", "--json"), ("--json",))]
    assert [one.status for one in said] == [0, 3]
    assert "b_20210601.tif: a server is busy" in said[1].err
    assert "none.csv?sig=~" in said[1].err
    said.append(l2h("fetch", secretly, *OPEN, "--json"))
    assert said[-1].status == 0, said[-1].err
    assert any(SECRET in query or "%2B" in query for query in scripted.seen.queries)  # it was asked for with the key
    said.append(l2h("layers", secretly, "--executor", "serial"))
    assert said[-1].status == 0, said[-1].err
    for one in said:
        assert not any(form in one.out + one.err for form in FORMS)
    assert not any(form in caplog.text for form in FORMS)
    assert leaks(secretly) == []
    rows = {row["file"]: row["address"] for row in read_json(secretly / "work/layers/fetched.json")}
    assert rows["roads.osm"] == f"{scripted.url}/roads.osm?token=~"
    assert rows["cities.gpkg"] == f"{scripted.url}/cities.gpkg?access={{env:L2H_KEY}}"
    assert rows["ESA_WorldCover_10m_2021_v200_N30E117_Map.tif"].endswith("_N30E117_Map.tif?sv=~&sig=~")
    assert rows["survey.csv"] == f"{scripted.url}/survey.csv?key=~"
    assert {row["layer"] for row in read_json(secretly / "work/layers/fetched.json")} == {
        "worldcover", "scenes", "osm", "boundary", "survey",
    }  # fmt: skip


def test_a_renewed_signature_is_the_same_file(
    secretly: Path, scripted: Scripted, l2h: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("L2H_KEY", SECRET)
    (secretly / "urls.txt").write_text(f"{scripted.url}/a_20200101.tif?X-Amz-Signature={SECRET}\n")
    assert l2h("fetch", secretly, *OPEN).status == 0
    asked = len(scripted.seen.requests)
    text = (secretly / "project.toml").read_text()
    (secretly / "project.toml").write_text(text.replace(SECRET, "renewed"))
    (secretly / "urls.txt").write_text(f"{scripted.url}/a_20200101.tif?X-Amz-Signature=renewed\n")
    monkeypatch.setenv("L2H_KEY", "renewed")
    said = l2h("fetch", secretly, *OPEN)
    assert (said.status, len(scripted.seen.requests)) == (0, asked)
    assert l2h("layers", secretly, "--executor", "serial").status == 0


def test_an_interrupted_file_goes_on_with_a_renewed_signature(tmp_path: Path, scripted: Scripted) -> None:
    from scripted import hang_up, part_then

    from l2h.core.grid import Grid
    from l2h.core.tasks import Silent
    from l2h.sources.delivery import Delivery
    from l2h.sources.fetch_settings import FetchSettings

    data = b"PAR1" + bytes(400_000) + b"PAR1"
    (scripted.folder / "r.parquet").write_bytes(data)
    scripted.script["GET /r.parquet"] = [part_then(hang_up)]
    grid = Grid("EPSG:32650", 500_000.0, 3_320_000.0, 1.0, 40, 50)
    once = FetchSettings(allow_private=True, backoff_s=0.001, attempts=1)
    states = []
    for key in ("old", "new"):
        osm = OsmSettings(paths=(f"{scripted.url}/r.parquet?sig={key}",))
        with Delivery([osm], grid, tmp_path, once) as desk:
            (order,) = desk.fetch(desk.plan(), Silent())
            states.append(order.state)
    assert states == ["missing", "kept"]
    assert scripted.ranges("/r.parquet") == ["", f"bytes={len(data) // 2}-"]
