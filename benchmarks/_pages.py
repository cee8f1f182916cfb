"""What benchmarks of trained networks share: where their workspaces lie, and pages whose tables a program writes."""

import argparse
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from l2h.core.errors import InputError
from l2h.core.files import write_text

RUNS_HELP = "folder of workspaces <seed>/<family>, as accuracy.py --work RUNS/<seed> --seed <seed> leaves them"


def parser_of(description: str | None, page: Path, families: list[str] | None = None) -> argparse.ArgumentParser:
    """CASES RUNS and what every such benchmark asks for."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path, help="pictures with references, products and vectors")
    parser.add_argument("runs", type=Path, help=f"{RUNS_HELP}; also where the records go")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--families", nargs="+", default=families, help="all that have a network by default")
    parser.add_argument("--networks", type=Path, help=f"another {RUNS_HELP}; read only")
    parser.add_argument("--page", type=Path, default=page, help="whose marked tables are written anew")
    return parser


def workspaces(options: argparse.Namespace, found: Iterable[str]) -> Iterator[tuple[int, str, Path]]:
    """Seed, family and workspace of every trained network asked for; InputError where there is none at all."""
    folder, none = options.networks or options.runs, True
    for seed in options.seeds:
        for family in options.families or sorted(found):
            work = folder / str(seed) / family
            if (work / "train/network.safetensors").exists():
                none = False
                yield seed, family, work
    if none:
        raise InputError("no trained network", where=str(folder), expected="<seed>/<family>/train/network.safetensors")


def fill(page: Path, tables: Mapping[str, Iterable[str]]) -> None:
    """Write tables between the marks of a page, `<!-- name -->` and `<!-- /name -->`; the rest stays as it is.

    InputError where a mark is missing.
    """
    text = page.read_text("utf-8")
    for name, lines in tables.items():
        mark = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.S)
        body = "\n".join(lines) + "\n"
        text, count = mark.subn(lambda found, body=body: f"{found[1]}\n{body}\n{found[2]}", text)
        if count != 1:
            raise InputError("a page without the marks of a table", where=str(page), expected=f"<!-- {name} --> once")
    write_text(page, text)
