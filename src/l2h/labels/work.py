"""What the tasks of the labels do: read from the workspace, compute on arrays, write one file."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from l2h.core.errors import InputError
from l2h.core.files import read_json, write_json
from l2h.core.grid import Window
from l2h.core.legend import load_legend
from l2h.core.raster import BlockStore, write_raster
from l2h.core.tasks import Made
from l2h.labels.compose import from_intersection, from_posterior, spread
from l2h.labels.desk import Desk
from l2h.labels.fusion import class_of, label_cells, margin_cells, with_reliability
from l2h.labels.joint import JointCounts, add_joint, count_joint
from l2h.labels.model import cell_models, fit_groups, group_of, joint_from_json, joint_to_json
from l2h.labels.settings import LabelSettings
from l2h.labels.told import CellTally, agreement_of, count_sources, describe
from l2h.labels.vectors import rasterise
from l2h.labels.votes import intersection

STRIP_PX = 512  # rows of labels read at once


def count_block(desk: Desk, cells: Window, path: Path, cell_px: int) -> Made:
    """Joint code counts of the cells of a block, per geographical region."""
    codes = desk.codes_of_cells(cells, cell_px)
    cities = desk.regions_of_cells(cells, cell_px)
    write_json(path, joint_to_json(count_regions(codes, cities, desk.region_names())))
    return Made()


def count_regions(
    codes: npt.NDArray[np.uint8], cities: npt.NDArray[np.uint16], names: Mapping[int, str]
) -> dict[str, JointCounts]:
    """Joint counts of codes [k, h, w] per region of the city [h, w] that owns each cell; those with none left out."""
    counts = {}
    for region in sorted(set(names.values())):
        own = np.isin(cities, [index for index, name in names.items() if name == region])
        joint = count_joint(codes[:, own])
        if joint.cells:
            counts[region] = joint
    return counts


def fit_model(desk: Desk, joints: Sequence[Path], path: Path, settings: LabelSettings) -> Made:
    """Sum the joint counts of all blocks and fit the label models."""
    documents = [joint_from_json(read_json(joint), len(desk.products)) for joint in joints]
    document = fit_groups(documents, desk.products, settings)
    if not document["groups"]:
        raise InputError("no product has a single cell", where="labels", hint="Do the products cover the project?")
    write_json(path, document)
    groups = {
        name or "outside": {key: group[key] for key in ("cells", "iterations", "converged")}
        for name, group in document["groups"].items()
    }
    return Made(info={"groups": groups})


def draw_vectors(desk: Desk, window: Window, path: Path, settings: LabelSettings) -> Made:
    """Evidence and known vectors of a block."""
    vectors = desk.vectors(window, settings.vectors)
    write_raster(path, rasterise(vectors, desk.grid, window, settings.vectors), desk.grid, window)
    return Made(info={"roads": len(vectors.roads), "buildings": len(vectors.buildings)})


def weigh_block(desk: Desk, cells: Window, paths: tuple[Path, Path], model: Path, settings: LabelSettings) -> Made:
    """Probabilities and reliability of the cells of a block, and beside them the prior of the map."""
    margin = margin_cells(settings)
    around = cells.pad(margin)
    models = cell_models(read_json(model))
    group = group_index(desk.regions_of_cells(around, settings.cell_px), desk.region_names(), list(models), settings)
    told = label_cells(desk.codes_of_cells(around, settings.cell_px), group, list(models.values()), settings)
    inner = slice(margin - 1, 1 - margin or None)  # reliability looks one cell around
    values = with_reliability(np.ascontiguousarray(told.label[:, inner, inner]))
    prior = np.ascontiguousarray(told.prior[:, margin:-margin, margin:-margin])
    for path, layers in zip(paths, (values, prior), strict=True):
        write_raster(path, layers, desk.grid.coarsen(settings.cell_px), cells)
    return Made()


def group_index(
    cities: npt.NDArray[np.uint16], names: Mapping[int, str], models: Sequence[str], settings: LabelSettings
) -> npt.NDArray[np.intp]:
    """Which of the models labels a cell, by the city [h, w] that owns it; -1 where the group has no model."""
    group = np.full(cities.shape, -1, np.intp)
    for number, name in enumerate(models):
        group[np.isin(cities, [i for i, region in names.items() if group_of(region, settings) == name])] = number
    return group


def label_block(desk: Desk, window: Window, path: Path, settings: LabelSettings) -> Made:
    """Class, reliability and source of each pixel of a block."""
    vectors = _read(desk.store("labels/vectors"), window)
    if settings.method == "intersection":
        label = from_intersection(intersection(desk.codes(window), desk.legends), vectors)
    else:
        cells = _read_posterior(desk, window, settings.cell_px)
        classes = np.stack([class_of(cells, settings.void_below), cells[-1]])
        pixels = spread(classes, settings.cell_px, window)
        label = from_posterior(pixels[0], pixels[1], vectors)
    write_raster(path, label, desk.grid, window, legend=load_legend("sinolc1"))
    return Made(info={"labelled": int((label[0] > 0).sum())})


def tally_cells(desk: Desk, cells: Window, path: Path, settings: LabelSettings) -> Made:
    """What the cells of a block tell of themselves."""
    tally = CellTally.of(_read_posterior(desk, cells.refine(settings.cell_px), settings.cell_px), settings.void_below)
    write_json(path, tally.to_dict())
    return Made()


def tally_pixels(desk: Desk, window: Window, path: Path) -> Made:
    """Where the labels of a block come from, in pixels."""
    strips = [count_sources(_read(desk.store("labels/label"), strip)) for strip in window.strips(STRIP_PX)]
    write_json(path, {"sources": np.sum(strips, axis=0).tolist()})
    return Made()


def sum_quality(
    desk: Desk,
    cells: Sequence[Path],
    pixels: Sequence[Path],
    joints: Sequence[Path],
    path: Path,
    settings: LabelSettings,
) -> Made:
    """Add the tallies of all blocks and write what the labels tell of themselves."""
    products = len(desk.products)
    blocks = (joint_from_json(read_json(joint), products) for joint in joints)
    joint = add_joint([counts for block in blocks for counts in block.values()], products)
    sources = np.sum([read_json(part)["sources"] for part in pixels], axis=0)
    tally = CellTally.sum([read_json(part) for part in cells])
    document = describe(tally, sources, agreement_of(joint, desk.products), settings.method)
    write_json(path, document)
    return Made(info={"kept_share": document["kept_share"], "expected": document["expected"]})


def posterior_store(desk: Desk, cell_px: int) -> BlockStore:
    """The posterior store, on the lattice of cells."""
    return _cell_store(desk, "labels/posterior", cell_px)


def prior_store(desk: Desk, cell_px: int) -> BlockStore:
    """What the map multiplies the network with, on the lattice of cells."""
    return _cell_store(desk, "labels/prior", cell_px)


def _cell_store(desk: Desk, name: str, cell_px: int) -> BlockStore:
    return BlockStore(desk.work / name, desk.grid.coarsen(cell_px), max(1, desk.block_px // cell_px))


def _read_posterior(desk: Desk, window: Window, cell_px: int) -> npt.NDArray[np.uint8]:
    return _read(posterior_store(desk, cell_px), window.coarsen(cell_px))


def _read(store: BlockStore, window: Window) -> npt.NDArray[np.uint8]:
    values = store.read(window).values.astype("uint8")
    store.close()
    return values
