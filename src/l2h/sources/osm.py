"""OpenStreetMap extracts, streamed into an intake: memory holds a batch, whatever the size of the file.

osmium writes the ways with their places to a file beside the layers, some 65 bytes a way, which is then taken block by
block. The places of the nodes of a large extract lie meanwhile in a file of 16 bytes a node (osmium's sparse array),
which the system keeps in memory as far as there is room; those of a small one lie in memory.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import osmium
from osmium.filter import KeyFilter
from osmium.osm import RELATION, Relation

from l2h.core.errors import InputError, StorageError
from l2h.sources.intake import WGS84, Intake
from l2h.sources.osm_blocks import read_blocks, write_ways
from l2h.sources.osm_relations import Relations, assemble
from l2h.sources.osm_tags import read_building
from l2h.sources.osm_ways import BATCH, Seen, Ways

SUFFIXES = (".osm.pbf", ".pbf", ".osm", ".osm.gz", ".osm.bz2")
REPLICATION = "osmosis_replication_timestamp"
NO_ROOM = ("resize file", "Write failed")  # osmium's words for a disk that is full or a file that may not grow
SMALL_BYTES = 32 << 20  # an extract up to this size has some four million nodes


def read_osm(path: Path, intake: Intake, scratch: Path, seen: Seen | None = None) -> None:
    """Stream an extract into an intake: relations first, then ways, then the buildings that relations make.

    scratch : folder for the ways with their places, and for the places of the nodes of a large extract
    seen    : what earlier extracts had, needed where there are several

    InputError where the file is missing, broken or no extract, StorageError where the places of the nodes find no room.
    """
    if not path.is_file():
        raise InputError("an OpenStreetMap extract is missing", where=str(path))
    if not path.name.endswith(SUFFIXES):
        raise InputError("a file is no OpenStreetMap extract", where=str(path), expected=", ".join(SUFFIXES))
    try:
        header = osmium.FileProcessor(str(path)).header
        stated = header.get(REPLICATION, "")
        ways = Ways(intake, _building_relations(path, intake, scratch), seen, dated=not stated)
        _stream(path, ways, scratch, dated=not stated)
        _take_relations(ways, intake, seen)
        intake.account.date(path, stated or ways.newest)
    except (RuntimeError, ValueError) as error:
        if any(words in str(error) for words in NO_ROOM):
            raise StorageError("cannot write a file", where=str(scratch), got=str(error)) from error
        raise InputError(
            "an OpenStreetMap extract cannot be read", where=str(path), got=str(error), hint="It may be truncated."
        ) from error


def _stream(path: Path, ways: Ways, scratch: Path, dated: bool) -> None:
    index, bulk = scratch / ".nodes.part-index", scratch / ".ways.part-pbf"
    on_disk = f"sparse_file_array,{index}" if "," not in str(index) else "sparse_file_array"
    try:
        write_ways(path, "flex_mem" if path.stat().st_size <= SMALL_BYTES else on_disk, bulk, dated)
        index.unlink(missing_ok=True)
        for block in read_blocks(bulk):
            ways.take(block)
    finally:
        index.unlink(missing_ok=True)
        bulk.unlink(missing_ok=True)


def _building_relations(path: Path, intake: Intake, scratch: Path) -> Relations:
    """Multipolygons tagged as buildings, with their members."""
    found = Relations(scratch)
    processor = osmium.FileProcessor(str(path), RELATION).with_filter(KeyFilter("building"))
    for relation in cast(Iterator[Relation], iter(processor)):
        if relation.tags.get("type") != "multipolygon":
            continue
        kind = read_building(dict(relation.tags))
        if kind == "building":
            found.add(relation.id, [(m.ref, m.role == "inner") for m in relation.members if m.type == "w"])
        elif kind:
            intake.account.left_out[f"building: {kind}"] += 1
    return found


def _take_relations(ways: Ways, intake: Intake, seen: Seen | None) -> None:
    numbers: list[int] = []
    shapes: list[Any] = []
    for number, members in ways.relations.gathered():
        if seen is not None and number in seen.relations:
            continue
        shape = _area(members, intake)
        if isinstance(shape, str):
            intake.account.drop(f"r{number}", f"building: {shape}")
        elif shape is None:
            intake.account.left_out["building: outside the grid"] += 1
        else:
            numbers.append(number)
            shapes.append(shape)
            if seen is not None:
                seen.relations.set(number)
                intake.account.dropped.forget(f"r{number}", "building")
        if len(numbers) >= BATCH:
            _hand_over_areas(intake, numbers, shapes)
    _hand_over_areas(intake, numbers, shapes)


def _area(members: list[tuple[npt.NDArray[np.float64], bool]] | None, intake: Intake) -> Any:
    """The area of a relation, the reason why it has none, or None where it lies far from the grid."""
    if members is None:
        return "a member of the relation is missing"
    if members:
        places = np.concatenate([line for line, _ in members])
        if not intake.near_degrees(np.concatenate([places.min(0), places.max(0)])[None])[0]:
            return None
    return assemble(members)


def _hand_over_areas(intake: Intake, numbers: list[int], shapes: list[Any]) -> None:
    areas = np.empty(len(shapes), object)
    areas[:] = shapes
    names = np.array([f"r{number}" for number in numbers], object)
    intake.building_shapes(names, areas, WGS84)
    numbers.clear()
    shapes.clear()
