"""Files under an http(s) prefix; open buckets are such prefixes as well."""

import base64
import binascii
import re
import ssl
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import cache
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

import httpcore
import httpx

from l2h import __version__
from l2h.core.errors import InputError
from l2h.sources.addresses import AddressError, CheckedBackend, check_url
from l2h.sources.fetch_settings import FetchSettings
from l2h.sources.stores import (
    AbsentError,
    ChangedError,
    Remote,
    Stream,
    TransientError,
    bucket_url,
    seconds_to_wait,
)
from l2h.sources.veil import LogVeil, Veil, veiled

REDIRECTS = 5
LONGEST_DIGEST = 1024  # bytes of a file that holds a digest and the name it is of
PASSING = {408, 425, 429, 500, 502, 503, 504}
HEADERS = {"User-Agent": f"l2h/{__version__}", "Accept-Encoding": "identity"}  # bytes as they lie, so ranges fit


@cache
def tls() -> ssl.SSLContext:
    """The authorities that are trusted; read once, for it takes a tenth of a second."""
    return httpx.create_ssl_context(trust_env=False)


class CheckedTransport(httpx.HTTPTransport):
    """httpx's transport on connections to checked numbers only."""

    def __init__(self, settings: FetchSettings) -> None:
        super().__init__(verify=tls(), trust_env=False)
        # httpx has no argument for the layer that opens sockets; its pool is built anew with ours
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls(),
            max_connections=settings.connections,
            max_keepalive_connections=settings.connections,
            network_backend=CheckedBackend(settings.allow_private),
        )


class CheckedClient:
    """Requests over checked connections. Redirects are followed one by one, each checked like the first address.

    veil : of the secrets that addresses may carry; none is in an error, nor in what the library logs
    """

    def __init__(self, settings: FetchSettings, veil: Veil | None = None) -> None:
        self.veil = veil or Veil()
        self._client = httpx.Client(headers=HEADERS, timeout=httpx.Timeout(settings.stall_s), trust_env=False)
        self._transport = CheckedTransport(settings)
        self._log = LogVeil(self.veil)
        self._log.begin()

    def close(self) -> None:
        self._client.close()
        self._transport.close()
        self._log.end()

    @contextmanager
    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, content: bytes | None = None
    ) -> Iterator[httpx.Response]:
        """The answer at the end of all redirects, its body still to be read; TransientError, AddressError.

        Over the transport itself: httpx's client would write every address, with any key in it, into its log. What goes
        wrong while the answer is read is told without the secrets as well.
        """
        with self.veil.drawn():
            yield from self._request(method, url, headers, content)

    def _request(
        self, method: str, url: str, headers: Mapping[str, str] | None, content: bytes | None
    ) -> Iterator[httpx.Response]:
        try:
            for _ in range(REDIRECTS + 1):
                request = self._client.build_request(method, check_url(url), headers=headers, content=content)
                response = self._transport.handle_request(request)
                response.request = request
                with closing(response):
                    if not response.has_redirect_location:
                        yield response
                        return
                    url = check_url(urljoin(url, response.headers["Location"]), came_from=url)
        except httpx.TransportError as error:
            raise TransientError("a connection failed", where=url, got=str(error) or type(error).__name__) from error
        except httpx.InvalidURL as error:
            raise AddressError("an address cannot be read", got=url) from error
        raise AddressError("a server redirects without end", where=url)


def check_status(response: httpx.Response, good: Collection[int]) -> None:
    """AbsentError, TransientError or InputError for an answer that is none of the good ones."""
    status, where = response.status_code, str(response.url)
    if status in good:
        return
    if status in (404, 410):
        raise AbsentError("there is no such file", where=where)
    said = f"{status} {response.reason_phrase}"
    if status in PASSING:
        error = TransientError("a server is busy", where=where, got=said)
        error.retry_after_s = seconds_to_wait(response.headers.get("Retry-After"))
        raise error
    region = response.headers.get("x-amz-bucket-region", "")
    there = f'Its bucket lies elsewhere: fetch.s3_endpoint = "https://s3.{region}.amazonaws.com".'
    hint = there if status == 301 and region else "Only open, anonymous sources are read."
    raise InputError("a server refuses", where=where, got=said, hint=hint)


class WebStore:
    """Files under a URL. A query of it goes with every file."""

    def __init__(self, url: str, settings: FetchSettings, address: str | None = None) -> None:
        veil = Veil()
        with veil.drawn():
            self._prefix, mark, query = check_url(veil.lift(url)).partition("?")
        self._query = mark + query
        self._address, mark, query = veiled(address or url).partition("?")
        self._asked = mark + query
        self.address = self._address.rstrip("/") + self._asked
        self._client = CheckedClient(settings, veil)

    def stat(self, name: str) -> Remote:
        with self._client.request("HEAD", self._url(name)) as response:
            check_status(response, {200})
            length = response.headers.get("Content-Length")
            size = int(length) if length and length.isdigit() else None
            return Remote(self.shown(name), size, version_of(response.headers), md5_of(response.headers))

    def close(self) -> None:
        self._client.close()

    @contextmanager
    def open(self, name: str, start: int, version: str, stop: int | None = None) -> Iterator[Stream]:
        wanted = {} if start == 0 and stop is None else {"Range": f"bytes={start}-{'' if stop is None else stop - 1}"}
        with self._client.request("GET", self._url(name), wanted) as response:
            if response.status_code == 416:  # the file ends before what is here already
                raise ChangedError("a file has changed", where=str(response.url))
            check_status(response, {200, 206})
            if version and version_of(response.headers) != version:
                raise ChangedError("a file has changed", where=str(response.url))
            first, total = _extent(response, start)
            yield Stream(first, total, _chunks(response))

    def _url(self, name: str) -> str:
        return f"{self._prefix.rstrip('/')}/{quote(name)}{self._query}"

    def shown(self, name: str) -> str:
        """The address of a file as it may be written."""
        return f"{self._address.rstrip('/')}/{name}{self._asked}"


class LinkStore(WebStore):
    """Files anywhere: their names are their addresses, `https://…` or `s3://bucket/key`."""

    def __init__(self, settings: FetchSettings) -> None:
        self.address, self._endpoint = "", settings.s3_endpoint
        self._client = CheckedClient(settings, Veil())

    def _url(self, name: str) -> str:
        with self._client.veil.drawn():
            scheme, _, rest = self._client.veil.lift(name).partition("://")
            return bucket_url(rest, None, self._endpoint) if scheme == "s3" else check_url(f"{scheme}://{rest}")

    def shown(self, name: str) -> str:
        return veiled(name)


class ExtractStore(LinkStore):
    """Files anywhere whose publishers may lay a digest beside each of them, as NAME.md5 (Geofabrik and others)."""

    def stat(self, name: str) -> Remote:
        remote = super().stat(name)
        return replace(remote, md5=remote.md5 or self._digest_beside(name))

    def _digest_beside(self, name: str) -> str | None:
        """The digest in the file beside; None where there is no such file, what is there is no digest, or the server
        sends us on to where we do not go, as some do from every address they do not know."""
        try:
            head = self._head_beside(name)
        except AddressError:
            return None
        found = re.match(rb"\s*([0-9a-fA-F]{32})(\s|$)", head)
        return found[1].decode().lower() if found else None

    def _head_beside(self, name: str) -> bytes:
        """The file beside, as far as one of a digest could reach; nothing where there is none."""
        parts, head = urlsplit(self._url(name)), b""
        with self._client.request("GET", urlunsplit(parts._replace(path=f"{parts.path}.md5"))) as response:
            if response.status_code in PASSING:
                check_status(response, {200})
            if response.status_code != 200:
                return b""  # a bucket that may not be listed says 403 of what it does not have
            for chunk in response.iter_raw():
                head += chunk
                if len(head) > LONGEST_DIGEST:
                    return b""
        return head


def version_of(headers: httpx.Headers) -> str:
    """Entity tag, else the time of change."""
    tag: str = headers.get("ETag") or headers.get("Last-Modified") or ""
    return tag


def md5_of(headers: httpx.Headers) -> str | None:
    """The digest of the whole file that Azure and Google publish with it, in hexadecimal."""
    text = headers.get("Content-MD5") or ""
    text = text or next(iter(re.findall(r"md5=([^,\s]+)", headers.get("x-goog-hash", ""))), "")
    try:
        digest = base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
    return digest.hex() if len(digest) == 16 else None


def _extent(response: httpx.Response, start: int) -> tuple[int, int | None]:
    """First byte and whole size of an answer; a server that knows no ranges starts at 0."""
    if response.status_code == 200:
        length = response.headers.get("Content-Length", "")
        return 0, int(length) if length.isdigit() else None
    said = response.headers.get("Content-Range", "")
    found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", said)
    if found is None or int(found[1]) != start:
        raise InputError("a server answers with another part", where=str(response.url), expected=f"{start}-", got=said)
    return start, None if found[3] == "*" else int(found[3])


def _chunks(response: httpx.Response) -> Iterator[bytes]:
    yield from response.iter_raw()  # as they come: pieces of a set size would be lost with the connection
