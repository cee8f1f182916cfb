"""The project file: one TOML, read into frozen settings that refuse unknown keys and say where and why."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, model_validator

from l2h.accuracy.compare.settings import Comparison
from l2h.accuracy.settings import CalibrationSettings, ReferenceSettings
from l2h.accuracy.survey.settings import SurveyComparison
from l2h.core.errors import SettingsError
from l2h.core.files import canonical_json, sha256_bytes, write_json
from l2h.core.settings import Settings
from l2h.labels.settings import LabelSettings
from l2h.learning.settings import LearningSettings
from l2h.mapping.settings import MappingSettings
from l2h.misfit import misfit
from l2h.product.settings import ReleaseSettings
from l2h.sources.extra_settings import ExtraSettings
from l2h.sources.fetch_settings import FetchSettings
from l2h.sources.settings import BoundarySettings, ImagerySettings, OsmSettings, ProductSettings, SurveySettings
from l2h.sources.veil import Veil

PROJECT_FILE = "project.toml"

# what a recipe of learning sets in the other rooms where the user says nothing
RECIPES: dict[str, dict[str, dict[str, Any]]] = {
    # SinoLC-1: labels where the products agree, no prior, nothing drawn on top, confidence as the network tells it
    "l2h": {
        "labels": {"method": "intersection"},
        "mapping": {"prior": "off", "draw_vectors": False, "calibration": "off"},
    },
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

    crs      : of the lattice and of everything made; projected, in metres (EPSG code, PROJ or WKT text)
    pixel_m  : side of a pixel
    block_px : side of the blocks that own pixels; changes no byte of what is made
    bounds   : (left, bottom, right, top) in CRS units; the boundary's extent where it is left out. Snapped outward to
               whole cells
    """

    crs: str
    pixel_m: float = Field(1.0, gt=0)
    block_px: int = Field(6000, ge=16)
    bounds: tuple[float, float, float, float] | None = None


class SurveySection(SurveyComparison, SurveySettings):
    """A table of surveyed areas (CSV), and how the map is held against it by `l2h survey`."""


class CompareSection(Comparison):
    """Products that `l2h compare` holds beside the map on the same points and the same ground.

    products : products that nothing is learnt from, besides the project's own
    """

    products: tuple[ProductSettings, ...] = ()


class Project(Settings):
    """All settings of a project, as its TOML file lays them out."""

    project: Identity
    grid: GridSettings
    imagery: tuple[ImagerySettings, ...] = Field(min_length=1)
    products: tuple[ProductSettings, ...] = Field(min_length=1)
    extras: tuple[ExtraSettings, ...] = ()
    osm: OsmSettings | None = None
    boundary: BoundarySettings
    survey: SurveySection | None = None
    reference: ReferenceSettings | None = None
    compare: CompareSection = CompareSection()
    calibration: CalibrationSettings | None = None
    fetch: FetchSettings = FetchSettings()
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
        names = ["map", *(entry.name for entry in self.imagery), *(extra.name for extra in self.extras)]
        names += [product.name for product in (*self.products, *self.compare.products)]
        linked = [part.links for part in (self.osm, self.boundary, self.survey) if part]
        names += [links.layer for links in linked if links]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two layers bear the name '{twice[0]}': layer names are folder names, make them unique")
        return self

    @model_validator(mode="after")
    def _calibration_is_unseen(self) -> "Project":
        clean = self.learning.clean.points
        if self.calibration and clean and Path(self.calibration.points) == Path(clean):
            raise ValueError(
                f"'{clean}' cannot both teach the network ([learning.clean]) and calibrate it ([calibration]): "
                "a network is surer of what it has seen than it is right elsewhere"
            )
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
        hint = "Make one with `l2h init DIR` or `l2h toy DIR`, or name its folder."
        raise SettingsError("no project here", where=str(path), hint=hint)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SettingsError("the project file cannot be read", where=str(path), got=error.strerror or "") from error
    return parse_project(data, path, overrides)


def parse_project(data: bytes, path: Path, overrides: Sequence[str] = ()) -> Project:
    """As `load_project`, of bytes at hand; `path` is only named."""
    try:
        values = tomllib.loads(data.decode("utf-8-sig"))  # some editors begin a file with a byte order mark
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        hint = "Texts stand in quotes, [section] and [[section]] on lines of their own."
        raise SettingsError("the project file is not TOML", where=str(path), got=str(error), hint=hint) from error
    for override in overrides:
        apply_override(values, override)
    try:
        return Project.model_validate(values)
    except ValidationError as error:
        raise Veil().clean(misfit(Project, values, error, path, overrides)) from None  # it shows what it was given


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
    if not equals or not all(part.strip() for part in key.split(".")):
        raise SettingsError("an override needs key=value", got=text, hint="For example --set learning.seed=3.")
    try:
        value = tomllib.loads(f"v = {raw}")["v"]
    except tomllib.TOMLDecodeError:
        value = raw
    *parents, last = key.strip().split(".")
    here: Any = values
    for part in parents:
        here = _descend(here, part, key)
    here[_position(here, last, key) if isinstance(here, list) else last] = value


def _descend(here: Any, part: str, key: str) -> Any:
    child = here[_position(here, part, key)] if isinstance(here, list) else here.setdefault(part, {})
    if not isinstance(child, dict | list):
        raise SettingsError("an override reaches into a plain value", where=f"--set {key}", got=f"'{part}' = {child!r}")
    return child


def _position(items: list[Any], text: str, key: str) -> int:
    if not text.isdigit() or int(text) >= len(items):
        raise SettingsError("no such list item", where=key, expected=f"a number below {len(items)}", got=text)
    return int(text)
