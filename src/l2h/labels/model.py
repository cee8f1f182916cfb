"""The label model as a JSON document: fitted matrices for people, tables of posteriors for the cells."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from l2h.core.legend import coarse_legend
from l2h.labels.anchors import load_anchor
from l2h.labels.fusion import CellModel, Table, expected_accuracy, fit_joint, table_of
from l2h.labels.joint import JointCounts, add_joint
from l2h.labels.posterior import Fit
from l2h.labels.settings import LabelSettings

NATION = "nation"
OUTSIDE = ""  # cells outside all cities
Products = Sequence[tuple[str, str]]  # (name, legend), in project order


def group_of(region: str, settings: LabelSettings) -> str:
    """The group whose model labels the cells of a geographical region."""
    return NATION if settings.per == "nation" else region


def fit_groups(joints: Sequence[Mapping[str, JointCounts]], products: Products, settings: LabelSettings) -> Any:
    """Add the joint counts of all blocks (region → counts each), fit one model per group, and describe them as JSON."""
    groups: dict[str, list[JointCounts]] = {}
    for block in joints:
        for region, counts in block.items():
            groups.setdefault(group_of(region, settings), []).append(counts)
    summed = {name: add_joint(parts, len(products)) for name, parts in sorted(groups.items())}
    return {
        "classes": list(coarse_legend().values),
        "products": [list(product) for product in products],
        "tempering": settings.tempering,
        "groups": {name: _describe(joint, products, settings) for name, joint in summed.items()},
    }


def cell_models(document: Any) -> dict[str, CellModel]:
    """Group → model that labels its cells, from the JSON document."""
    return {name: _cell_model(group, document) for name, group in document["groups"].items()}


def _cell_model(group: Any, document: Any) -> CellModel:
    prior = np.array([group["prior"][str(value)] for value in document["classes"]], "float64")
    confusion = [
        (tuple(group["confusion"][name]["codes"]), np.array(group["confusion"][name]["rows"], "float64"))
        for name, _ in document["products"]
    ]
    table = _table(group["table"], len(document["products"]))
    return CellModel.of(table, prior, confusion, document["tempering"])


def joint_to_json(joints: Mapping[str, JointCounts]) -> Any:
    return {region: joint.to_dict() for region, joint in joints.items()}


def joint_from_json(document: Any, products: int) -> dict[str, JointCounts]:
    return {region: JointCounts.from_dict(table, products) for region, table in document.items()}


def _describe(joint: JointCounts, products: Products, settings: LabelSettings) -> Any:
    legends = [legend for _, legend in products]
    model = fit_joint(joint, legends, settings)
    table = table_of(joint, legends, model)
    return {
        "cells": joint.cells,
        "expected": expected_accuracy(joint, table),
        "iterations": len(model.log_posterior),
        "converged": model.converged,
        "log_posterior": model.log_posterior[-1],
        "prior": dict(zip(map(str, coarse_legend().values), model.prior.tolist(), strict=True)),
        "confusion": _confusion(model, products),
        "table": dict(zip(joint.to_dict(), table.posterior.tolist(), strict=True)),
    }


def _confusion(model: Fit, products: Products) -> Any:
    """Product → its codes and P(code | class), one row per class."""
    return {
        name: {"codes": list(load_anchor(legend).codes), "rows": theta.tolist()}
        for (name, legend), theta in zip(products, model.emissions, strict=True)
    }


def _table(rows: Mapping[str, list[int]], products: int) -> Table:
    # JSON sorts its keys as text: bring the rows back into the order of the packed codes
    order = JointCounts.from_dict(dict.fromkeys(rows, 1), products)
    shares = [rows[text] for text in order.to_dict()]
    return Table(order.keys, np.array(shares, "uint8").reshape(-1, len(coarse_legend())))
