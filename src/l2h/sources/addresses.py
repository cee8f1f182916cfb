"""Which addresses may be followed: checked by scheme, by host and by every number the host resolves to.

A name is resolved here, every number it has is checked, and the connection is made to a number that was checked, so a
name that changes between check and use gains nothing.
"""

import ipaddress
import socket
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import httpcore

from l2h.core.errors import UsageError
from l2h.sources.veil import veiled

Number = ipaddress.IPv4Address | ipaddress.IPv6Address
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # IPv6 numbers that carry an IPv4 number in their last four bytes


class AddressError(UsageError):
    """An address that is not followed."""


def check_url(url: str, came_from: str = "") -> str:
    """The URL itself; AddressError where it is not http(s), carries a password, or leaves https for http.

    came_from : the URL that redirected here
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise AddressError("an address cannot be read", got=veiled(url), expected="http(s)://host/path") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        where, expected = veiled(came_from), "http:// or https://"
        raise AddressError("an address is not followed", got=veiled(url), expected=expected, where=where)
    if parts.username is not None or parts.password is not None:
        hint = "Anonymous access only: a secret has no place in a settings file."
        raise AddressError("an address carries a user name", where=parts.hostname, hint=hint)
    if urlsplit(came_from).scheme == "https" and parts.scheme == "http":
        raise AddressError("a server redirects from https to http", where=veiled(came_from), got=veiled(url))
    return url


def may_reach(number: Number, allow_private: bool) -> bool:
    """Whether a number may be connected to: public ones, and with `allow_private` loopback and private ones.

    Link-local numbers (where clouds serve credentials), multicast, unspecified and reserved ones never.
    """
    inner = _embedded(number)
    if any(not may_reach(other, allow_private) for other in inner):
        return False
    if number.is_link_local or number.is_multicast or number.is_unspecified:
        return False
    if number.is_loopback or number.is_private:
        return allow_private or bool(inner)
    return number.is_global


def _embedded(number: Number) -> tuple[Number, ...]:
    """IPv4 numbers that an IPv6 number stands for or tunnels to."""
    if isinstance(number, ipaddress.IPv4Address):
        return ()
    found: Iterable[Any] = (number.ipv4_mapped, number.sixtofour, *(number.teredo or ()))
    nat = (ipaddress.IPv4Address(int(number) & 0xFFFFFFFF),) if number in NAT64 else ()
    return (*(other for other in found if other is not None), *nat)


def resolve(host: str, port: int, allow_private: bool) -> tuple[str, ...]:
    """The numbers of a host, all of them checked; AddressError where one may not be reached.

    One public number beside a private one is refused as well: which one answers is the name server's choice.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise httpcore.ConnectError(f"the name {host} does not resolve") from error
    numbers = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not all(may_reach(ipaddress.ip_address(number.partition("%")[0]), allow_private) for number in numbers):
        raise AddressError(
            "an address of this machine or of a private network is not followed",
            where=host,
            hint="Set fetch.allow_private = true where the server is your own.",
        )
    return numbers


class CheckedBackend(httpcore.NetworkBackend):
    """Connects to checked numbers only. TLS still verifies the host's name."""

    def __init__(self, allow_private: bool) -> None:
        self.allow_private = allow_private
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = httpcore.ConnectError(host)
        for number in resolve(host, port, self.allow_private):
            try:
                return self._sockets.connect_tcp(number, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure
