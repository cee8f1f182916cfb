"""The page opens from disk, escapes what it is given, and says what the files say."""

import re
from html.parser import HTMLParser

import pytest

from l2h.core.files import read_json

VOID = {"meta", "img", "br", "line", "path", "use", "rect", "circle", "hr", "input", "link", "stop"}


class Balanced(HTMLParser):
    """Collects tags, ids and texts; fails on a tag closed out of order."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.attributes, self.tags, self.words = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def parsed(html):
    parser = Balanced()
    parser.feed(html)
    parser.close()
    return parser


def test_every_tag_is_closed_in_order(parsed):
    assert parsed.open == []


def test_ids_are_unique_and_links_lead_to_them(parsed):
    assert len(set(parsed.ids)) == len(parsed.ids)
    targets = {v[1:] for n, v in parsed.attributes if n in ("href", "xlink:href") and v.startswith("#")}
    assert targets <= set(parsed.ids)


def test_nothing_is_fetched_from_elsewhere(html, parsed):
    for name, value in parsed.attributes:
        if name in ("src", "href", "xlink:href", "action", "srcset", "data", "poster"):
            assert value.startswith(("data:image/", "#")), (name, value[:80])
    assert {"script", "link", "iframe", "object", "embed"}.isdisjoint(parsed.tags)
    assert "@import" not in html
    assert set(re.findall(r"url\((.)", html)) <= {"#"}
    namespaces = {value for name, value in parsed.attributes if name.startswith("xmlns")}
    assert set(re.findall(r"https?://[^\s\"'<]+", html)) <= namespaces


def test_names_are_escaped(html, parsed):
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; Söhne" in html
    assert "<script>alert('x')</script> & Söhne" in "".join(parsed.words)
    assert "<b>A & B</b>" in "".join(parsed.words)


def test_headline_is_the_assessment(workspace, html):
    found = re.search(r'class="big">([\d.]+) ± ([\d.]+)<span class="unit"> %', html)
    assert found
    scores = read_json(workspace.work / "assess/accuracy.json")["references"][0]["maps"][0]["places"][0]["fine"]
    accuracy = scores["overall_accuracy"]
    assert found.groups() == (f"{100 * accuracy['value']:.1f}", f"{100 * accuracy['standard_error']:.1f}")


def test_pictures_of_each_window(parsed):
    titles = [value for name, value in parsed.attributes if name == "alt"]
    panels = ["Image", "esa", "Training labels", "This map", "Confidence", "Truth"]
    assert titles[:3] == [f"{t} of the whole country" for t in ("Image", "Land cover", "Confidence")]
    assert titles[3:15] == [f"{panel}, {city}" for city in ("Ava", "Bo") for panel in panels]


def test_holes_and_costs_are_listed(html):
    assert "scene &lt;1&gt;" in html
    assert "200 MB" in html
