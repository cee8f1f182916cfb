"""CRSs: read once, compared, and the way from one to another."""

from functools import lru_cache

from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from l2h.core.errors import GridError

DEGREE_M = 111_320.0  # of latitude, about


@lru_cache(maxsize=64)
def parse_crs(text: str) -> CRS:
    """A CRS; GridError where PROJ does not know it."""
    try:
        return CRS.from_user_input(text)
    except CRSError as error:
        raise GridError("the CRS is not known", got=text, hint="Use an EPSG code or a full WKT text.") from error


@lru_cache(maxsize=64)
def same_crs(first: str, second: str) -> bool:
    """Whether two texts name one CRS, whatever order of axes they declare."""
    return first == second or parse_crs(first).equals(parse_crs(second), ignore_axis_order=True)


@lru_cache(maxsize=64)
def transformer(source: str, target: str) -> Transformer:
    """x, y of one CRS → x, y of the other, whatever order of axes they declare."""
    return Transformer.from_crs(parse_crs(source), parse_crs(target), always_xy=True)


def metres_per_unit(crs: str) -> float:
    """Metres in one unit of a CRS; a degree counts as one of latitude."""
    parsed = parse_crs(crs)
    return DEGREE_M if parsed.is_geographic else float(parsed.axis_info[0].unit_conversion_factor)
