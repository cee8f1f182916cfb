"""Addresses as they may be written: a key or a signature in one is never stored, shown or logged.

What is written is also what a file is known by, so it stays the same when a signature is renewed. Of a query, names
stay; values that are secrets by their name go, other values become a short digest, since any of them may be a key.
"""

import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, TypeVar
from urllib.parse import quote, unquote

from pydantic import PlainSerializer

from l2h.core.errors import L2HError, SettingsError
from l2h.core.files import sha256_bytes

LOGS = ("httpcore.http11", "httpcore.connection")
GONE = "~"  # in place of a secret; with eight digits of its digest in place of any other value
VARIABLE = re.compile(r"\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
STANDING = re.compile(r"(~([0-9a-f]{8})?|([^{}]?\{[^{}]*\})+|)")  # values that stand for others, or are none
SHEET = re.compile(r" .*rows \d+:\d+, columns \d+:\d+$")  # which of a service's tiles, behind their template
COMMON = re.compile(r"\d{1,4}|true|false")  # values that tell nobody anything
# names in lower case, of letters and digits alone
SECRETS = {"key", "sig", "sign", "tk", "ak", "sk", "sas", "pwd", "pass", "auth", "authkey", "jwt", "sid", "hmac"}
PARTS = (
    "token", "secret", "signature", "passw", "credential", "apikey", "accesskey", "accessid", "authoriz", "session",
    "subscriptionkey",
)  # fmt: skip
SIGNERS = ("xamz", "xgoog", "xoss", "xcos", "xobs", "qsign", "qak", "qkeytime", "qheaderlist", "qurlparam")
# what goes with a signature and changes with it (Amazon CloudFront; Azure, shared access signatures)
COMPANIONS = {
    "expires", "expiration", "exp", "policy", "keypairid", "se", "sp", "sv", "sr", "st", "spr", "sip", "si", "ss",
    "srt", "sdd", "skoid", "sktid", "skt", "ske", "sks", "skv",
}  # fmt: skip
# words of OGC services, which say what is asked for
WORDS = {
    "service", "request", "version", "layer", "layers", "style", "styles", "tilematrixset", "tilematrix", "tilerow",
    "tilecol", "format",
}  # fmt: skip
Error = TypeVar("Error", bound=L2HError)


def veiled(address: str) -> str:
    """An address as it may be written, and by which its file is known; any other text as it is.

    >>> veiled("https://a.example/m.tif?v=2&file=north.tif&X-Amz-Signature=c0ffee&key={env:KEY}")
    'https://a.example/m.tif?v=2&file=~119a5210&X-Amz-Signature=~&key={env:KEY}'
    >>> veiled("inputs/a?b.tif")
    'inputs/a?b.tif'
    """
    scheme, found, rest = address.partition("://")
    if not found:
        return address
    sheet = SHEET.search(rest)
    rest = rest[: sheet.start()] if sheet else rest
    rest = rest.partition("#")[0]
    place, mark, query = rest.partition("?")
    host, slash, path = place.partition("/")
    user, at, name = host.rpartition("@")
    host = f"{GONE}{at}{name}" if user else host
    return f"{scheme}://{host}{slash}{path}{mark}{_query(query)}{sheet[0] if sheet else ''}"


def veiled_text(text: str) -> str:
    """A text with every address in it as `veiled`, queries of relative ones too; behind a space, secrets by name."""
    text = re.sub(r"[A-Za-z][A-Za-z0-9]*://[^\s'\"<>]+", lambda found: veiled(found[0]), text)
    text = re.sub(r"(?<=[^\s?])\?([^\s'\"<>?]*=[^\s'\"<>]*)", lambda found: f"?{_query(found[1])}", text)
    return re.sub(r"(?<=&)([^\s&=]+)=([^\s&'\"<>]*)", lambda found: f"{found[1]}={_secret_gone(*found.groups())}", text)


def is_veiled(address: str) -> bool:
    """Whether something of an address was left out, so that nobody can follow it.

    >>> is_veiled("https://a.example/m.tif?v=2"), is_veiled("https://a.example/m.tif?sig=~")
    (False, True)
    """
    query = address.partition("?")[2]
    return any(pair.rpartition("=")[2].startswith(GONE) for pair in query.split("&"))


def has_secret(address: str) -> bool:
    """Whether an address itself holds a secret, as its names tell, and no `{env:…}` or `{key}` in its place."""
    pairs = [pair.partition("=") for pair in address.partition("?")[2].split("&")]
    return "://" in address and any(_is_secret(name) and not STANDING.fullmatch(value) for name, _, value in pairs)


def check_host(address: str) -> None:
    """ValueError for an address whose host is not to be read in it: a key goes to a host that everyone can see."""
    if address.startswith("s3://") and VARIABLE.search(address):
        raise ValueError("an s3:// address names an environment variable: buckets are read without a key")
    if "{env:" in address.partition("://")[2].partition("/")[0]:
        raise ValueError("an address hides its host: {env:NAME} stands in a path or a query")


Address = Annotated[str, PlainSerializer(veiled, return_type=str, when_used="json")]  # a setting that may be an address


def _query(query: str) -> str:
    pairs = [pair.partition("=") for pair in query.split("&")]
    signed = any(_is_secret(name) for name, found, _ in pairs if found)
    return "&".join(
        f"{name}{found}{_value(name, value, signed)}" if found else _value("", name, signed)
        for name, found, value in pairs
    )


def _value(name: str, value: str, signed: bool) -> str:
    if STANDING.fullmatch(value):
        return value
    if _is_secret(name) or (signed and _plain(name) in COMPANIONS):
        return GONE
    if COMMON.fullmatch(value) or _plain(name) in WORDS:
        return value
    return GONE + sha256_bytes(value.encode())[:8]


def _secret_gone(name: str, value: str) -> str:
    return GONE if _is_secret(name) and not STANDING.fullmatch(value) else value


def _plain(name: str) -> str:
    return re.sub("[^a-z0-9]", "", unquote(name).lower())


def _is_secret(name: str) -> bool:
    plain = _plain(name)
    return plain in SECRETS or plain.startswith(SIGNERS) or any(part in plain for part in PARTS)


class Veil:
    """Secrets that addresses carry, each with the word that stands for it; it keeps them out of errors and logs.

    >>> Veil({"b/c": "{key}"}).hide("https://a.example/b%2Fc/1.png")
    'https://a.example/{key}/1.png'
    """

    def __init__(self, words: Mapping[str, str] | None = None) -> None:
        self._words = {secret: word for secret, word in (words or {}).items() if secret}

    def lift(self, address: str) -> str:
        """An address of the user's with what `{env:NAME}` stands for; SettingsError where that is not set.

        As the value of a name, or in a path, it is written as addresses write it; as a whole query, as it is.
        """
        try:
            check_host(address)
        except ValueError as error:
            raise SettingsError(str(error), where=veiled(address)) from None

        def value(found: re.Match[str]) -> str:
            secret = os.environ.get(found[1], "").strip()
            if not secret:
                hint = f"Set the environment variable {found[1]}."
                raise SettingsError("an address needs its key", where=veiled(address), hint=hint)
            self._words = {**self._words, secret: found[0]}  # others may be reading it at the same time
            return secret if address[found.start() - 1] in "?&" else quote(secret, safe="")

        return VARIABLE.sub(value, address)

    def hide(self, text: str) -> str:
        """A text without the secrets, plain or as addresses write them, and its addresses as they may be shown."""
        return veiled_text(self.unword(text))

    def unword(self, text: str) -> str:
        """A text with the words in place of their secrets, plain or as addresses write them: what can be asked for."""
        found = {form: word for key, word in self._words.items() for form in (key, quote(key, safe=""), quote(key))}
        for secret in sorted(found, key=len, reverse=True):
            text = text.replace(secret, found[secret])
        return text

    def clean(self, error: Error) -> Error:
        """An error without the secrets; itself where it has none."""
        parts = ("what", "where", "expected", "got", "hint")
        words = {part: self.hide(str(getattr(error, part))) for part in parts}
        if all(words[part] == getattr(error, part) for part in parts):
            return error
        other = type(error)(words.pop("what"), **words)
        other.__dict__ |= {name: value for name, value in vars(error).items() if name not in parts}
        return other

    @contextmanager
    def drawn(self) -> Iterator[None]:
        """Errors of ours leave it without the secrets, and without their cause, which may name them as well."""
        try:
            yield
        except L2HError as error:
            if (clean := self.clean(error)) is error:
                raise
            raise clean from None


class LogVeil(logging.Filter):
    """Keeps secrets out of what the library logs of answers' headers, of which one may lead to an address with them."""

    def __init__(self, veil: Veil) -> None:
        super().__init__()
        self._veil = veil

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self._veil.hide(record.getMessage()), ()
        return True

    def begin(self) -> None:
        """Stand before the library's logs."""
        for name in LOGS:
            logging.getLogger(name).addFilter(self)

    def end(self) -> None:
        """Stand aside."""
        for name in LOGS:
            logging.getLogger(name).removeFilter(self)
