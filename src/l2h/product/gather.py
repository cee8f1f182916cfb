"""Gathering what the texts of a release say: digests from the ledger, figures from beside the city files."""

from typing import Any

from l2h.core.files import canonical_json, read_json, sha256_bytes
from l2h.core.tasks import Context
from l2h.product.cities import cut_cities, outside_cities
from l2h.product.desk import Release, archive_plans, present_cities
from l2h.product.manifest import ArchiveFact, Catalogue, MemberFact
from l2h.product.packing import ArchivePlan


def gather_catalogue(release: Release, context: Context) -> Catalogue:
    """All that is known of a release whose archives are made; InputError where they are not."""
    present, absent = present_cities(context)
    stems = {city.stem for city, _ in present}
    regions = context.work / "layers" / "regions.json"
    cut, outside = cut_cities(regions), set(outside_cities(regions)) - stems
    archives = tuple(_archive_fact(release, context, plan) for plan in archive_plans(release, context))
    return Catalogue(
        facts=release.facts,
        licence=release.settings.licence,
        citation=release.settings.citation,
        settings_digest=sha256_bytes(canonical_json(release.settings.model_dump(mode="json")).encode()),
        grid=context.grid,
        archives=archives,
        absent=tuple(city for city in absent if city not in outside),
        cut=tuple(sorted((city, part) for city, part in cut.items() if city in stems)),
        outside=tuple(sorted(outside)),
    )


def _archive_fact(release: Release, context: Context, plan: ArchivePlan) -> ArchiveFact:
    path = release.folder(context) / plan.path
    members = tuple(_member_fact(context, member.name, plan.layer) for member in plan.members)
    digest = context.ledger.digest_of(path)
    size = path.stat().st_size
    return ArchiveFact(plan.path, digest, size, plan.layer, plan.region, plan.province, members)


def _member_fact(context: Context, name: str, layer: str) -> MemberFact:
    path = context.work / "cities" / name
    city = path.stem.removesuffix(f"_{layer}") if layer else path.stem
    figures: dict[str, Any] = read_json(path.with_suffix(".json"))
    return MemberFact(name, city, context.ledger.digest_of(path), path.stat().st_size, figures)
