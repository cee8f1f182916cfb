"""One tile after the other, politely: no faster than agreed, over checked connections, without a word of the key."""

import os
import threading
import time
from urllib.parse import quote, urlsplit

from l2h.core.errors import InputError, SettingsError
from l2h.sources.addresses import check_url
from l2h.sources.fetch_settings import FetchSettings
from l2h.sources.pace import Pace
from l2h.sources.stores import TransientError
from l2h.sources.veil import Veil

LARGEST = 8 << 20  # bytes of a tile, or of a page


class Gate:
    """Lets no more than so many pass in a second, one after the other."""

    def __init__(self, per_second: float) -> None:
        self._step, self._next, self._lock = 1 / per_second, 0.0, threading.Lock()

    def wait(self, stop: threading.Event) -> None:
        """Wait for one's turn, or until all must end."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._step
        if turn > now:
            stop.wait(turn - now)


class TileClient:
    """Asks for tiles and pages.

    key : never part of an error, a record or a log: addresses carry {key} until the moment they are asked for
    """

    def __init__(self, settings: FetchSettings, per_second: float, key: str) -> None:
        from l2h.sources.web import CheckedClient

        self._veil = Veil({key: "{key}"})
        self._client, self._gate, self._key = CheckedClient(settings, self._veil), Gate(per_second), key

    def get(self, address: str, pace: Pace, deadline: float) -> bytes:
        """The bytes behind an address; AbsentError, TransientError, AddressError, InputError, none with the key."""
        with self._veil.drawn():
            return self._get(address, pace, deadline)

    def check(self, address: str) -> None:
        """AddressError for an address that would not be followed."""
        with self._veil.drawn():
            check_url(self._full(address))

    def key_out(self, text: str) -> str:
        """A text with {key} in place of the key."""
        return self._veil.unword(text)

    def _full(self, address: str) -> str:
        return address.replace("{key}", quote(self._key, safe=""))

    def _get(self, address: str, pace: Pace, deadline: float) -> bytes:
        from l2h.sources.web import check_status

        pace.check(deadline)
        self._gate.wait(pace.stop)
        with self._client.request("GET", self._full(address)) as response:
            check_status(response, {200})
            data = bytearray()
            for chunk in response.iter_raw():
                data += chunk
                pace.check(deadline)
                if len(data) > LARGEST:
                    raise InputError("an answer is too long", where=address, expected=f"at most {LARGEST} bytes")
            length = response.headers.get("Content-Length", "")
            if length.isdigit() and len(data) != int(length):
                raise TransientError("an answer ends early", where=address, expected=length, got=f"{len(data)}")
            return bytes(data)

    def close(self) -> None:
        self._client.close()


def key_from(variable: str | None, layer: str) -> str:
    """The key from the environment; SettingsError where it is not there."""
    if variable is None:
        return ""
    key = os.environ.get(variable, "").strip()
    if not key:
        raise SettingsError(
            "a service needs its key", where=f"layer '{layer}'", hint=f"Set the environment variable {variable}."
        )
    return key


def host_of(address: str) -> str:
    """The host of an address, for people."""
    return urlsplit(address).hostname or address
