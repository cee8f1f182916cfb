"""A web server that serves a folder with ranges, and misbehaves as it is told."""

import email.utils
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, unquote

Fault = Callable[["Answer"], None]


class Answer(BaseHTTPRequestHandler):
    """One request. The first fault in the script for its method and path is used up; then it is served plainly."""

    server: "Scripted"  # type: ignore[assignment]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        """A search: what it asks for is noted, the file of its path is the answer."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.server.seen.bodies.append(body)
        self._answer()

    def _answer(self) -> None:
        self.path, _, query = self.path.partition("?")
        fault = self.server.note(self.command, unquote(self.path), self.headers.get("Range", ""), query)
        (fault or Answer.plainly)(self)

    def file(self) -> bytes | None:
        path = self.server.folder / unquote(self.path).lstrip("/")
        if path.is_dir() and self.path.endswith("/"):  # an index page, as many servers make them
            names = sorted(child.name + "/" * child.is_dir() for child in path.iterdir())
            rows = (f'<a href="{quote(name)}">{escape(name)}</a><br>' for name in ("../", *names))
            return f"<html><body>{''.join(rows)}<a href='?C=M;O=A'>time</a></body></html>".encode()
        return path.read_bytes() if path.is_file() else None

    def plainly(self, ranges: bool = True, headers: dict[str, str] | None = None) -> None:
        data = self.file()
        if data is None:
            self.status(404)
            return
        start, stop = self.wanted(len(data)) if ranges else (0, len(data))
        if start >= len(data):
            self.status(416)
            return
        self.head(200 if (start, stop) == (0, len(data)) else 206, stop - start, start, len(data), headers or {})
        self.body(data[start:stop])

    def wanted(self, size: int) -> tuple[int, int]:
        text = self.headers.get("Range", "bytes=0-").removeprefix("bytes=")
        first, _, last = text.partition("-")
        return int(first), min(size, int(last) + 1) if last else size

    def head(self, status: int, length: int, start: int, total: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        path = self.server.folder / unquote(self.path).lstrip("/")
        self.send_header("Last-Modified", email.utils.formatdate(path.stat().st_mtime, usegmt=True))
        self.send_header("Content-Length", str(length))
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{start + length - 1}/{total}")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def body(self, data: bytes) -> None:
        if self.command != "HEAD":
            self.wfile.write(data)

    def status(self, status: int, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": "0", **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@dataclass
class Seen:
    """What the server was asked for."""

    requests: list[tuple[str, str, str]] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    held: int = 0
    most_held: int = 0


class Scripted(ThreadingHTTPServer):
    """Serves `folder` on a port of its own. `script` holds faults by "GET /path", each used once, in order."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.folder = folder
        self.script: dict[str, list[Fault]] = {}
        self.seen = Seen()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def note(self, method: str, path: str, wanted: str, query: str = "") -> Fault | None:
        with self._lock:
            self.seen.requests.append((method, path, wanted))
            self.seen.queries.append(query)
            faults = self.script.get(f"{method} {path}", [])
            return faults.pop(0) if faults else None

    def hold(self, seconds: float) -> None:
        """Wait, counting who else waits. Over before a byte is sent, so a client's next request cannot overlap it."""
        with self._lock:
            self.seen.held += 1
            self.seen.most_held = max(self.seen.most_held, self.seen.held)
        time.sleep(seconds)
        with self._lock:
            self.seen.held -= 1

    def ranges(self, path: str) -> list[str]:
        """The ranges asked of a path, in order; "" for a whole file."""
        return [wanted for method, asked, wanted in self.seen.requests if (method, asked) == ("GET", path)]

    def counts(self) -> Counter[str]:
        return Counter(method for method, _, _ in self.seen.requests)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()


# --- faults -----------------------------------------------------------------------------------------------------------


def part_then(end: Callable[[Answer], None], share: float = 0.5) -> Fault:
    """Promise all, send a share of it, then do something."""

    def fault(answer: Answer) -> None:
        data = answer.file() or b""
        start, stop = answer.wanted(len(data))
        answer.head(200 if (start, stop) == (0, len(data)) else 206, stop - start, start, len(data), {})
        answer.body(data[start : start + int((stop - start) * share)])
        answer.wfile.flush()
        end(answer)
        answer.close_connection = True

    return fault


def reset(answer: Answer) -> None:
    """Close with a reset instead of a farewell."""
    import socket
    import struct

    answer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    answer.connection.close()


def hang_up(answer: Answer) -> None:
    """Just close."""


def stall(seconds: float) -> Callable[[Answer], None]:
    return lambda answer: time.sleep(seconds)


def held(seconds: float) -> Fault:
    """Serve plainly, after a while."""

    def fault(answer: Answer) -> None:
        answer.server.hold(seconds)
        answer.plainly()

    return fault


def busy(status: int, **headers: str) -> Fault:
    return lambda answer: answer.status(status, {key.replace("_", "-"): value for key, value in headers.items()})


def redirect(to: str) -> Fault:
    return lambda answer: answer.status(302, {"Location": to})


def says(**headers: str) -> Fault:
    """Serve plainly, with further headers."""
    return lambda answer: answer.plainly(headers={key.replace("_", "-"): value for key, value in headers.items()})


def without_ranges(answer: Answer) -> None:
    answer.plainly(ranges=False)


def lies(more: int) -> Fault:
    """Say a length that is too great by so many bytes, then close."""

    def fault(answer: Answer) -> None:
        data = answer.file() or b""
        answer.head(200, len(data) + more, 0, len(data), {})
        answer.body(data)
        answer.close_connection = True

    return fault


def page(answer: Answer) -> None:
    """A page under status 200 instead of a file."""
    text = b"<html>no such tile</html>"
    answer.send_response(200)
    answer.send_header("Content-Length", str(len(text)))
    answer.end_headers()
    answer.body(text)
