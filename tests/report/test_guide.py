"""The guide says what the release says, in the words of whatever template; an unfinished release has none."""

import json
import re
import shutil

import pytest
from click.testing import CliRunner
from pypdf import PdfReader

from l2h.cli.main import cli
from l2h.core.errors import InputError, VerificationError
from l2h.core.files import read_json, sha256_file, write_json
from l2h.core.tasks import run_stage
from l2h.product.facts import LayerFact, ReleaseFacts
from l2h.product.settings import ReleaseSettings
from l2h.product.stage import stage as release_stage
from l2h.product.verify import verify_release
from l2h.report.guide.release import find_release, read_release, version_key
from l2h.report.guide.view import changes, guide_values, unused_values
from l2h.report.guide.write import write_guide
from l2h.report.stage import stage as report_stage

LAYERS = (LayerFact("esa", "product", "CC-BY-4.0", "© ESA & others", "2020"),)


@pytest.fixture(scope="module")
def made(make_workspace, make_settings):
    """A project with a release and its report; the release's folder."""
    context = make_workspace(32)
    facts = ReleaseFacts("toyland", "Toyland & <co>", "1.0", layers=LAYERS)
    settings = ReleaseSettings(licence="CC-BY-4.0", citation="Toyland makers, 2026.")
    run_stage(release_stage(settings, facts), context)
    run_stage(report_stage(make_settings()), context)
    return context.project_dir / "release" / "1.0"


@pytest.fixture
def release(made, tmp_path):
    """A copy that a test may change."""
    return shutil.copytree(made, tmp_path / "release" / "1.0")


def text_of(pdf):
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in PdfReader(pdf).pages))


def test_page_and_paper_hold_the_tables_of_the_release(made, tmp_path):
    html, pdf, sheets = write_guide(read_release(made), tmp_path)
    page, paper = html.read_text("utf-8"), text_of(pdf)
    assert len(PdfReader(pdf).pages) == sheets > 3
    assert "<h1>Toyland &amp; &lt;co&gt;</h1>" in page
    manifest = read_json(made / "MANIFEST.json")
    for land in manifest["legend"]["classes"]:
        row = rf"{land['label']} {land['value']} {', '.join(map(str, land['colour']))}"
        assert row in paper
        assert f'<td class="num">{land["value"]}</td>' in page
    for words in ("North_East_Bo.tif", "North/North_West.zip", "CC-BY-4.0", "© ESA & others", "Toyland makers, 2026."):
        assert words in paper
    assert "0 is no data" in paper
    assert "11 is not used." in paper
    assert "1 of 2 images have no date" in paper
    assert "Figure 5." in paper
    assert {"Regions", "Tiles per year"} <= {m for m in ("Regions", "Tiles per year") if m in paper}
    assert set(re.findall(r'src="([^:"]+)', page)) == {"data"}


def test_accuracy_is_that_of_the_validation(made, tmp_path):
    html, _, _ = write_guide(read_release(made), tmp_path)
    told = read_json(made / "validation.json")["references"][0]["overall_accuracy"]
    page = html.read_text("utf-8")
    assert f"<b>{100 * told['value']:.1f} ± {100 * told['standard_error']:.1f} %</b>" in page
    assert "not met: " in page.lower()


@pytest.mark.parametrize("doubted", [None, 0, 480])
def test_ground_in_doubt_is_a_known_issue(release, tmp_path, doubted):
    """A release made before doubt was told of has a guide that says nothing of it."""
    path = release / "validation.json"
    document = read_json(path)
    assert document["doubt"] == {"pixels": 3138, "doubted": 480}
    document |= {"doubt": {"pixels": 3138, "doubted": doubted}}
    if doubted is None:
        del document["doubt"]
    write_json(path, document)
    html, pdf, _ = write_guide(read_release(release), tmp_path)
    for text in (html.read_text("utf-8"), text_of(pdf)):
        assert ("Doubtful ground: at 480 of 3 138 mapped pixels (15.3 %)" in text) == bool(doubted)


def test_the_same_release_gives_the_same_guide(made, tmp_path):
    first, second = (write_guide(read_release(made), tmp_path / name) for name in ("a", "b"))
    assert [p.read_bytes() for p in first[:2]] == [p.read_bytes() for p in second[:2]]


def test_a_guide_beside_a_release_does_not_spoil_it(release):
    write_guide(read_release(release), release)
    assert verify_release(release)[1] == []
    (release / "stray.txt").write_text("x", "utf-8")
    assert [d["path"] for d in verify_release(release)[1]] == ["stray.txt"]


def test_a_template_changes_words_blocks_and_pictures(made, tmp_path):
    shutil.copy(made / "figures/national-map.png", tmp_path / "mine.png")
    own = tmp_path / "own.html.j2"
    own.write_text(
        '{% extends "guide.html.j2" %}{% block contact %}<p>Write to maps@example.org.</p>{% endblock %}'
        '{% block overview %}<h2>Look</h2>{{ figure("mine.png", "Mine & yours") }}{% endblock %}',
        "utf-8",
    )
    html, pdf, _ = write_guide(read_release(made), tmp_path / "out", own)
    page, paper = html.read_text("utf-8"), text_of(pdf)
    for words in ("Write to maps@example.org.", "Look"):
        assert words in page
        assert words in paper
    assert "<b>Figure 1.</b> Mine &amp; yours" in page
    assert "Figure 2" not in page
    assert "Sample areas" not in page
    assert "Table 1" in paper


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<p>{% if %}</p>", "the template is not one .*line 1"),
        ("<p>fine</p>\n{{ nothing_of_that_name }}", "cannot be filled in .*line 2.*nothing_of_that_name"),
        ("<p>\n<video></video></p>", "<video> cannot be printed .*line 2"),
        ('{{ figure("../secret.png") }}', "a picture of the template is missing"),
        ("{{ ''.__class__.__mro__ }}", "cannot be filled in"),
    ],
)
def test_a_template_that_cannot_be_used_says_where(made, tmp_path, text, message):
    own = tmp_path / "own.html.j2"
    own.write_text(text, "utf-8")
    with pytest.raises(InputError, match=message):
        write_guide(read_release(made), tmp_path / "out", own)
    assert not (tmp_path / "out" / "guide.html").exists()


def test_a_figure_that_may_not_be_passed_on_is_left_out(release, tmp_path):
    for path in (release / "figures").glob("image-and-result.*"):
        path.unlink()
    html, _, _ = write_guide(read_release(release), tmp_path / "out")
    page = html.read_text("utf-8")
    assert "Figure 4." in page
    assert "Figure 5." not in page


def test_versions_tell_what_changed(release, tmp_path):
    older = read_json(release / "MANIFEST.json")
    older["product"]["version"] = "0.9"
    for file in older["files"]:
        if file["layer"] == "land cover class":
            file["members"] = [{**m, "sha256": "0" * 64} for m in file["members"] if m["city"] != "North_East_Bo"]
    (release.parent / "0.9").mkdir()
    (release.parent / "0.9" / "MANIFEST.json").write_text(json.dumps(older), "utf-8")
    rows = guide_values(read_release(release))["versions"]
    assert [row["version"] for row in rows] == ["1.0", "0.9"]
    assert (rows[0]["added"], rows[0]["changed"]) == (["North_East_Bo"], ["North_West_Ava"])
    html, _, _ = write_guide(read_release(release), tmp_path / "out")
    assert "New: North_East_Bo. Changed: North_West_Ava." in html.read_text("utf-8")
    assert changes(older, older) == {"first": False, "added": [], "removed": [], "changed": []}


def test_a_torn_manifest_beside_is_no_history(release):
    (release.parent / "torn").mkdir()
    (release.parent / "torn" / "MANIFEST.json").write_text('{"product"', "utf-8")
    with pytest.raises(InputError, match=r"beside this one cannot be read.*torn/MANIFEST\.json"):
        read_release(release)


def test_the_newest_release_is_taken(made, tmp_path):
    for name in ("1.9", "1.10"):
        (tmp_path / "release" / name).mkdir(parents=True)
    assert find_release(tmp_path, None).name == "1.10"
    assert find_release(tmp_path, "1.9").name == "1.9"
    assert find_release(made, None) == made
    with pytest.raises(InputError, match=r"no release version 3 here"):
        find_release(tmp_path, "3")
    assert version_key("2.0") > version_key("1.10")


def spoil_archive(folder):
    path = folder / "North/North_East.zip"
    path.write_bytes(path.read_bytes()[:-1])


def spoil_manifest(folder):
    path = folder / "MANIFEST.json"
    path.write_text(path.read_text("utf-8").replace("CC-BY", "CC-XX"), "utf-8")


def spoil_version(folder):
    path = folder / "validation.json"
    path.write_text(path.read_text("utf-8").replace('"version": "1.0"', '"version": "0.1"'), "utf-8")


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (lambda f: (f / "SHA256SUMS").unlink(), InputError, r"no finished release .*SHA256SUMS.*l2h release"),
        (lambda f: (f / "MANIFEST.json").unlink(), InputError, r"no finished release .*MANIFEST"),
        (lambda f: (f / "validation.json").unlink(), InputError, r"no validation yet .*l2h report"),
        (lambda f: shutil.rmtree(f / "figures"), InputError, r"no figures yet .*l2h report"),
        (lambda f: (f / "North/North_East.zip").unlink(), VerificationError, r"not whole .*no such file"),
        (spoil_archive, VerificationError, r"not whole .*North_East.zip.*bytes"),
        (spoil_manifest, VerificationError, r"manifest is not the one .*l2h verify"),
        (spoil_version, VerificationError, r"of another version .*expected 1.0.*0.1"),
    ],
)
def test_an_unfinished_or_broken_release_is_refused(release, spoil, error, message):
    spoil(release)
    with pytest.raises(error, match=message):
        read_release(release)


def test_the_command_writes_beside_the_release_and_a_template_to_edit(release):
    project = release.parents[1]
    run = CliRunner().invoke(cli, ["guide", str(project), "--write-template"], catch_exceptions=False)
    assert run.exit_code == 0
    template = project / "guide.html.j2"
    template.write_text(template.read_text("utf-8").replace("<h2>Introduction</h2>", "<h2>What it is</h2>"), "utf-8")
    run = CliRunner().invoke(cli, ["guide", str(project)], catch_exceptions=False)
    assert run.output.splitlines()[-2:] == [str(release / "guide.html"), str(release / "guide.pdf")]
    assert "What it is" in text_of(release / "guide.pdf")
    assert sha256_file(release / "guide.html")


def test_values_that_stand_for_nothing():
    assert unused_values([1, 2, 4, 7]) == [3, 5, 6]
