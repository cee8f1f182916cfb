"""Checkpoints: what is written comes back, and one broken file for every rule."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from l2h.core.errors import CheckpointError
from l2h.core.files import sha256_file
from l2h.core.legend import coarse_legend, load_legend
from l2h.nets.checkpoint import Checkpoint, read_checkpoint, read_heard, read_network, write_checkpoint
from l2h.nets.extras import ExtraGroup
from l2h.nets.normalise import Normalisation
from l2h.nets.registry import build_network

LEGEND = load_legend("sinolc1")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    net = build_network("l2hnet", 3, 11, width=8)
    normalisation = Normalisation((100.0, 90.0, 80.0), (50.0, 40.0, 30.0))
    training = {"steps": 7, "settings": {"rate": 0.003}}
    target = tmp_path / "network.safetensors"
    write_checkpoint(
        target, Checkpoint("l2hnet", {"width": 8}, net, LEGEND.name, LEGEND.values, normalisation, training)
    )
    return target


def test_a_network_comes_back_with_all_that_was_said_of_it(path: Path) -> None:
    found = read_checkpoint(path, LEGEND, bands=3)
    torch.manual_seed(0)
    same = build_network("l2hnet", 3, 11, width=8).eval()
    image = torch.randn(1, 3, 20, 20)
    with torch.no_grad():
        assert torch.equal(found.network(image), same(image))
    assert not found.network.training
    assert found.normalisation == Normalisation((100.0, 90.0, 80.0), (50.0, 40.0, 30.0))
    assert found.legend_values == (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12)
    assert found.training == {"steps": 7, "settings": {"rate": 0.003}}


def test_equal_networks_make_equal_bytes(path: Path, tmp_path: Path) -> None:
    again = tmp_path / "again" / "network.safetensors"
    write_checkpoint(again, read_checkpoint(path))
    assert again.read_bytes() == path.read_bytes()
    assert again.with_suffix(".json").read_bytes() == path.with_suffix(".json").read_bytes()


def test_another_legend_is_refused(path: Path) -> None:
    with pytest.raises(CheckpointError, match="trained for another legend"):
        read_checkpoint(path, coarse_legend())


def test_other_bands_are_refused(path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"reads other bands.*expected 4, got 3"):
        read_checkpoint(path, LEGEND, bands=4)


def edit_json(path: Path, change: Callable[[dict[str, object]], object]) -> None:
    sidecar = path.with_suffix(".json")
    record = json.loads(sidecar.read_text())
    change(record)
    sidecar.write_text(json.dumps(record))


def edit_tensors(path: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    """Change the weights and keep the record's digest true, so that only the tensors are wrong."""
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)
    digest = sha256_file(path)
    edit_json(path, lambda record: record.update(sha256=digest))


def test_one_flipped_byte_is_noticed(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="weights differ from their record"):
        read_checkpoint(path)


def test_a_file_cut_short_is_noticed(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="weights differ from their record"):
        read_checkpoint(path)


@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
def test_either_file_missing_is_said(path: Path, suffix: str) -> None:
    path.with_suffix(suffix).unlink()
    with pytest.raises(CheckpointError, match="two files of one name"):
        read_checkpoint(path)


def test_a_pickle_is_not_read(path: Path) -> None:
    torch.save({"a": torch.zeros(1)}, path)
    digest = sha256_file(path)
    edit_json(path, lambda record: record.update(sha256=digest))
    with pytest.raises(CheckpointError, match="not a safetensors file"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.pop("classifier.bias"), "1 tensors are missing"),
        (lambda t: t.update(extra=torch.zeros(1)), "1 tensors are not the network's"),
        (lambda t: t.update({"classifier.bias": torch.zeros(12)}), r"expected float32 \[11\], got float32 \[12\]"),
        (lambda t: t.update({"classifier.bias": torch.zeros(11, dtype=torch.float64)}), r"got float64 \[11\]"),
        (lambda t: t["classifier.bias"].fill_(float("nan")), "not finite"),
    ],
)
def test_tensors_that_do_not_fit_are_named(
    path: Path, change: Callable[[dict[str, torch.Tensor]], object], said: str
) -> None:
    edit_tensors(path, change)
    with pytest.raises(CheckpointError, match=said):
        read_checkpoint(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: r.update(format="l2h-checkpoint-0"), "unknown checkpoint format"),
        (lambda r: r.pop("legend"), "malformed checkpoint record.*'legend'"),
        (lambda r: r.update(surprise=1), "malformed checkpoint record.*'surprise'"),
        (lambda r: r["network"].update(name="resnet"), "unknown network"),
        (lambda r: r["network"].update(arguments={"width": 12}), "does not fit"),
        (lambda r: r["network"].update(arguments={"width": 4 * 10**9}), "width out of range"),
        (lambda r: r["network"].update(arguments={"width": "8"}), "malformed checkpoint record"),
        (lambda r: r["normalisation"].update(std=[1.0, 0.0, 1.0]), "normalisation must give"),
        (lambda r: r["normalisation"].update(mean=[1.0]), "normalisation and bands disagree"),
        (lambda r: r["legend"].update(values=[1, 2]), "does not fit"),
    ],
)
def test_a_record_that_does_not_fit_is_refused(
    path: Path, change: Callable[[dict[str, object]], object], said: str
) -> None:
    edit_json(path, change)
    with pytest.raises(CheckpointError, match=said):
        read_checkpoint(path)


def test_a_record_that_is_no_json_is_refused(path: Path) -> None:
    path.with_suffix(".json").write_text("{")
    with pytest.raises(CheckpointError, match="malformed checkpoint record"):
        read_checkpoint(path)


@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
def test_a_file_larger_than_it_can_be_is_not_read(path: Path, suffix: str) -> None:
    with path.with_suffix(suffix).open("ab") as stream:
        stream.truncate(10**12)  # a terabyte of nothing, which takes no room on the disk
    with pytest.raises(CheckpointError, match=r"too large.*1,000,000,000,000 B"):
        read_checkpoint(path)


def test_extras_travel_with_the_network(tmp_path: Path) -> None:
    groups = (
        ExtraGroup("s2", ("red", "nir"), "reflectance", (1.0, 2.0), (3.0, 4.0)),
        ExtraGroup("dem", ("band 1",), "m", (100.0,), (50.0,)),
    )
    arguments = {"width": 4, "extra_channels": 3, "extra_groups": 2}
    net, normalisation = build_network("slim", 3, 11, **arguments), Normalisation((1.0,) * 3, (1.0,) * 3)
    path = tmp_path / "n.safetensors"
    write_checkpoint(
        path, Checkpoint("slim", arguments, net, LEGEND.name, LEGEND.values, normalisation, {}, extras=groups)
    )
    assert read_checkpoint(path).extras == read_heard(path) == groups
    assert read_network(path).stride == 80
    write_checkpoint(path, Checkpoint("slim", arguments, net, LEGEND.name, LEGEND.values, normalisation, {}, extras=()))
    with pytest.raises(CheckpointError, match=r"extras and network disagree.*3 channels in 2 extras"):
        read_heard(path)
