"""The files below an address that ends in a slash, as a bucket or a server's index page lists them."""

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from urllib.parse import quote, unquote, urlencode, urljoin, urlsplit

from l2h.core.errors import InputError
from l2h.sources.markup import children, parse_xml, text_of
from l2h.sources.stores import bucket_url
from l2h.sources.veil import veiled

KIND = ".parquet"  # what is taken; markers and checksums beside it are not
MOST = 10_000  # files; more is not a data set but a bucket
DEEPEST = 6  # folders below a folder: `theme=…/type=…/`
Ask = Callable[[str], str]  # address → the document behind it


def list_folder(address: str, ask: Ask, endpoint: str | None) -> tuple[str, ...]:
    """The addresses of the GeoParquet files below a folder, in the order of their names, each once.

    ask      : reads a document; all its addresses are checked like any other
    endpoint : of `s3://` addresses, where that is not Amazon

    InputError where there is no such file, where there are too many, or where what comes is no listing.
    """
    found: dict[str, None] = {}
    files = _bucket(address, ask, endpoint) if address.startswith("s3://") else _index(address, ask)
    for file in files:
        found[file] = None
        if len(found) > MOST:
            raise InputError("a folder has too many files", where=veiled(address), expected=f"at most {MOST}")
    if not found:
        hint = "Is the folder's address right? It ends in a slash."
        raise InputError(f"no file {KIND} lies in a folder", where=veiled(address), hint=hint)
    return tuple(sorted(found))


def _bucket(address: str, ask: Ask, endpoint: str | None) -> Iterator[str]:
    """Pages of a bucket's list (Amazon S3, ListObjectsV2)."""
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    start = f"{bucket_url(bucket, None, endpoint)}?"
    words = {"list-type": "2", "prefix": prefix, "encoding-type": "url"}
    while True:
        page = parse_xml(ask(start + urlencode(words)).encode(), veiled(address))
        if not page.tag.endswith("ListBucketResult"):
            raise InputError("a bucket gives no list", where=veiled(address), got=page.tag)
        for row in children(page, "Contents"):
            key = text_of(row, "Key")
            key = unquote(key.replace("+", " ")) if text_of(page, "EncodingType") == "url" else key
            if key.startswith(prefix) and key.endswith(KIND):
                yield _plain(f"s3://{bucket}/{key}")
        token = text_of(page, "NextContinuationToken")
        if text_of(page, "IsTruncated") != "true" or not token:
            return
        words["continuation-token"] = token


def _plain(address: str) -> str:
    """The address itself; InputError for one with braces: a bucket must not name a variable of ours."""
    if re.search(r"[{}]", address):
        raise InputError("a bucket names a file with braces", got=address, hint="Name the files one by one.")
    return address


class Hrefs(HTMLParser):
    """The addresses that a page links to, as they stand."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


def _index(address: str, ask: Ask) -> Iterator[str]:
    """Index pages as servers make them, and those of the folders below; nothing above or elsewhere is followed.

    A query of the address goes with every page and file.
    """
    top, mark, query = address.partition("?")
    waiting, seen = [top], {top}
    while waiting:
        folder = waiting.pop()
        page = Hrefs()
        page.feed(ask(f"{folder}{mark}{query}"))
        for href in page.found:
            full = urlsplit(urljoin(folder, href))._replace(query="", fragment="").geturl()
            path = quote(unquote(full), safe=":/=[]")  # a page must not name a variable of ours
            deep = path.removeprefix(top).count("/")
            if not path.startswith(top) or path in seen or deep > DEEPEST:
                continue
            seen.add(path)
            if path.endswith("/"):
                waiting.append(path)
            elif path.endswith(KIND):
                yield f"{path}{mark}{query}"
