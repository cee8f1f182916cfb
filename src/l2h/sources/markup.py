"""XML from outside: without document types, and so without entities that could name other files or fill the memory."""

from pathlib import Path
from xml.etree import ElementTree

from l2h.core.errors import InputError

Element = ElementTree.Element
LONGEST = 32 << 20  # bytes


class _NoDoctype(ElementTree.TreeBuilder):
    """Entities, of this file or another, are declared in a document type: whatever has one is refused."""

    def doctype(self, *_: object) -> None:
        raise InputError("an XML file declares a document type", hint="Such files are not read: they can name others.")


def parse_xml(data: bytes, where: str) -> Element:
    """The root of an XML text; InputError where it is too long, malformed, or declares a document type."""
    if len(data) > LONGEST:
        raise InputError(
            "an XML file is too long", where=where, expected=f"at most {LONGEST} bytes", got=f"{len(data)}"
        )
    try:
        return ElementTree.fromstring(data, ElementTree.XMLParser(target=_NoDoctype()))
    except ElementTree.ParseError as error:
        raise InputError("an XML file is malformed", where=where, got=str(error)) from error
    except InputError as error:
        raise InputError(error.what, where=where, hint=error.hint) from None


def read_xml(path: Path) -> Element:
    """The root of an XML file, as `parse_xml`."""
    try:
        with path.open("rb") as stream:
            data = stream.read(LONGEST + 1)
    except OSError as error:
        raise InputError("a file cannot be read", where=str(path), got=error.strerror or str(error)) from error
    return parse_xml(data, str(path))


def local(element: Element) -> str:
    """An element's name without its namespace.

    >>> local(ElementTree.fromstring('<a:b xmlns:a="urn:x"/>'))
    'b'
    """
    return element.tag.rpartition("}")[2]


def children(element: Element, name: str) -> list[Element]:
    """The children of a name, whatever their namespace."""
    return [child for child in element if local(child) == name]


def text_of(element: Element, name: str, default: str = "") -> str:
    """The text of the first child of a name, stripped."""
    return next(((child.text or "").strip() for child in children(element, name)), default)
