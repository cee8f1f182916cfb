"""The page in headless Chromium, by keyboard alone: from the first key to the exported file."""

from collections.abc import Callable
from pathlib import Path

import chromium
import geopandas
import pytest
from small_place import POINTS, SECRET, Serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium.PATH is None, reason="Chromium is not installed (Debian: apt install chromium)"),
]
LOADED = "[...document.querySelectorAll('#views img')].every(i => i.complete && i.naturalWidth > 0)"


def enter(page: chromium.Browser, url: str, name: str, judge: bool = False) -> None:
    page.open(url)
    page.js("sessionStorage.clear()")
    page.open(url)
    page.wait("document.querySelector('#enter').open && document.activeElement.id === 'name'")
    page.write(name)
    if judge:
        page.press("Tab")
        page.press("ArrowDown")
    page.press("Enter")
    page.wait("!document.querySelector('#enter').open")


def answer(page: chromium.Browser, keys: str) -> str:
    """Answer the point that is shown; returns its title."""
    title = page.text("#number")
    page.wait(LOADED)
    for key in keys:
        page.press(key)
    page.wait(f"document.querySelector('#number').textContent !== '{title}' || !document.querySelector('#done').hidden")
    return title


def test_from_the_first_key_to_the_file(place: Path, tmp_path: Path, serve: Callable[..., Serving]) -> None:
    server = serve(place)
    with chromium.browser(tmp_path / "profile") as page:
        page.size(1366, 680)
        enter(page, server.url, "reader-1")
        assert page.text("#title") == "A <b>place</b>"
        assert page.text("#progress") == "0 of 6"
        assert page.text("#dates").startswith("4 March 2021 (mapped)2 January 2020")
        disputed = answer(page, "2")
        for keys in "4", "w", "0", "5":
            answer(page, keys)
        assert page.text("#progress") == "5 of 6"

        page.press("u")  # take the fifth back, say it again, with a note and a doubt
        page.wait("document.querySelector('#status').textContent === 'Taken back.'")
        page.press("ArrowDown")
        page.press("/")
        page.write("<img src=x onerror=alert(1)>")
        page.press("Enter")
        answer(page, "c")

        page.press("d")  # the other date, then the server dies in the middle of a click
        page.wait("document.querySelectorAll('.date')[1].getAttribute('aria-pressed') === 'true'")
        page.wait(LOADED)
        server.kill()
        page.press("6")
        page.wait("document.querySelector('#status').textContent.includes('1 kept in this browser')")
        again = serve(place, server.port)
        page.wait("!document.querySelector('#done').hidden")
        assert page.text("#progress") == "6 of 6"

        enter(page, again.url, "reader-2")
        while page.js("document.querySelector('#done').hidden"):
            title = page.text("#number")
            answer(page, "3" if title == disputed else "t")
        enter(page, again.url, "Cem", judge=True)
        page.wait("!document.querySelector('#heard').hidden")
        assert "reader-2" not in page.js("document.body.innerText")
        heard = set()
        while page.js("document.querySelector('#done').hidden"):
            heard.add(page.text("#heard"))
            answer(page, "1")
        assert "They said: Traffic route (high) · Cropland (medium) “<img src=x onerror=alert(1)>”" in heard

        page.js("document.querySelector('header a').focus()")
        page.press("Enter")
        page.wait("document.querySelector('#pairs table') !== null")
        assert "reader-1 and reader-2" in page.text("#pairs")
        page.js("document.querySelector('#export').focus()")
        page.press("Enter")
        page.wait("document.querySelector('#files').textContent.startsWith('Written')")
        page.collect()
        assert [error for error in page.errors if "ERR_" not in error] == []  # the killed server's, and no other
        addresses = {address for address, _, _ in page.answers}
        assert all(address.startswith(again.url) for address in addresses)
        told = b"".join(body for _, _, body in page.answers)
        assert not [word for word in (SECRET, "stratum", "inclusion", "wood-") if word.encode() in told]
    assert again.interrupt() == 0
    frame = geopandas.read_file(place / "interpretation" / "points-interpreted.gpkg", layer="points")
    assert len(frame) == len(POINTS)
    assert set(frame["class_value"]) == {1}
    assert set(frame["stratum"]) == {SECRET}
    assert set(frame["scene_dates"]) == {"2021-03-04", "2020-01-02; 2021-03-04"}
