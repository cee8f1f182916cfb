"""Checkpoints: weights as safetensors beside a JSON that says what they are. Nothing read is ever executed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import Field, JsonValue, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor

from l2h import __version__
from l2h.core.errors import CheckpointError, InputError
from l2h.core.files import sha256_bytes, write_bytes
from l2h.core.legend import Legend
from l2h.core.settings import Settings
from l2h.nets.base import PixelNetwork
from l2h.nets.extras import ExtraGroup
from l2h.nets.normalise import Normalisation
from l2h.nets.registry import build_network

FORMAT = "l2h-checkpoint-1"
MOST_RECORD_BYTES = 16 * 2**20  # of the JSON: a training record is a few kilobytes
MOST_HEADER_BYTES = 2**20  # of the safetensors header: a few names and shapes


class NetworkRecord(Settings):
    """Which network to build."""

    name: str
    arguments: dict[str, int]


class LegendRecord(Settings):
    """The classes of the outputs, in order."""

    name: str
    values: tuple[int, ...] = Field(min_length=2)


class NormalisationRecord(Settings):
    """Mean and standard deviation of each band."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


class ExtraRecord(Settings):
    """An extra that the network hears, in the order of its inputs."""

    name: str
    channels: tuple[str, ...]
    unit: str
    mean: tuple[float, ...]
    std: tuple[float, ...]


class Sidecar(Settings):
    """The JSON beside the weights."""

    format: str
    version: str
    network: NetworkRecord
    legend: LegendRecord
    bands: int
    normalisation: NormalisationRecord
    extras: tuple[ExtraRecord, ...] = ()
    training: dict[str, JsonValue]
    sha256: str


@dataclass(frozen=True)
class Checkpoint:
    """A network with everything needed to use it.

    ``network`` gives one logit per class of ``legend_values`` (in that order) for images of ``normalisation``'s
    bands, and for ``extras``, where it hears any; ``training`` is the record of how it came about.
    """

    name: str
    arguments: dict[str, int]
    network: PixelNetwork
    legend_name: str
    legend_values: tuple[int, ...]
    normalisation: Normalisation
    training: dict[str, Any]
    version: str = __version__
    extras: tuple[ExtraGroup, ...] = ()


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> str:
    """Write ``path`` (.safetensors) and, after it, the JSON of the same name; returns the SHA-256 of the weights.

    Both atomically and the JSON last: killed between the two, the pair is refused by its digest, not misread.
    """
    tensors = {k: v.detach().cpu().contiguous() for k, v in checkpoint.network.state_dict().items()}
    weights = tensors_to_bytes(tensors)
    sidecar = Sidecar(
        format=FORMAT,
        version=checkpoint.version,
        network=NetworkRecord(name=checkpoint.name, arguments=checkpoint.arguments),
        legend=LegendRecord(name=checkpoint.legend_name, values=checkpoint.legend_values),
        bands=checkpoint.network.bands,
        normalisation=NormalisationRecord(mean=checkpoint.normalisation.mean, std=checkpoint.normalisation.std),
        extras=tuple(ExtraRecord(**vars(group)) for group in checkpoint.extras),
        training=checkpoint.training,
        sha256=sha256_bytes(weights),
    )
    write_bytes(path, weights)
    write_bytes(path.with_suffix(".json"), (sidecar.model_dump_json(indent=2) + "\n").encode())
    return sidecar.sha256


def read_checkpoint(path: Path, legend: Legend | None = None, bands: int | None = None) -> Checkpoint:
    """Read ``path`` (.safetensors) with its JSON, checking both before anything is trusted; network in evaluation.

    ``legend`` and ``bands``, where given, are what the caller's project has. Raises CheckpointError when a file is
    missing, malformed or too large, the digest differs, the legend or the bands are others, or a tensor is missing,
    strange, of another shape or not finite.
    """
    sidecar = _read_sidecar(path.with_suffix(".json"))
    where = str(path)
    _check_project(sidecar, legend, bands, where)
    network = _build(sidecar, where)
    network.load_state_dict(_read_weights(path, sidecar.sha256, network), assign=True)
    network.requires_grad_(True).eval()
    return Checkpoint(
        name=sidecar.network.name,
        arguments=sidecar.network.arguments,
        network=network,
        legend_name=sidecar.legend.name,
        legend_values=sidecar.legend.values,
        normalisation=_normalisation(sidecar, where),
        training=dict(sidecar.training),
        version=sidecar.version,
        extras=_extras(sidecar, where),
    )


def read_network(path: Path) -> PixelNetwork:
    """The network that ``path`` (.safetensors) holds the weights of, without them: for its stride and halo.

    Raises CheckpointError as `read_checkpoint` does for the JSON; the weights are not looked at.
    """
    return _build(_read_sidecar(path.with_suffix(".json")), str(path))


def read_heard(path: Path) -> tuple[ExtraGroup, ...]:
    """The extras that the network of ``path`` (.safetensors) hears; CheckpointError as `read_network`."""
    return _extras(_read_sidecar(path.with_suffix(".json")), str(path))


def _read_bytes(path: Path, most: int) -> bytes:
    """The file, unless it is larger than what it should be can be: it is read whole before it is trusted."""
    try:
        size = path.stat().st_size
        if size > most:
            raise CheckpointError(
                "a file of the checkpoint is too large", where=str(path), expected=f"≤ {most:,} B", got=f"{size:,} B"
            )
        return path.read_bytes()
    except OSError as error:
        hint = "A checkpoint is two files of one name: .safetensors and .json."
        raise CheckpointError(f"cannot read the checkpoint: {error.strerror}", where=str(path), hint=hint) from error


def _read_sidecar(path: Path) -> Sidecar:
    try:
        sidecar = Sidecar.model_validate_json(_read_bytes(path, MOST_RECORD_BYTES), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise CheckpointError(f"malformed checkpoint record: {first['msg']}", where=f"{path}, key '{key}'") from error
    if sidecar.format != FORMAT:
        raise CheckpointError("unknown checkpoint format", where=str(path), expected=FORMAT, got=sidecar.format)
    return sidecar


def _check_project(sidecar: Sidecar, legend: Legend | None, bands: int | None, where: str) -> None:
    if legend is not None and (sidecar.legend.name, sidecar.legend.values) != (legend.name, legend.values):
        raise CheckpointError(
            "the checkpoint was trained for another legend",
            where=where,
            expected=f"{legend.name} {legend.values}",
            got=f"{sidecar.legend.name} {sidecar.legend.values}",
            hint="Train again, or set the project's legend to the checkpoint's.",
        )
    if bands is not None and sidecar.bands != bands:
        hint = "Name the same bands in [[imagery]] as in training."
        raise CheckpointError(
            "the checkpoint reads other bands", where=where, expected=str(bands), got=str(sidecar.bands), hint=hint
        )


def _normalisation(sidecar: Sidecar, where: str) -> Normalisation:
    record = sidecar.normalisation
    if len(record.mean) != sidecar.bands:
        raise CheckpointError(
            "normalisation and bands disagree",
            where=where,
            expected=f"{sidecar.bands} bands",
            got=f"{len(record.mean)}",
        )
    try:
        return Normalisation(record.mean, record.std)
    except InputError as error:
        raise CheckpointError(error.what, where=where, got=error.got) from error


def _extras(sidecar: Sidecar, where: str) -> tuple[ExtraGroup, ...]:
    sizes = sum(len(extra.channels) for extra in sidecar.extras), len(sidecar.extras)
    wanted = tuple(sidecar.network.arguments.get(key, 0) for key in ("extra_channels", "extra_groups"))
    if sizes != wanted:
        expected, got = (f"{channels} channels in {groups} extras" for channels, groups in (wanted, sizes))
        raise CheckpointError("extras and network disagree", where=where, expected=expected, got=got)
    try:
        return tuple(ExtraGroup(**extra.model_dump()) for extra in sidecar.extras)
    except InputError as error:
        raise CheckpointError(error.what, where=f"{where}, {error.where}", got=error.got) from error


def _build(sidecar: Sidecar, where: str) -> PixelNetwork:
    """The network without memory of its own (meta device): the file's tensors are compared with it, then become it."""
    record = sidecar.network
    try:
        with torch.device("meta"):
            return build_network(record.name, sidecar.bands, len(sidecar.legend.values), **record.arguments)
    except InputError as error:
        raise CheckpointError(error.what, where=where, expected=error.expected, got=error.got) from error


def _read_weights(path: Path, digest: str, network: PixelNetwork) -> dict[str, Tensor]:
    wanted = network.state_dict()
    tensor_bytes = sum(tensor.numel() * tensor.element_size() for tensor in wanted.values())
    data = _read_bytes(path, tensor_bytes + MOST_HEADER_BYTES)
    if (found := sha256_bytes(data)) != digest:
        hint = "The file was changed or cut short after training; restore it or train again."
        raise CheckpointError(
            "weights differ from their record", where=str(path), expected=digest, got=found, hint=hint
        )
    try:
        tensors = tensors_from_bytes(data)
    except SafetensorError as error:
        raise CheckpointError(f"not a safetensors file: {error}", where=str(path)) from error
    _check_tensors(tensors, wanted, str(path))
    return tensors


def _check_tensors(tensors: dict[str, Tensor], wanted: dict[str, Tensor], where: str) -> None:
    if missing := sorted(wanted.keys() - tensors.keys()):
        raise CheckpointError(f"{len(missing)} tensors are missing", where=where, expected=missing[0])
    if strange := sorted(tensors.keys() - wanted.keys()):
        raise CheckpointError(f"{len(strange)} tensors are not the network's", where=where, got=strange[0])
    for name, tensor in tensors.items():
        expected, got = _describe(wanted[name]), _describe(tensor)
        if expected != got:
            raise CheckpointError(f"tensor '{name}' does not fit", where=where, expected=expected, got=got)
        if not torch.isfinite(tensor).all():
            raise CheckpointError(f"tensor '{name}' holds values that are not finite", where=where)


def _describe(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"
