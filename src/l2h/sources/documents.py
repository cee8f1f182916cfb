"""Documents of a catalogue on the web: asked for one after the other, patiently, over checked connections."""

import json
from typing import Any
from urllib.parse import urlencode

from l2h.core.errors import InputError
from l2h.sources.orders import Site
from l2h.sources.pace import Pace, patiently
from l2h.sources.veil import Veil, veiled

MOST_DOCUMENTS = 20_000
LARGEST = 64 << 20  # bytes of a document
Request = tuple[str, str, dict[str, str], bytes | None]  # method, address, headers, body


class Documents:
    """Reads documents until there are too many of them, which is a catalogue without an end.

    veil : of the secrets that their addresses may carry
    """

    def __init__(self, site: Site, veil: Veil) -> None:
        from l2h.sources.web import CheckedClient

        self._veil = veil
        self._client, self._pace, self._asked = CheckedClient(site.settings, veil), Pace(site.settings, site.stop), 0

    def get(self, href: str, method: str = "GET", parameters: Any = None) -> str:
        """A document's text. InputError for one that is too long, that cannot be had, or one too many."""
        self._asked += 1
        if self._asked > MOST_DOCUMENTS:
            raise InputError(
                "a catalogue has no end", where=self._veil.hide(href), expected=f"at most {MOST_DOCUMENTS} documents"
            )
        request, deadline = request_of(href, method, parameters), self._pace.deadline()
        return patiently(lambda: self._ask(request, deadline), lambda: 0, self._pace, deadline)

    def _ask(self, request: Request, deadline: float) -> str:
        from l2h.sources.web import check_status

        self._pace.check(deadline)
        with self._client.request(*request) as response:
            check_status(response, {200})
            data = bytearray()
            for chunk in response.iter_raw():
                data += chunk
                if len(data) > LARGEST:
                    raise InputError("a document is too long", where=request[1], expected=f"at most {LARGEST} bytes")
        return data.decode("utf-8")

    def close(self) -> None:
        self._client.close()


def request_of(href: str, method: str, parameters: Any) -> Request:
    """Method, address, headers and body of a request that only reads; InputError for any other.

    >>> request_of("https://a.example/s?x=1", "GET", {"page": 2})[:2]
    ('GET', 'https://a.example/s?x=1&page=2')
    """
    if method == "POST":
        return method, href, {"Content-Type": "application/json"}, json.dumps(parameters or {}).encode()
    if method != "GET":
        raise InputError("a catalogue asks for what is not reading", where=veiled(href), got=method)
    if parameters:
        href += ("&" if "?" in href else "?") + urlencode(parameters, doseq=True)
    return method, href, {}, None
