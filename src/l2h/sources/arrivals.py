"""What of the fetched layers is here: the account that the workspace keeps, and holes for what is not."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from l2h.core.errors import InputError
from l2h.core.files import write_json
from l2h.core.grid import Grid
from l2h.core.tasks import Context, Hole, Made, Task
from l2h.sources.boundaries import Cities
from l2h.sources.catalogue import load_product
from l2h.sources.ground import Ground, ground_of, whole_ground
from l2h.sources.groups import wanted_part
from l2h.sources.links import FETCHED
from l2h.sources.listing import Listing, needed_folders, needed_listing
from l2h.sources.remote import part_of
from l2h.sources.settings import ImagerySettings, Layer, Linked, OsmSettings, ProductSettings
from l2h.sources.sheets import empty_reasons
from l2h.sources.tiles import Tile
from l2h.sources.transfer import Receipt, receipt_of
from l2h.sources.veil import veiled

NAME = "layers/fetched"
AGAIN = "Run `l2h fetch` again."


def needed_files(product: ProductSettings, ground: Ground) -> tuple[Tile, ...]:
    """The files of a product that hold ground of a city on the grid, without those said to be absent.

    InputError where `absent` names a file that is none of the product's; GridError where tiles cannot cover the grid.
    """
    scheme = load_product(str(product.catalogue)).scheme
    if scheme is None:
        raise InputError("a product has no tiles", where=f"layer '{product.name}'", hint="Name its files in `paths`.")
    for file in product.absent:
        scheme.parse(file)
    return tuple(tile for tile in ground.tiles(scheme) if tile.file not in product.absent)


def place_of(layer: str, file: str, project_dir: Path) -> Path:
    """Where a fetched file lies."""
    return project_dir / FETCHED / layer / file


@dataclass(frozen=True)
class Needed:
    """The files that a fetched layer needs.

    addresses : file → the only address it may be from; a file without one may be from any
    parts     : file → the part of it that is enough, where that is not the whole
    """

    layer: str
    licence: str
    files: tuple[str, ...]
    addresses: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)

    def check(self, file: str, path: Path, receipt: Receipt) -> None:
        """InputError where the file that is here is that of another address, or another part of it."""
        address = self.addresses.get(file, receipt.address)  # both as they may be written
        if receipt.address != address:
            raise InputError(
                "a file is from another address", where=str(path), expected=address, got=receipt.address, hint=AGAIN
            )
        if receipt.part not in ("", part := self.parts.get(file, "")):
            raise InputError(
                "a file is another part of what is needed", where=str(path), expected=part or "the whole",
                got=receipt.part, hint=AGAIN,
            )  # fmt: skip


def needed_of(context: Context, layers: Sequence[Layer], outlines: Callable[[], Cities] | None) -> list[Needed]:
    """What every fetched layer needs; InputError where the scenes of one are not listed yet."""
    fetched = [layer for layer in layers if isinstance(layer, ProductSettings) and layer.fetched]
    needed = []
    if fetched:
        ground = ground_of(outlines(), context.grid) if outlines else whole_ground(context.grid)
        needed += [_product(p, ground, context.grid) for p in fetched]
    for layer in layers:
        if isinstance(layer, ImagerySettings) and layer.fetched:
            listing = needed_listing(layer, context.project_dir, context.grid)
            files = tuple(scene.file for scene in listing.scenes if not scene.beside)
            parts = dict.fromkeys(files, part_of(context.grid))
            needed.append(Needed(layer.name, layer.licence, files, parts=parts))
        elif isinstance(layer, OsmSettings) and layer.links.folders:
            needed.append(linked(layer, context.grid, needed_folders(layer, context.project_dir, context.grid)))
        elif isinstance(layer, Linked) and layer.links:
            needed.append(linked(layer, context.grid))
    return needed


def _product(product: ProductSettings, ground: Ground, grid: Grid) -> Needed:
    files = tuple(tile.file for tile in needed_files(product, ground))
    parts = dict.fromkeys(files, part_of(grid))  # is as good as the whole, whoever asked for it
    return Needed(product.name, product.licence, files, parts=parts)


def linked(layer: Linked, grid: Grid, listing: Listing | None = None) -> Needed:
    """What comes by address. Two addresses may end in one name: which of them has it here follows from their order.

    listing : of the layer's folders
    """
    links = layer.links
    addresses = {file: veiled(address) for address, file in links.files.items()}
    addresses |= {file.file: file.address for file in listing.scenes if not file.beside} if listing else {}
    parts = {file: wanted_part(layer, grid, file) for file in addresses} if isinstance(layer, OsmSettings) else {}
    return Needed(links.layer, layer.licence, tuple(addresses), addresses, parts)


def arrival_tasks(
    context: Context, layers: Sequence[Layer], outlines: Callable[[], Cities] | None = None, name: str = NAME
) -> list[Task]:
    """One task that writes `fetched.json`: every file that came in, with its receipt, and a hole for each missing one.

    outlines : reads the cities, whose ground products are fetched for; called only where a product is fetched
    name     : of the account, below the workspace

    No task where nothing of the layers is fetched. InputError where nothing of a layer is here, or where a file is not
    the one that came in, or came from elsewhere than the project file now says.
    """
    needed = needed_of(context, layers, outlines)
    if not needed:
        return []
    rows: list[dict[str, Any]] = []
    holes: list[Hole] = []
    for layer in needed:
        _take_stock(context, layer, rows, holes)
    path = context.work / f"{name}.json"
    arguments = {"path": path, "rows": rows, "holes": tuple(holes)}
    settings = {"rows": rows, "missing": [(hole.where, hole.reason) for hole in holes]}
    return [Task(name, make_arrivals, arguments, (), (path,), settings)]


def _take_stock(context: Context, needed: Needed, rows: list[dict[str, Any]], holes: list[Hole]) -> None:
    here = False
    for file in needed.files:
        path = place_of(needed.layer, file, context.project_dir)
        receipt = receipt_of(path)
        if receipt is None or not path.is_file():
            holes.append(Hole(f"layer '{needed.layer}', {file}", "not fetched"))
            continue
        here = True
        needed.check(file, path, receipt)
        found = context.ledger.digest_of(path)
        if found != receipt.sha256:
            raise InputError(
                "a file is not the one that was fetched", where=str(path), expected=receipt.sha256, got=found,
                hint=AGAIN,
            )  # fmt: skip
        rows.append({"layer": needed.layer, "file": file, "licence": needed.licence, **asdict(receipt)})
        holes += [Hole(f"layer '{needed.layer}', {file}", reason) for reason in empty_reasons(path)]
    if not here:
        raise InputError(
            "nothing of a layer is here",
            where=f"layer '{needed.layer}'",
            hint="Run `l2h fetch` in the project first.",
        )


def make_arrivals(path: Path, rows: list[dict[str, Any]], holes: tuple[Hole, ...]) -> Made:
    """Write the account of what came in."""
    write_json(path, rows)
    return Made(holes, {"files": len(rows), "bytes": sum(row["size"] for row in rows)})
