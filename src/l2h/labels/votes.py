"""Rules without a model: the intersection of SinoLC-1, and the majority as a control. Both at any resolution."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from l2h.core.errors import InputError
from l2h.core.legend import Crosswalk, load_crosswalk
from l2h.labels.joint import pack, unpack


def intersection(codes: npt.NDArray[np.uint8], legends: Sequence[str]) -> npt.NDArray[np.uint8]:
    """The label rule of SinoLC-1: a class where the products leave exactly one, void elsewhere.

    codes   : uint8 [k, H, W], each product's own codes, 0 = nodata
    legends : the products' legends
    Returns sinolc1 values, uint8 [H, W], 0 = void.

    The candidates of a pixel are the classes that every product admits. A code of one class admits that class; Esri's
    rangeland admits shrub and grass, so it agrees with either; bare ground of a legend without moss admits both, so
    moss can be agreed upon. That products are intersected is published (Li et al. 2023); how classes absent from one
    legend survive is inferred. A product that has no pixel or says nothing (cloud) makes the pixel void: strict, as
    agreement of three was asked for.
    """
    _check(codes, legends)
    candidates = np.full(codes.shape[1:], (1 << len(_values())) - 1, "uint16")
    for legend, layer in zip(legends, codes, strict=True):
        candidates &= _bits(legend)[layer]
    return np.asarray(_single()[candidates])


def majority(codes: npt.NDArray[np.uint8], legends: Sequence[str]) -> npt.NDArray[np.uint8]:
    """The class that most products admit; the control for every other rule.

    Arguments and result as `intersection`. Ties go to the first product, in the given order, that admits one of the
    tied classes, and there to the class its crosswalk names first. Void only where no product says anything.
    """
    _check(codes, legends)
    keys, place = np.unique(pack(codes), return_inverse=True)
    return _most_votes(unpack(keys, len(codes)).T, legends)[place].reshape(codes.shape[1:])


def _most_votes(codes: npt.NDArray[np.uint8], legends: Sequence[str]) -> npt.NDArray[np.uint8]:
    """The majority of combinations codes [k, N]."""
    admitted = [load_crosswalk(legend).admits[layer] for legend, layer in zip(legends, codes, strict=True)]
    votes = np.sum(admitted, axis=0)  # [N, K]
    best = votes == votes.max(axis=1, keepdims=True)
    label = np.zeros(codes.shape[1], "uint8")
    for legend, layer in zip(legends, codes, strict=True):
        for ranked in _ranked(load_crosswalk(legend)):
            value = ranked[layer]
            tied = best[np.arange(len(value)), _position()[value]]
            label = np.where((label == 0) & (value > 0) & tied, value, label)
    return label


def _bits(legend: str) -> npt.NDArray[np.uint16]:
    """uint16 [256]: code → the set of classes it admits, a bit each."""
    admits = load_crosswalk(legend).admits
    return np.asarray((admits << np.arange(admits.shape[1])).sum(axis=1), "uint16")


def _single() -> npt.NDArray[np.uint8]:
    """Set of classes → the value of its only class, 0 where it has none or several."""
    table = np.zeros(1 << len(_values()), "uint8")
    table[1 << np.arange(len(_values()))] = _values()
    return table


def _ranked(crosswalk: Crosswalk) -> list[npt.NDArray[np.uint8]]:
    """Per place in the crosswalk's order, uint8 [256]: code → class value, 0 where it names no more."""
    tables = np.zeros((max(len(targets) for targets in crosswalk.table.values()), 256), "uint8")
    for code, targets in crosswalk.table.items():
        tables[: len(targets), code] = targets
    return list(tables)


def _values() -> npt.NDArray[np.uint8]:
    return np.array(load_crosswalk("worldcover").target.values, "uint8")


def _position() -> npt.NDArray[np.uint8]:
    """Value → position, 0 for void (masked by the caller)."""
    index = load_crosswalk("worldcover").target.index_of
    return np.where(index == 255, 0, index).astype("uint8")


def _check(codes: npt.NDArray[np.uint8], legends: Sequence[str]) -> None:
    if codes.ndim != 3 or len(codes) != len(legends) or not len(legends):
        raise InputError("codes and legends differ", expected=f"[{len(legends)}, H, W]", got=str(codes.shape))
