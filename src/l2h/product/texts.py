"""README.txt and ATTRIBUTION.txt of a release."""

from collections.abc import Sequence

from l2h.product.facts import LayerFact
from l2h.product.manifest import ENCODING, ArchiveFact, Catalogue

README = """\
{title}, version {version}
{rule}

What is here
  Region/Region_Province.zip   one archive per province; each holds one GeoTIFF per city, Region_Province_City.tif
{extra}  MANIFEST.json                every file with its digest, size, place, class counts, holes and sources
  SHA256SUMS                   check the download:  sha256sum -c SHA256SUMS
  areas.csv                    pixels and m2 per class for the nation, regions, provinces and cities; the rows add up
  legend.csv .qml .sld .clr    classes and colours for spreadsheets, QGIS, GeoServer, ArcGIS
  ATTRIBUTION.txt              the sources and the sentences that must go with the map

Where a region or a province outgrows the size limit of its folder, it continues in parts: Region_part1, Region_part2,
Region_Province_part1.zip, ...

The rasters
  CRS {crs}, pixel side {pixel:g} in its units, all on one lattice: two neighbours fit together to the
  pixel. Cloud-optimised GeoTIFF with the colour table and the class names inside.
{layers}
  Overviews of the classes show the commonest class below them, never a class
  in between; take areas from areas.csv, or count at full resolution.
{cut}
Reading without unpacking
  Members are stored, so GDAL, QGIS, rasterio, R and others read them inside the archive, window by window:
    gdalinfo /vsizip/{example_zip}/{example_tif}
    rasterio.open("/vsizip/{example_zip}/{example_tif}")
  and over the network, where the host serves byte ranges:
    /vsizip/{{/vsicurl/https://host/path/{example_file}}}/{example_tif}

Licence
  {licence}

How to cite
  {citation}
"""


def readme(catalogue: Catalogue) -> str:
    """What a person who downloaded the release needs to know first."""
    facts = catalogue.facts
    title = f"{facts.title or facts.name}, version {facts.version}"
    first = catalogue.archives[0]
    return README.format(
        title=facts.title or facts.name,
        version=facts.version,
        rule="=" * len(title),
        extra=_extra(catalogue.archives),
        crs=_crs(catalogue.grid.crs),
        pixel=catalogue.grid.pixel,
        layers=_layers(catalogue.archives),
        cut=_cut(catalogue),
        example_zip=first.path,
        example_file=first.path.rsplit("/", 1)[-1],
        example_tif=first.members[0].name,
        licence=catalogue.licence or "The publisher states none; ask before using the map.",
        citation=catalogue.citation or f"{facts.title or facts.name}, version {facts.version}.",
    )


def _cut(catalogue: Catalogue) -> str:
    """The cities of which only a part is here, or nothing."""
    text = ""
    if catalogue.cut:
        lines = "".join(f"  {city}: {part:.1%} of its outline\n" for city, part in catalogue.cut)
        text += f"\nCut by the bounds of the project, so only partly here, in files and in areas.csv\n{lines}"
    if catalogue.outside:
        lines = "".join(f"  {city}\n" for city in catalogue.outside)
        text += f"\nOutside the bounds of the project, so not here\n{lines}"
    return text


def _crs(crs: str) -> str:
    return crs if len(crs) < 60 else "the CRS named in each file"


def _extra(archives: Sequence[ArchiveFact]) -> str:
    layers = sorted({a.layer for a in archives if a.layer})
    return "".join(
        f"  {f'Region_{layer}/':<28} archives of the layer '{layer}', in the same order\n" for layer in layers
    )


def _layers(archives: Sequence[ArchiveFact]) -> str:
    layers = sorted({a.layer for a in archives})
    return "\n".join(
        f"  {ENCODING[layer]['file']}\n    {ENCODING[layer]['content']}, {ENCODING[layer]['dtype']}, "
        f"nodata {ENCODING[layer]['nodata']}, values: {ENCODING[layer]['values']}"
        for layer in layers
    )


def attribution(catalogue: Catalogue) -> str:
    """The sources, their licences, and the sentences they ask for."""
    facts = catalogue.facts
    lines = [f"{facts.title or facts.name}, version {facts.version}, was made from:", ""]
    for layer in facts.layers:
        lines += [*_source(layer), ""]
    return "\n".join(lines)


def _source(layer: LayerFact) -> list[str]:
    date = f" ({layer.date})" if layer.date else ""
    lines = [f"{layer.name}{date}: {layer.role}", f"  licence: {layer.licence or 'not stated'}"]
    return lines + ([f"  {layer.attribution}"] if layer.attribution else [])
