"""The project file: one TOML, read into frozen settings that refuse unknown keys and say where and why."""

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError, model_validator

from l2h.accuracy.settings import ReferenceSettings
from l2h.core.errors import SettingsError
from l2h.core.files import canonical_json, sha256_bytes, write_json
from l2h.core.settings import Settings
from l2h.labels.settings import LabelSettings
from l2h.learning.settings import LearningSettings
from l2h.mapping.settings import MappingSettings
from l2h.product.settings import ReleaseSettings
from l2h.sources.settings import BoundarySettings, ImagerySettings, OsmSettings, ProductSettings, SurveySettings

PROJECT_FILE = "project.toml"

# what a recipe of learning sets in the other rooms where the user says nothing
RECIPES: dict[str, dict[str, dict[str, Any]]] = {
    # SinoLC-1: labels where the products agree, no prior, nothing drawn on top
    "l2h": {"labels": {"method": "intersection"}, "mapping": {"prior": "off", "draw_vectors": False}},
}


class Identity(Settings):
    """What the product is called.

    name    : short, for files and folders
    title   : for people
    version : of the release; a new version is a new folder
    legend  : the legend of the map
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    title: str = ""
    version: str = Field("1.0", pattern=r"^[0-9A-Za-z][0-9A-Za-z.+-]*$")
    legend: str = Field("sinolc1", pattern="^sinolc1$")


class GridSettings(Settings):
    """The lattice: CRS, pixel, extent, and the side of the blocks that own pixels.

    bounds : (left, bottom, right, top) in CRS units; the boundary's extent where it is left out. Snapped outward to
             whole cells
    """

    crs: str
    pixel_m: float = Field(1.0, gt=0)
    block_px: int = Field(6000, ge=16)
    bounds: tuple[float, float, float, float] | None = None


class Project(Settings):
    """All settings of a project, as its TOML file lays them out."""

    project: Identity
    grid: GridSettings
    imagery: tuple[ImagerySettings, ...] = Field(min_length=1)
    products: tuple[ProductSettings, ...] = Field(min_length=1)
    osm: OsmSettings | None = None
    boundary: BoundarySettings
    survey: SurveySettings | None = None
    reference: ReferenceSettings | None = None
    labels: LabelSettings = LabelSettings()
    learning: LearningSettings = LearningSettings()
    mapping: MappingSettings = MappingSettings()
    release: ReleaseSettings = ReleaseSettings()

    @model_validator(mode="before")
    @classmethod
    def _apply_recipe(cls, values: Any) -> Any:
        if not isinstance(values, dict) or not isinstance(values.get("learning"), dict):
            return values
        rooms = RECIPES.get(str(values["learning"].get("recipe", "default")), {})
        return values | {room: given | values.get(room, {}) for room, given in rooms.items()}

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Project":
        names = [entry.name for entry in self.imagery] + [product.name for product in self.products]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two layers bear the name '{twice[0]}': layer names are folder names, make them unique")
        return self

    def digest(self) -> str:
        """SHA-256 of the resolved settings."""
        return sha256_bytes(canonical_json(self.model_dump(mode="json")).encode())


def load_project(folder: Path, overrides: Sequence[str] = ()) -> Project:
    """Read `folder/project.toml` and apply `key=value` overrides ("learning.seed=3").

    Raises SettingsError naming the file, the key (with the nearest known one) and what was expected.
    """
    path = Path(folder) / PROJECT_FILE
    if not path.is_file():
        raise SettingsError(
            "no project here",
            where=str(path),
            hint="Make one with `l2h init DIR` or `l2h toy DIR`, or name its folder.",
        )
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError("the project file is not TOML", where=str(path), got=str(error)) from error
    for override in overrides:
        apply_override(values, override)
    try:
        return Project.model_validate(values)
    except ValidationError as error:
        raise _settings_error(path, error) from error


def save_settings(project: Project, folder: Path) -> Path:
    """Write the resolved settings and their digest beside the results they made."""
    path = Path(folder) / "work" / "settings.json"
    write_json(path, {"digest": project.digest(), "settings": project.model_dump(mode="json")})
    return path


def apply_override(values: dict[str, Any], text: str) -> None:
    """Apply one `key=value` to nested settings in place; list items by number ("products.0.date=2021").

    The value is read as TOML (`3`, `true`, `[1, 2]`, `"text"`), and taken as plain text where it is none.
    """
    key, equals, raw = text.partition("=")
    if not equals or not key.strip():
        raise SettingsError("an override needs key=value", got=text, hint="For example --set learning.seed=3.")
    try:
        value = tomllib.loads(f"v = {raw}")["v"]
    except tomllib.TOMLDecodeError:
        value = raw
    *parents, last = key.strip().split(".")
    here: Any = values
    for part in parents:
        here = _descend(here, part, key)
    if isinstance(here, list):
        here[_position(here, last, key)] = value
    else:
        here[last] = value


def _descend(here: Any, part: str, key: str) -> Any:
    child = here[_position(here, part, key)] if isinstance(here, list) else here.setdefault(part, {})
    if not isinstance(child, dict | list):
        raise SettingsError("an override reaches into a plain value", where=f"'{part}' of '{key}'")
    return child


def _position(items: list[Any], text: str, key: str) -> int:
    if not text.isdigit() or int(text) >= len(items):
        raise SettingsError("no such list item", where=key, expected=f"a number below {len(items)}", got=text)
    return int(text)


def _settings_error(path: Path, error: ValidationError) -> SettingsError:
    """The first of pydantic's findings as one clear sentence; the others are counted."""
    first, more = error.errors()[0], error.error_count() - 1
    place = ".".join(str(part) for part in first["loc"])
    also = f" ({more} more)" if more else ""
    if first["type"] == "extra_forbidden":
        known = _known_keys(Project, first["loc"][:-1])
        near = difflib.get_close_matches(str(first["loc"][-1]), known, n=1)
        hint = f"Did you mean '{near[0]}'?" if near else f"Known here: {', '.join(known)}."
        return SettingsError(f"unknown setting '{place}'{also}", where=str(path), hint=hint)
    if first["type"] == "missing":
        return SettingsError(f"setting '{place}' is missing{also}", where=str(path))
    got = "" if isinstance(first["input"], Mapping | list) else repr(first["input"])
    return SettingsError(f"setting '{place}' cannot be used{also}", where=str(path), expected=first["msg"], got=got)


def _known_keys(model: Any, place: Sequence[str | int]) -> list[str]:
    """Names of the settings at a place of the tree; list numbers are passed over."""
    for part in place:
        if isinstance(part, int):
            continue
        model = _inner_model(model.model_fields[part].annotation)
    return list(model.model_fields)


def _inner_model(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return (
        next(m for m in map(_inner_model, getattr(annotation, "__args__", ())) if m is not None)
        if hasattr(annotation, "__args__")
        else None
    )
