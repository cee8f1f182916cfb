"""What the release and the report are told of the project: names, sources, rights."""

from collections.abc import Iterator
from typing import Literal

from l2h.accuracy.settings import ReferenceSettings
from l2h.product.facts import LayerFact, ReleaseFacts
from l2h.project import Project
from l2h.report.settings import PageSettings, Source
from l2h.sources.layer_settings import LayerSettings
from l2h.sources.veil import veiled

Kind = Literal["imagery", "product", "extra", "vectors", "boundary", "survey", "reference"]


def layer_facts(project: Project) -> tuple[LayerFact, ...]:
    """Every source whose bytes reach the map, with its rights. Survey and reference only judge it."""
    return tuple(
        LayerFact(s.name, s.kind, s.licence, s.attribution, s.date, s.may_train, s.may_publish)
        for s in _sources(project)
        if s.kind not in ("survey", "reference")
    )


def release_facts(project: Project) -> ReleaseFacts:
    """The project as its release states it."""
    identity = project.project
    title = identity.title or identity.name
    return ReleaseFacts(identity.name, title, identity.version, identity.legend, layer_facts(project))


def page_settings(project: Project) -> PageSettings:
    """The project as its report shows it; where tasks run, how they are cut and how files are fetched is left out."""
    identity = project.project
    resolved = project.model_dump(mode="json")
    resolved["grid"].pop("block_px")
    resolved.pop("fetch")
    reference = project.reference or ReferenceSettings()
    return PageSettings(
        name=identity.name, title=identity.title, version=identity.version, sources=tuple(_sources(project)),
        resolved=resolved, truth=reference.truth, points=reference.points, points_layer=reference.layer,
        teachers=_teachers(project),
    )  # fmt: skip


def _teachers(project: Project) -> dict[str, tuple[str, ...]]:
    """What the network learns from beside pictures, with the files that are named."""
    found = {product.name: tuple(product.paths) for product in project.products if product.use == "labels"}
    clean = project.learning.clean
    found |= {"clean points": (clean.points,)} if clean.points else {}
    found |= {"drawn clean ground": clean.drawn} if clean.drawn else {}
    return found | ({"OpenStreetMap": tuple(map(veiled, project.osm.paths))} if project.osm else {})


def _sources(project: Project) -> Iterator[Source]:
    for imagery in project.imagery:
        yield _source("imagery", imagery.name, imagery, detail=f"{len(imagery.bands)} bands")
    for product in project.products:
        kind: Kind = "product" if product.use == "labels" else "reference"
        yield _source(kind, product.name, product, detail=product.legend, date=product.date or "")
    for extra in (extra for extra in project.extras if extra.kind == "raster"):
        yield _source("extra", extra.name, extra, detail=f"{len(extra.bands)} bands, {extra.unit}")
    if project.osm:
        yield _source("vectors", "OpenStreetMap", project.osm, detail="roads and buildings")
    yield _source("boundary", "boundary", project.boundary, detail="city outlines")
    if project.survey:
        yield _source("survey", "survey", project.survey)


def _source(kind: Kind, name: str, layer: LayerSettings, detail: str = "", date: str = "") -> Source:
    return Source(
        kind=kind, name=name, detail=detail, date=date, licence=layer.licence, attribution=layer.attribution,
        may_train=layer.may_train, may_publish=layer.may_publish, may_redistribute=layer.may_redistribute,
    )  # fmt: skip
