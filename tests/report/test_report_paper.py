"""HTML of plain tags becomes a PDF that opens and holds the words; what cannot be printed is named."""

import base64
import io
import re

import pytest
from matplotlib.figure import Figure
from PIL import Image
from pypdf import PdfReader

from l2h.core.errors import InputError
from l2h.report import typeface
from l2h.report.paper import fonts
from l2h.report.paper.inline import inline
from l2h.report.paper.markup import Node, parse, squeezed
from l2h.report.paper.pdf import Cover, left_out, write_pdf
from l2h.report.paper.tables import column_widths

COVER = Cover("A map ± 1: guide", "Someone", "A map 1.0")


def printed(tmp_path, html):
    sheets = write_pdf(html, tmp_path / "out.pdf", tmp_path, COVER)
    reader = PdfReader(tmp_path / "out.pdf")
    assert len(reader.pages) == sheets
    return reader


def words(reader):
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in reader.pages))


def test_words_links_and_title(tmp_path):
    html = "<html><head><title>no</title></head><body><h1>Map</h1><h2>Part</h2><p>10 km², <b>95 %</b> &lt;sure&gt;, "
    html += '<a href="https://a.example/x">here</a> and <a href="#p">there</a>.</p></body></html>'
    reader = printed(tmp_path, html)
    assert "10 km², 95 % <sure>, here and there." in words(reader)
    assert reader.metadata.title == "A map ± 1: guide"
    assert [entry.title for entry in reader.outline] == ["Map", "Part"]
    links = [a.get_object()["/A"]["/URI"] for a in reader.pages[0]["/Annots"]]
    assert links == ["https://a.example/x"]
    assert "A map 1.0" in words(reader)


def test_a_long_table_goes_on_with_its_heads(tmp_path):
    rows = "".join(f"<tr><td>row {i}</td><td class='num'>{i}</td></tr>" for i in range(150))
    head = "<caption>Table 1</caption><thead><tr><th>Name</th><th class='num'>Number</th></tr></thead>"
    reader = printed(tmp_path, f"<h2>Rows</h2><table>{head}<tbody>{rows}</tbody></table>")
    assert len(reader.pages) == 4
    assert all("Number" in page.extract_text() for page in reader.pages)
    assert [("Table 1" in page.extract_text()) for page in reader.pages] == [True, False, False, False]
    assert "Rows" in reader.pages[0].extract_text()
    assert "row 149" in words(reader)


def test_a_vector_figure_stays_words_and_lines(tmp_path):
    figure = Figure(figsize=(6, 3))
    figure.text(0.5, 0.5, "Words in a figure")
    figure.savefig(tmp_path / "f.pdf", metadata={"CreationDate": None})
    reader = printed(tmp_path, '<figure><img src="f.pdf"><figcaption>Figure 1</figcaption></figure>')
    text = words(reader)
    assert "Words in a figure" in text
    assert "Figure 1" in text
    assert len(reader.pages[0].images) == 0


def test_a_heading_stays_with_its_figure(tmp_path):
    figure = Figure(figsize=(6, 8))
    figure.text(0.5, 0.5, "Tall")
    figure.savefig(tmp_path / "f.pdf", metadata={"CreationDate": None})
    reader = printed(tmp_path, f"{'<p>words</p>' * 20}<h2>Maps</h2><figure><img src='f.pdf'></figure>")
    assert "Maps" not in reader.pages[0].extract_text()
    assert "Maps" in reader.pages[1].extract_text()
    assert "Tall" in reader.pages[1].extract_text()


def test_a_picture_as_data(tmp_path):
    out = io.BytesIO()
    Image.new("RGB", (20, 10), (1, 2, 3)).save(out, "PNG")
    data = base64.b64encode(out.getvalue()).decode()
    reader = printed(tmp_path, f'<img src="data:image/png;base64,{data}">')
    assert reader.pages[0].images[0].image.size == (20, 10)


def test_the_same_page_gives_the_same_bytes(tmp_path):
    html = "<h1>One</h1><ul><li>a</li><li>b <code>x y</code></li></ul><pre>l\n  r</pre><dl><dt>t</dt><dd>d</dd></dl>"
    write_pdf(html, tmp_path / "a.pdf", tmp_path, COVER)
    write_pdf(html, tmp_path / "b.pdf", tmp_path, COVER)
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()


@pytest.mark.parametrize(
    ("html", "message"),
    [
        ("<p>fine</p>\n<video></video>", r"<video> cannot be printed \(line 2"),
        ("<p>a <b>b</p>", r"</p> is closed inside <b> \(line 1"),
        ("</p>", r"</p> is closed but nothing is open"),
        ("<div>\n<p>a", r"<p> is never closed \(line 2"),
        ("<table><tr><td>1</td></tr><tr><td>1</td><td>2</td></tr></table>", "different numbers of cells"),
        ('<img src="../secret.png">', "a picture cannot be printed"),
        ('<img src="https://a.example/x.png">', "a picture cannot be printed"),
    ],
)
def test_what_cannot_be_printed_is_named(tmp_path, html, message):
    with pytest.raises(InputError, match=message):
        write_pdf(html, tmp_path / "out.pdf", tmp_path, COVER)
    assert not (tmp_path / "out.pdf").exists()


def test_what_is_for_the_screen_is_left_out():
    assert (
        parse('<nav><a href="#x">go</a></nav><p class="web">screen <video></video></p><p>paper</p>').text() == "paper"
    )


def test_chinese_takes_a_font_that_has_it():
    assert inline(["武汉 a"]) in (f'<font name="{name}">武汉</font> a' for name in ("STSong-Light", "cjk0"))
    assert inline(["a ა"]) == 'a <font name="sans0">ა</font>'


def test_numbers_do_not_break():
    assert squeezed("1 234 567 and 12 of\n 3") == "1\xa0234\xa0567 and 12 of 3"


def cell(text, **attributes):
    return Node("td", attributes, 0, [text])


def test_columns_get_what_they_want_where_there_is_room():
    narrow = column_widths([[cell("a"), cell("word word")]], 400)
    assert sum(narrow) < 100
    assert narrow[0] < narrow[1]
    long = column_widths([[cell("a"), cell("word " * 200)]], 400)
    assert sum(long) == pytest.approx(400)
    assert long[0] < 40


@pytest.fixture
def without_fonts(monkeypatch):
    """A machine without Chinese fonts."""
    monkeypatch.setattr(typeface, "installed", dict)
    for cached in (fonts.register, fonts._lacks):
        cached.cache_clear()
    yield
    for cached in (fonts.register, fonts._lacks):
        cached.cache_clear()


@pytest.mark.usefixtures("without_fonts")
def test_words_that_no_font_here_has_are_told():
    assert left_out("<p>Ürümqi ✓</p>", "a.pdf") == {}
    notice = left_out("<p>武汉 Wuhan</p>", "a.pdf")["notice"]
    assert notice.startswith("a.pdf: no font here has 武汉; they take a font of the reader's program; install one")


@pytest.mark.skipif(typeface.embeddable() is None, reason="no Chinese font that paper can carry on this machine")
def test_words_of_a_font_that_is_here_are_embedded(tmp_path):
    html = "<p>武汉</p>"
    assert left_out(html, "a.pdf") == {}
    write_pdf(html, tmp_path / "out.pdf", tmp_path, COVER)
    assert "武汉" in PdfReader(tmp_path / "out.pdf").pages[0].extract_text()
    assert b"STSong-Light" not in (tmp_path / "out.pdf").read_bytes()
