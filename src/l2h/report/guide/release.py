"""A finished release, read from its folder: what the guide knows, and nothing else."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from l2h.core.errors import InputError, VerificationError
from l2h.core.files import read_json, sha256_file
from l2h.product.catalogue import MANIFEST, SUMS
from l2h.product.manifest import FORMAT
from l2h.product.verify import read_sums
from l2h.report.figures.nation import STEM as NATION
from l2h.report.practice.validation import FILE as VALIDATION

LAND_COVER = "land cover class"


@dataclass(frozen=True)
class Released:
    """A release: its folder, manifest, validation, and the manifests of its versions, older first, its own last."""

    folder: Path
    manifest: Mapping[str, Any]
    validation: Mapping[str, Any]
    older: tuple[Mapping[str, Any], ...]

    @property
    def figures(self) -> Path:
        return self.folder / "figures"

    def members(self, layer: str = LAND_COVER) -> list[dict[str, Any]]:
        """City files of a layer, each with the region, province and archive it lies in, by name."""
        return members_of(self.manifest, layer)


def members_of(manifest: Mapping[str, Any], layer: str = LAND_COVER) -> list[dict[str, Any]]:
    rows = [
        {**member, "region": file["region"], "province": file["province"], "archive": file["path"]}
        for file in manifest["files"]
        if file["layer"] == layer
        for member in file["members"]
    ]
    return sorted(rows, key=lambda row: str(row["name"]))


def find_release(folder: Path, version: str | None) -> Path:
    """The release of a project's folder: of a version, else its only or newest one; or the folder itself if it is one.

    InputError where there is none.
    """
    if (folder / MANIFEST).is_file() or (folder / SUMS).is_file():
        if version is None or folder.name == version:
            return folder
        raise InputError("this folder is a release of another version", where=str(folder), expected=version)
    found = sorted((p for p in (folder / "release").glob("*") if p.is_dir()), key=lambda p: version_key(p.name))
    if version is not None:
        found = [p for p in found if p.name == version]
    if not found:
        named = f"version {version} " if version else ""
        raise InputError(
            f"there is no release {named}here", where=str(folder / "release"),
            hint="Make one with `l2h release DIR`, then `l2h report DIR`.",
        )  # fmt: skip
    return found[-1]


def version_key(version: str) -> tuple[Any, ...]:
    """Order of versions: numbers as numbers, so that 1.10 comes after 1.9.

    >>> sorted(["1.10", "1.9", "2.0b"], key=version_key)
    ['1.9', '1.10', '2.0b']
    """
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.findall(r"\d+|[^\d.]+", version))


def read_release(folder: Path) -> Released:
    """Read and check a release: its list of files, its manifest, its archives' sizes, and what `l2h report` adds.

    InputError where it is not finished, VerificationError where it is not what its lists say.
    """
    manifest = read_manifest(folder)
    for name, how in ((VALIDATION, "validation"), (f"figures/{NATION}.png", "figures")):
        if not (folder / name).is_file():
            raise InputError(
                f"the release has no {how} yet", where=str(folder / name), hint="Make them with `l2h report DIR`."
            )
    validation = read_json(folder / VALIDATION)
    version = manifest["product"]["version"]
    if validation["product"]["version"] != version:
        raise VerificationError(
            "the validation is of another version", where=str(folder / VALIDATION), expected=version,
            got=validation["product"]["version"], hint="Make it anew with `l2h report DIR`.",
        )  # fmt: skip
    return Released(folder, manifest, validation, older_versions(folder, version))


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a release whose files are all there, as long as they should be."""
    for name in (SUMS, MANIFEST):
        if not (folder / name).is_file():
            raise InputError(
                "this is no finished release", where=str(folder), expected=f"{MANIFEST} and {SUMS}",
                got=f"no {name}", hint="Finish it with `l2h release DIR`.",
            )  # fmt: skip
    listed, digest = read_sums(folder / SUMS), sha256_file(folder / MANIFEST)
    if listed.get(MANIFEST) != digest:
        raise VerificationError(
            "the manifest is not the one that was released", where=str(folder / MANIFEST),
            expected=listed.get(MANIFEST, "a digest in the list"), got=digest, hint="`l2h verify` names what differs.",
        )  # fmt: skip
    manifest: dict[str, Any] = read_json(folder / MANIFEST)
    if manifest.get("format") != FORMAT:
        raise InputError(
            "the manifest has another form", where=str(folder / MANIFEST), expected=str(FORMAT),
            got=str(manifest.get("format")),
        )  # fmt: skip
    for file in manifest["files"]:
        path = folder / file["path"]
        if not path.is_file() or path.stat().st_size != file["bytes"]:
            got = f"{path.stat().st_size} bytes" if path.is_file() else "no such file"
            raise VerificationError(
                "the release is not whole", where=str(path), expected=f"{file['bytes']} bytes", got=got,
                hint="`l2h verify` names all that differs.",
            )  # fmt: skip
    return manifest


def older_versions(folder: Path, version: str) -> tuple[dict[str, Any], ...]:
    """Manifests of the releases beside this one that came before it, in order. InputError where one cannot be read:
    a guide without it would tell a wrong history.
    """
    found = []
    for path in sorted(folder.parent.glob(f"*/{MANIFEST}")):
        try:
            manifest = json.loads(path.read_text("utf-8"))
            name = str(manifest["product"]["version"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                "the manifest of a release beside this one cannot be read", where=str(path), got=str(error),
                hint="Release that version anew, or move its folder away: the guide lists what each version changed.",
            ) from error  # fmt: skip
        if version_key(name) < version_key(version):
            found.append(manifest)
    return tuple(sorted(found, key=lambda m: version_key(m["product"]["version"])))
