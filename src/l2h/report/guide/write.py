"""guide.html and guide.pdf from a release and a template."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, FileSystemLoader, PackageLoader, StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup, escape

from l2h.core.errors import InputError
from l2h.core.files import write_text
from l2h.report import numbers
from l2h.report.guide.release import Released
from l2h.report.guide.view import guide_values
from l2h.report.paper.pdf import Cover, write_pdf
from l2h.report.pictures import data_uri
from l2h.report.web import web_figure

OURS = "guide.html.j2"
PICTURES = (".png", ".jpg", ".jpeg")


def our_template() -> str:
    """The template as it is shipped: a start for one's own."""
    return (Path(__file__).parents[1] / "templates" / OURS).read_text("utf-8")


def write_guide(release: Released, out: Path, template: Path | None = None) -> tuple[Path, Path, int]:
    """Write guide.html and guide.pdf into a folder; their paths, and the number of printed pages.

    template : one's own in place of ours; it may begin with {% extends "guide.html.j2" %} and change single blocks
    InputError for a template that cannot be used, with its line.
    """
    values = guide_values(release)
    page, paper = (render(release, values, template, printed) for printed in (False, True))
    title = f"{values['name']}, version {values['product']['version']}: user guide"
    pdf, html = out / "guide.pdf", out / "guide.html"
    sheets = write_pdf(paper, pdf, release.figures, Cover(title, foot=title))
    write_text(html, page)
    return html, pdf, sheets


def render(release: Released, values: dict[str, Any], template: Path | None, printed: bool) -> str:
    """The page, for the screen or for print."""
    where = str(template or OURS)
    folders = [FileSystemLoader(template.parent)] if template else []
    environment = SandboxedEnvironment(
        loader=ChoiceLoader([PackageLoader("l2h.report", "templates"), *folders]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for function in (
        numbers.percent,
        numbers.plus_minus,
        numbers.interval,
        numbers.decimal,
        numbers.count,
        numbers.km2,
    ):
        environment.filters[function.__name__] = function
    environment.filters["size"] = size
    figures = Figures(release.figures, template.parent if template else None, printed)
    try:
        text = template.read_text("utf-8") if template else our_template()
        return environment.from_string(text).render(values | {"figure": figures.figure, "printed": printed})
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("the template cannot be read", where=where, got=str(error)) from error
    except TemplateSyntaxError as error:
        raise InputError(
            "the template is not one", where=f"{where}, line {error.lineno}", got=error.message or ""
        ) from error
    except (TemplateError, TypeError, ValueError) as error:
        line = _line(error)
        raise InputError(
            "the template cannot be filled in", where=f"{where}{f', line {line}' if line else ''}", got=str(error),
            hint="`l2h guide --write-template` writes one that can, with every value in use.",
        ) from error  # fmt: skip


def _line(error: BaseException) -> int | None:
    """Line of the template that an error came from."""
    found, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in ("<template>", "<unknown>"):
            found = trace.tb_lineno
        trace = trace.tb_next
    return found


@dataclass
class Figures:
    """Figures of a page, numbered in the order in which the template asks for them.

    own : folder of the user's template; pictures may lie in it
    """

    folder: Path
    own: Path | None
    printed: bool
    shown: list[str] = field(default_factory=list)

    def figure(self, name: str, caption: str = "") -> Markup:
        """A figure of the release by its stem, or a picture beside the template by its file name, with its caption.

        A figure that the release lacks (images whose licence keeps them private) is left out.
        """
        source = self._source(name)
        if source is None:
            return Markup("")
        self.shown.append(name)
        words = Markup("<b>Figure {}.</b> {}").format(len(self.shown), caption)
        picture = Markup('<img src="{}" alt="{}">').format(source, escape(caption))
        return Markup('<figure class="plate">{}<figcaption>{}</figcaption></figure>').format(picture, words)

    def _source(self, name: str) -> str | None:
        if not name.lower().endswith(PICTURES):
            path = self.folder / f"{name}.png"
            reader: Callable[[Path], str] = web_figure
            if path.parent != self.folder or not path.is_file():
                return None
            return f"{name}.pdf" if self.printed else reader(path)
        own = self.own / name if self.own else None
        if own is None or own.parent != self.own or not own.is_file():
            raise InputError("a picture of the template is missing", where=name, expected="a file beside the template")
        return data_uri(own.read_bytes())


def size(count: float) -> str:
    """Bytes as people read them.

    >>> size(4_200_000_000), size(238_774), size(12)
    ('4.2 GB', '239 kB', '12 B')
    """
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return f"{count:.0f} B"
