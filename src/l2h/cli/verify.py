"""`l2h verify`: rehash a release or a workspace."""

import json
from pathlib import Path
from typing import Any

import click

from l2h.core.errors import UsageError


@click.command("verify")
@click.argument("path", metavar="PATH", default=".", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print as JSON on standard output.")
def verify(path: Path, as_json: bool) -> int:
    """Hash every file of a release folder, or every recorded file of a project, and name those that differ.

    Status 1 where anything differs, is missing, or (in a release) is there without being listed. What differs in a
    project is made again by the next run.
    """
    checked, rows = differences(path)
    if as_json:
        click.echo(json.dumps({"checked": checked, "differences": rows}, indent=2))
    else:
        for row in rows:
            click.echo(f"{row['fault']:<8} {row['path']}", err=True)
        for line in cut_lines(path):
            click.echo(line, err=True)
        verdict = f"{len(rows)} of them differ" if rows else "all as recorded"
        click.echo(f"{checked} files hashed, {verdict}", err=True)
    return 1 if rows else 0


def cut_lines(release: Path) -> list[str]:
    """A line for every city of a release that the project's bounds cut through; none where there is no release."""
    from l2h.core.files import read_json

    path = release / "MANIFEST.json"
    cut = read_json(path).get("cities_cut", []) if path.is_file() else []
    return [f"cut: {c['city']}: only {c['share_inside']:.1%} of its outline lies within the bounds" for c in cut]


def differences(path: Path) -> tuple[int, list[dict[str, Any]]]:
    """How many files were hashed, and what is wrong with which."""
    if (path / "MANIFEST.json").is_file():
        from l2h.product.verify import verify_release

        return verify_release(path)
    from l2h.core.ledger import Ledger
    from l2h.core.verify import verify_workspace, workspace_files

    ledger = Ledger(path)
    if not ledger.path.is_file():
        raise UsageError(
            "nothing to verify", where=str(path), expected="a release folder (MANIFEST.json) or a project with work/"
        )
    rows = [
        {"fault": d.fault, "path": str(d.path), "expected": d.expected, "got": d.got} for d in verify_workspace(ledger)
    ]
    return len(workspace_files(ledger)), rows


COMMANDS = {"verify": verify}
