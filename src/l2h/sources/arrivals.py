"""What of the fetched products is here: the account that the workspace keeps, and holes for what is not."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from l2h.core.errors import InputError
from l2h.core.files import write_json
from l2h.core.grid import Grid
from l2h.core.tasks import Context, Hole, Made, Task
from l2h.sources.catalogue import load_product
from l2h.sources.extent import geographic_box
from l2h.sources.settings import FETCHED, ProductSettings
from l2h.sources.transfer import receipt_of

NAME = "layers/fetched"


def needed_files(product: ProductSettings, grid: Grid) -> tuple[str, ...]:
    """Names of the files of a product that cover the grid, without those said to be absent.

    InputError where `absent` names a file that is none of the product's; GridError where tiles cannot cover the grid.
    """
    scheme = load_product(str(product.catalogue)).scheme
    if scheme is None:
        raise InputError("a product has no tiles", where=f"layer '{product.name}'", hint="Name its files in `paths`.")
    for file in product.absent:
        scheme.parse(file)
    files = (tile.file for tile in scheme.covering(geographic_box(grid)))
    return tuple(file for file in files if file not in product.absent)


def place_of(product: ProductSettings, file: str, project_dir: Path) -> Path:
    """Where a fetched file lies."""
    return project_dir / FETCHED / product.name / file


def arrival_tasks(context: Context, products: Sequence[ProductSettings]) -> list[Task]:
    """One task that writes `fetched.json`: every file that came in, with its receipt, and a hole for each missing one.

    No task where nothing of the project is fetched. InputError where nothing of a product is here, or where a file is
    not the one that came in.
    """
    fetched = [product for product in products if product.fetched]
    if not fetched:
        return []
    rows: list[dict[str, Any]] = []
    holes: list[Hole] = []
    for product in fetched:
        _take_stock(context, product, rows, holes)
    path = context.work / f"{NAME}.json"
    arguments = {"path": path, "rows": rows, "holes": tuple(holes)}
    settings = {"rows": rows, "missing": [hole.where for hole in holes]}
    return [Task(NAME, make_arrivals, arguments, (), (path,), settings)]


def _take_stock(context: Context, product: ProductSettings, rows: list[dict[str, Any]], holes: list[Hole]) -> None:
    here = False
    for file in needed_files(product, context.grid):
        path = place_of(product, file, context.project_dir)
        receipt = receipt_of(path)
        if receipt is None or not path.is_file():
            holes.append(Hole(f"layer '{product.name}', {file}", "not fetched"))
            continue
        here = True
        found = context.ledger.digest_of(path)
        if found != receipt.sha256:
            raise InputError(
                "a file is not the one that was fetched", where=str(path), expected=receipt.sha256, got=found,
                hint="Run `l2h fetch` again.",
            )  # fmt: skip
        rows.append({"layer": product.name, "file": file, "licence": product.licence, **asdict(receipt)})
    if not here:
        raise InputError(
            "nothing of a product is here",
            where=f"layer '{product.name}'",
            hint="Run `l2h fetch` in the project first.",
        )


def make_arrivals(path: Path, rows: list[dict[str, Any]], holes: tuple[Hole, ...]) -> Made:
    """Write the account of what came in."""
    write_json(path, rows)
    return Made(holes, {"files": len(rows), "bytes": sum(row["size"] for row in rows)})
