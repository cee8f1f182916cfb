"""`l2h guide`: the user guide of a release."""

from pathlib import Path

import click

from l2h.core.errors import UsageError

TEMPLATE = "guide.html.j2"


@click.command("guide")
@click.argument("folder", metavar="DIR", default=".", type=click.Path(path_type=Path))
@click.option("--release", "version", metavar="VERSION", help="Of which version; the newest.")
@click.option(
    "--template", metavar="FILE", type=click.Path(path_type=Path), help=f"Your wording; DIR/{TEMPLATE} if there is one."
)
@click.option("--write-template", is_flag=True, help=f"Write our template to DIR/{TEMPLATE}, to be edited, and stop.")
@click.option("--out", metavar="FOLDER", type=click.Path(path_type=Path), help="Where to; into the release.")
def guide(folder: Path, version: str | None, template: Path | None, write_template: bool, out: Path | None) -> int:
    """Write guide.html and guide.pdf of a finished release: what it holds, how right it is, how to use and cite it.

    DIR is a project or the folder of a release. Everything is read from the release; wording comes from a template.
    """
    if write_template:
        return _write_template(folder / TEMPLATE)
    from l2h.report.guide.release import find_release, read_release
    from l2h.report.guide.write import write_guide
    from l2h.report.paper.pdf import left_out

    chosen = template or (folder / TEMPLATE if (folder / TEMPLATE).is_file() else None)
    release = read_release(find_release(folder, version))
    html, pdf, sheets = write_guide(release, out or release.folder, chosen)
    click.echo(f"{sheets} pages{f', worded by {chosen}' if chosen else ''}", err=True)
    for notice in left_out(html.read_text("utf-8"), pdf.name).values():
        click.echo(f"note: {notice}", err=True)
    click.echo(f"{html}\n{pdf}")
    return 0


def _write_template(path: Path) -> int:
    from l2h.core.files import write_text
    from l2h.report.guide.write import our_template

    if path.exists():
        raise UsageError("there is a template already", where=str(path), hint="Move it away first.")
    if not path.parent.is_dir():
        raise UsageError("there is no such folder", where=str(path.parent))
    write_text(path, our_template())
    click.echo(str(path))
    return 0


COMMANDS = {"guide": guide}
