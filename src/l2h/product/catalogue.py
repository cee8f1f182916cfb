"""Writing the texts of a release: manifest, digests, areas, legend, attribution, how to read it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from l2h.core.files import sha256_file, write_json, write_text
from l2h.core.legend import Legend, load_legend
from l2h.core.tasks import Hole, Made
from l2h.product.areas import areas_csv
from l2h.product.legends import legend_clr, legend_csv, legend_qml, legend_sld
from l2h.product.manifest import Catalogue, manifest, place_tallies, sums_text
from l2h.product.texts import attribution, readme

DOCUMENTS = (
    "ATTRIBUTION.txt", "README.txt", "areas.csv", "legend.clr", "legend.csv", "legend.qml", "legend.sld",
)  # fmt: skip
MANIFEST, SUMS = "MANIFEST.json", "SHA256SUMS"


def write_catalogue(folder: Path, catalogue: Catalogue) -> Made:
    """Task: write all texts of a release; SHA256SUMS last, so that its presence says that the rest is there."""
    legend = load_legend(catalogue.facts.legend)
    for name, text in texts(catalogue, legend).items():
        write_text(folder / name, text)
    documents = {name: (sha256_file(folder / name), (folder / name).stat().st_size) for name in DOCUMENTS}
    write_json(folder / MANIFEST, manifest(catalogue, legend, documents))
    digests = {archive.path: archive.sha256 for archive in catalogue.archives}
    digests |= {name: digest for name, (digest, _) in documents.items()} | {MANIFEST: sha256_file(folder / MANIFEST)}
    write_text(folder / SUMS, sums_text(digests))
    holes = tuple(Hole(name, "the city has no pixel on the project's grid") for name in catalogue.absent)
    return Made(holes, {"archives": len(catalogue.archives), "bytes": sum(a.bytes for a in catalogue.archives)})


def texts(catalogue: Catalogue, legend: Legend) -> Mapping[str, str]:
    """Name → text of every document."""
    return {
        "ATTRIBUTION.txt": attribution(catalogue),
        "README.txt": readme(catalogue),
        "areas.csv": areas_csv(place_tallies(catalogue.archives), legend),
        "legend.clr": legend_clr(legend),
        "legend.csv": legend_csv(legend),
        "legend.qml": legend_qml(legend),
        "legend.sld": legend_sld(legend),
    }


def remove_stale(folder: Path, stale: Sequence[str]) -> Made:
    """Task: remove what earlier runs of this stage made below `folder` and what is no longer part of the release.

    Or a release would hold archives that its manifest does not know.
    """
    for name in stale:
        path = folder / name
        path.unlink(missing_ok=True)
        if path.parent != folder and path.parent.is_dir() and not any(path.parent.iterdir()):
            path.parent.rmdir()
    return Made(info={"removed": list(stale)})
