"""`l2h interpret`: a local page on which people say what they see at the points of a sample."""

import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import click

from l2h.core.errors import UsageError

if TYPE_CHECKING:
    from l2h.viewer.desk import Desk


@click.command("interpret")
@click.argument("folder", metavar="DIR", default=".", type=click.Path(path_type=Path))
@click.option("--points", metavar="FILE", required=True, type=click.Path(path_type=Path), help="Points to interpret.")
@click.option("--layer", help="Layer of the points' file.")
@click.option("--id-column", help="Column with the points' identities; `id` where there is one.")
@click.option("--records", metavar="FILE", type=click.Path(path_type=Path), help="Answers; DIR/interpretation/ else.")
@click.option("--per-point", type=click.IntRange(1, 9), default=2, show_default=True, help="Blind answers a point.")
@click.option("--interpreter", metavar="NAME", help="Work for one person; else everyone states a name.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; a token elsewhere.")
@click.option("--port", type=click.IntRange(0, 65535), default=8642, show_default=True, help="0 for any that is free.")
@click.option("--token", metavar="TEXT", help="Asked of every browser; made up where others can reach the server.")
@click.option("--export", "only_export", is_flag=True, help="Write what was decided so far as files, and stop.")
def interpret(
    folder: Path,
    points: Path,
    layer: str | None,
    id_column: str | None,
    records: Path | None,
    per_point: int,
    interpreter: str | None,
    host: str,
    port: int,
    token: str | None,
    only_export: bool,
) -> int:
    """Serve a page for interpreting points on DIR's pictures, blind to the map, for one person or several.

    Answers go to DIR/interpretation/ as they are given. The address is printed on standard output; Ctrl-C ends.
    """
    from l2h.accuracy.interpretation.answers import check_name
    from l2h.viewer.interpret import Task, export_now, open_desk

    only = check_name(interpreter) if interpreter else ""
    task = Task(folder, points, layer, id_column, records, per_point, only)
    if only_export:
        done = export_now(task)
        for path in done.files:
            click.echo(path)
        click.echo(
            f"{done.with_class} points have a class, of {done.cannot_tell} people cannot tell, {done.waiting} wait",
            err=True,
        )
        return 0
    return _serve(open_desk(task), host, port, _token(token, host), task.records_path)


def _serve(desk: "Desk", host: str, port: int, token: str, records: Path) -> int:
    from l2h.viewer.server import DeskServer

    lacking = desk.setup()["lacking"]
    if lacking:
        click.echo(f"other dates cannot be shown: {lacking}", err=True)
    with DeskServer(desk, host, port, token) as server:
        click.echo(f"answers go to {records}\nopen this address in a browser; Ctrl-C ends", err=True)
        click.echo(server.url)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("\nended; everything that was answered is kept", err=True)
    desk.close()
    return 0


def _token(given: str | None, host: str) -> str:
    """The token that is asked for: the one given, one made up where others can reach the host, none on loopback."""
    from l2h.viewer.guards import is_loopback

    if given is None:
        return "" if is_loopback(host) else secrets.token_urlsafe(18)
    if not re.fullmatch(r"[A-Za-z0-9_-]{8,128}", given):
        raise UsageError("this is no token", expected="8 to 128 letters, digits, - and _")
    return given


COMMANDS = {"interpret": interpret}
