"""The server of the interpretation page: routes, guards, limits. Standard library only (docs/decisions/0008)."""

import json
import re
import traceback
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from socket import AF_INET, AF_INET6, gethostname
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import click
from pydantic import ValidationError

from l2h.core.errors import InputError, L2HError, StorageError, UsageError
from l2h.viewer.desk import Desk, Given, TakeBack, Wish
from l2h.viewer.guards import LOOPBACK_NAMES, host_is_ours, is_loopback, same_origin, same_token, token_given

MAX_BODY = 65536
IDLE_S = 60.0  # a connection that says nothing this long is closed
PAGES = {
    "/": ("interpret.html", "text/html"),
    "/agreement": ("agreement.html", "text/html"),
    "/static/interpret.css": ("interpret.css", "text/css"),
    "/static/interpret.js": ("interpret.js", "text/javascript"),
    "/static/agreement.js": ("agreement.js", "text/javascript"),
    "/static/talk.js": ("talk.js", "text/javascript"),
}
PICTURE = re.compile(r"/picture/([1-9][0-9]{0,8})/([0-9])")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class DeskServer(ThreadingHTTPServer):
    """Serves one desk. `url` is where a browser finds it, with the token where one is asked for."""

    daemon_threads = True

    def __init__(self, desk: Desk, host: str, port: int, token: str = "") -> None:
        if not token and not is_loopback(host):
            raise UsageError("a server that others can reach needs a token", got=host, hint="Give --token.")
        self.desk, self.token = desk, token
        self.address_family = AF_INET6 if ":" in host else AF_INET
        self.any_address = not is_loopback(host)
        self.names = frozenset({*LOOPBACK_NAMES, host.lower()})
        if self.any_address:
            self.names |= {gethostname().lower()}
        folder = files("l2h.viewer") / "static"
        self.pages = {path: ((folder / name).read_bytes(), kind) for path, (name, kind) in PAGES.items()}
        try:
            super().__init__((host, port), DeskHandler)
        except OSError as error:
            raise UsageError(
                "cannot listen here", where=f"{host}, port {port}", got=error.strerror or str(error),
                hint="Another server may be running: choose another --port.",
            ) from error  # fmt: skip

    def server_bind(self) -> None:
        """Bind without asking a name server for our own name, as the library would."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    @property
    def url(self) -> str:
        host = str(self.server_address[0])
        host = gethostname() if host in ("0.0.0.0", "::") else host  # those mean every address of this machine
        name = f"[{host}]" if ":" in host else host
        return f"http://{name}:{self.server_port}/" + (f"?token={self.token}" if self.token else "")

    @property
    def cookie(self) -> str:
        """Cookies know no ports: each server's has a name of its own."""
        return f"l2h_{self.server_port}"


class DeskHandler(BaseHTTPRequestHandler):
    """One connection."""

    server: DeskServer
    server_version, sys_version = "l2h", ""
    protocol_version = "HTTP/1.1"
    timeout = IDLE_S

    def do_GET(self) -> None:
        self._guarded(self._get)

    def do_POST(self) -> None:
        self._guarded(self._post)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing of each request: people work here for hours."""

    def _guarded(self, act: Callable[[str, dict[str, str]], None]) -> None:
        """Answer a request: refuse what may not ask, turn our errors into sentences, report the unforeseen."""
        parts = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        try:
            if not self._refused(parts.path, query):
                act(parts.path, query)
        except StorageError as error:
            self._tell({"error": str(error)}, HTTPStatus.INSUFFICIENT_STORAGE)
        except (L2HError, ValidationError) as error:
            self._tell({"error": _sentence(error)}, HTTPStatus.BAD_REQUEST)
        except (ConnectionError, TimeoutError):
            self.close_connection = True  # the browser has gone: nobody is left to be answered
        except Exception:
            click.echo(traceback.format_exc(), err=True)
            self._tell({"error": "The server met an error; see its terminal."}, HTTPStatus.INTERNAL_SERVER_ERROR)

    def _refused(self, path: str, query: dict[str, str]) -> bool:
        """Whether a request was turned away, and answered so."""
        server = self.server
        if not host_is_ours(self.headers.get("Host") or "", server.server_port, server.names, server.any_address):
            self._tell({"error": "This server does not answer to that name."}, HTTPStatus.MISDIRECTED_REQUEST)
            return True
        if not server.token:
            return False
        if path == "/" and same_token(query.get("token", ""), server.token):
            self._enter()
            return True
        headers = {name: self.headers.get(name) or "" for name in ("Authorization", "Cookie")}
        if same_token(token_given(headers, server.cookie), server.token):
            return False
        self._tell({"error": "Open the address with its token, as the server printed it."}, HTTPStatus.UNAUTHORIZED)
        return True

    def _enter(self) -> None:
        """Keep the token in a cookie that scripts cannot read, and take it out of the address bar."""
        cookie = f"{self.server.cookie}={self.server.token}; HttpOnly; SameSite=Strict; Path=/"
        self._send(b"", "text/plain", HTTPStatus.SEE_OTHER, {"Location": "/", "Set-Cookie": cookie})

    def _get(self, path: str, query: dict[str, str]) -> None:
        picture = PICTURE.fullmatch(path)
        if path in self.server.pages:
            body, kind = self.server.pages[path]
            self._send(body, f"{kind}; charset=utf-8")
        elif picture:
            body = self.server.desk.picture(int(picture[1]), int(picture[2]), _number(query.get("scene")))
            self._send(body, "image/png", extra={"Cache-Control": "private, max-age=3600"})
        elif path == "/api/setup":
            self._tell(self.server.desk.setup())
        elif path == "/api/agreement":
            self._tell(self.server.desk.agreement())
        else:
            self._tell({"error": "There is nothing here."}, HTTPStatus.NOT_FOUND)

    def _post(self, path: str, query: dict[str, str]) -> None:
        body = self._body()
        if body is None:
            return
        desk = self.server.desk
        if path == "/api/point":
            self._tell(desk.point(Wish.model_validate(body)))
        elif path == "/api/answer":
            self._tell(desk.answer(Given.model_validate(body)))
        elif path == "/api/undo":
            self._tell(desk.undo(TakeBack.model_validate(body)))
        elif path == "/api/export":
            self._tell(desk.export())
        else:
            self._tell({"error": "There is nothing here."}, HTTPStatus.NOT_FOUND)

    def _body(self) -> Any:
        """The JSON of a request from a page of ours; None where it was refused, and answered so."""
        if not same_origin({name: self.headers.get(name) or "" for name in ("Origin", "Host", "Sec-Fetch-Site")}):
            return self._refuse("Only pages of this server may write.", HTTPStatus.FORBIDDEN)
        if self.headers.get_content_type() != "application/json":
            return self._refuse("Send JSON.", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        length = self.headers.get("Content-Length") or ""
        if not length.isdigit():
            return self._refuse("State the length of what you send.", HTTPStatus.LENGTH_REQUIRED)
        if int(length) > MAX_BODY:
            return self._refuse("That is too long.", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        try:
            return json.loads(self.rfile.read(int(length)))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise InputError("this is not JSON", got=str(error)) from error

    def _refuse(self, why: str, status: HTTPStatus) -> None:
        self.close_connection = True  # its body was not read
        self._tell({"error": why}, status)

    def _tell(self, value: Any, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(json.dumps(value, ensure_ascii=False).encode(), "application/json; charset=utf-8", status)

    def _send(
        self, body: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK, extra: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        headers = {**HEADERS, "Cache-Control": "no-store", "Content-Type": kind, "Content-Length": str(len(body))}
        for name, value in (headers | (extra or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _sentence(error: L2HError | ValidationError) -> str:
    if isinstance(error, L2HError):
        return str(error)
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise InputError("this is no number", got=repr(text[:20]))
    return int(text)
