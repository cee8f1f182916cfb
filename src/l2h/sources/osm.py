"""OpenStreetMap extracts, streamed into an intake: memory holds a batch, whatever the size of the file.

osmium writes the ways with their places to a file beside the layers, some 65 bytes a way, which is then taken block by
block. The places of the nodes of a large extract lie meanwhile in a file of 16 bytes a node (osmium's sparse array),
which the system keeps in memory as far as there is room; those of a small one lie in memory.
"""

from collections.abc import Iterator, Mapping
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
from l2h.sources.osm_relations import Relations
from l2h.sources.osm_tags import read_building
from l2h.sources.osm_ways import Seen, Ways

SUFFIXES = (".osm.pbf", ".pbf", ".osm", ".osm.gz", ".osm.bz2")
REPLICATION = "osmosis_replication_timestamp"
# osmium's words where a disk is full or a file may not grow
NO_ROOM = ("resize file", "Write failed", "Can not write to writer")
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
        kind = read_building(cast(Mapping[str, str], relation.tags))
        if kind == "building":
            found.add(relation.id, [(m.ref, m.role == "inner") for m in relation.members if m.type == "w"])
        elif kind:
            intake.account.left_out[f"building: {kind}"] += 1
    return found


def _take_relations(ways: Ways, intake: Intake, seen: Seen | None) -> None:
    for lacking, members in ways.relations.gathered():
        _lose(intake, _fresh(lacking, seen), "a member of the relation is missing")
        known = members.take(np.isin(members.numbers, _fresh(members.numbers, seen)))
        near = intake.near_degrees(known.boxes()) | (known.counts == 0)
        intake.account.left_out["building: outside the grid"] += int((~near).sum())
        known = known.take(near)
        areas = known.areas()
        for number, why in zip(known.numbers.tolist(), areas, strict=True):
            if isinstance(why, str):
                _lose(intake, [number], why)
        _hand_over(known.numbers.tolist(), areas, intake, seen)


def _fresh(relations: npt.NDArray[np.int64], seen: Seen | None) -> list[int]:
    """Those that no earlier extract had."""
    return [number for number in relations.tolist() if seen is None or number not in seen.relations]


def _lose(intake: Intake, relations: list[int], why: str) -> None:
    for number in relations:
        intake.account.drop(f"r{number}", f"building: {why}")


def _hand_over(relations: list[int], areas: list[Any], intake: Intake, seen: Seen | None) -> None:
    built = [i for i, area in enumerate(areas) if not isinstance(area, str)]
    names, shapes = np.empty(len(built), object), np.empty(len(built), object)
    names[:] = [f"r{relations[i]}" for i in built]
    shapes[:] = [areas[i] for i in built]
    intake.building_shapes(names, shapes, WGS84)
    if seen is not None:
        for i in built:
            seen.relations.set(relations[i])
            intake.account.dropped.forget(f"r{relations[i]}", "building")
