"""Guards: who may talk to a server of ours. Pure functions of what a request says."""

import hmac
import ipaddress
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def is_loopback(host: str) -> bool:
    """Whether a server bound to this host can be reached from this machine alone."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def split_host(header: str) -> tuple[str, str]:
    """Name and port of a Host header; brackets of IPv6 taken off.

    >>> split_host("[::1]:8000")
    ('::1', '8000')
    """
    name, colon, port = header.rpartition(":")
    if not colon or "]" in port:
        name, port = header, ""
    return name.strip("[]").lower(), port


def host_is_ours(header: str, port: int, names: frozenset[str], any_address: bool) -> bool:
    """Whether a Host header names this server: a page elsewhere that points its own name at us is refused.

    names       : names we answer to
    any_address : whether a bare IP address will do (a name of another cannot be one)
    """
    name, stated = split_host(header)
    if stated != str(port) and not (stated == "" and port == 80):
        return False
    return name in names or (any_address and _is_address(name))


def same_origin(headers: Mapping[str, str]) -> bool:
    """Whether a request that writes came from a page of this server: its Origin is its Host.

    Browsers state the origin of every POST; one without is refused, and so is one that another site had sent.
    """
    origin, host = headers.get("Origin") or "", headers.get("Host") or ""
    site = headers.get("Sec-Fetch-Site") or "same-origin"
    return bool(host) and origin.lower() == f"http://{host}".lower() and site == "same-origin"


def token_given(headers: Mapping[str, str], cookie: str) -> str:
    """The token of a request: from its Authorization header, else from the cookie of this name."""
    kind, _, value = (headers.get("Authorization") or "").partition(" ")
    if kind == "Bearer":
        return value.strip()
    try:
        morsel = SimpleCookie(headers.get("Cookie") or "").get(cookie)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def same_token(given: str, wanted: str) -> bool:
    """Whether two tokens are equal, in a time that does not tell how far they are."""
    return hmac.compare_digest(given.encode(), wanted.encode())


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
