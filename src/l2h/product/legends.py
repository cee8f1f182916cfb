"""The legend in the forms that users' programs read: CSV, QGIS style, SLD, CLR."""

import csv
import io
from xml.sax.saxutils import quoteattr

from l2h.core.legend import LandClass, Legend


def legend_csv(legend: Legend) -> str:
    """One line per class: value, name, label, red, green, blue, definition."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["value", "name", "label", "red", "green", "blue", "definition"])
    writer.writerow([legend.nodata, "nodata", "No data", "", "", "", "Outside the city, or no class"])
    for c in legend.classes:
        writer.writerow([c.value, c.name, c.label, *c.colour, c.definition])
    return out.getvalue()


def legend_qml(legend: Legend) -> str:
    """A QGIS layer style (paletted renderer): load it with Layer > Properties > Style > Load."""
    entries = "\n".join(
        f'      <paletteEntry value="{c.value}" color="{_hex(c)}" alpha="255" label={quoteattr(c.label)}/>'
        for c in legend.classes
    )
    return (
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
        '<qgis version="3.22.0" styleCategories="Symbology">\n'
        "  <pipe>\n"
        '    <rasterrenderer type="paletted" band="1" opacity="1" alphaBand="-1" nodataColor="">\n'
        "      <rasterTransparency/>\n"
        "      <colorPalette>\n"
        f"{entries}\n"
        "      </colorPalette>\n"
        "    </rasterrenderer>\n"
        "  </pipe>\n"
        "</qgis>\n"
    )


def legend_sld(legend: Legend) -> str:
    """An OGC style (SLD 1.0) for GeoServer, MapServer and others."""
    entries = "\n".join(
        f'            <ColorMapEntry color="{_hex(c)}" quantity="{c.value}" label={quoteattr(c.label)} opacity="1"/>'
        for c in legend.classes
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<StyledLayerDescriptor version="1.0.0" xmlns="http://www.opengis.net/sld">\n'
        "  <NamedLayer>\n"
        f"    <Name>{legend.name}</Name>\n"
        "    <UserStyle>\n"
        "      <FeatureTypeStyle>\n"
        "        <Rule>\n"
        "          <RasterSymbolizer>\n"
        '            <ColorMap type="values">\n'
        f'            <ColorMapEntry color="#000000" quantity="{legend.nodata}" label="No data" opacity="0"/>\n'
        f"{entries}\n"
        "            </ColorMap>\n"
        "          </RasterSymbolizer>\n"
        "        </Rule>\n"
        "      </FeatureTypeStyle>\n"
        "    </UserStyle>\n"
        "  </NamedLayer>\n"
        "</StyledLayerDescriptor>\n"
    )


def legend_clr(legend: Legend) -> str:
    """An Esri colour map: value red green blue."""
    return "".join(f"{c.value} {c.colour[0]} {c.colour[1]} {c.colour[2]}\n" for c in legend.classes)


def _hex(land_class: LandClass) -> str:
    return "#{:02x}{:02x}{:02x}".format(*land_class.colour)
