"""HTML to a tree of nodes. Only the tags that can be printed pass; another is named with its line, never dropped."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

from l2h.core.errors import InputError

_THOUSANDS = re.compile(r"(?<=\d) (?=\d{3}(?!\d))")

VOID = {"br", "img", "hr", "meta"}
INLINE = {"a", "abbr", "b", "br", "code", "em", "i", "small", "span", "strong", "sub", "sup"}
BLOCKS = {
    "h1", "h2", "h3", "h4", "p", "ul", "ol", "li", "dl", "dt", "dd", "pre", "figure", "figcaption", "img", "hr",
    "table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td",
}  # fmt: skip
GROUPS = {"html", "body", "header", "main", "section", "article", "div", "footer"}
UNSEEN = {"head", "title", "style", "meta", "nav"}  # of the screen; their content is passed over
KNOWN = INLINE | BLOCKS | GROUPS | UNSEEN


def squeezed(text: str) -> str:
    """Spaces as a browser shows them: runs become one; those that do not break stay, and numbers do not break.

    >>> squeezed("of  1 234 567")
    'of 1\\xa0234\\xa0567'
    """
    return _THOUSANDS.sub("\xa0", re.sub(r"[ \t\r\n\f]+", " ", text))


@dataclass
class Node:
    """An element: its tag, attributes, the line it starts in, and what it holds."""

    tag: str
    attributes: dict[str, str]
    line: int
    children: list["Node | str"] = field(default_factory=list)

    @property
    def classes(self) -> frozenset[str]:
        return frozenset(self.attributes.get("class", "").split())

    def nodes(self, *tags: str) -> Iterator["Node"]:
        """Children with one of these tags."""
        return (child for child in self.children if isinstance(child, Node) and child.tag in tags)

    def text(self) -> str:
        """All words below, spaces as a browser shows them."""
        parts = (child if isinstance(child, str) else child.text() for child in self.children)
        return squeezed("".join(parts)).strip(" ")


def parse(html: str) -> Node:
    """The tree below a root node. Elements of class "web" are left out.

    InputError for a tag that cannot be printed, and for one that is closed out of order.
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    if len(reader.open) > 1:
        raise _fault(f"<{reader.open[-1].tag}> is never closed", reader.open[-1].line)
    return reader.open[0]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Node("", {}, 0)]
        self._hidden = 0  # depth below an element that is not printed

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        line, attributes = self.getpos()[0], {name: value or "" for name, value in attrs}
        node = Node(tag, attributes, line)
        if self._hidden or tag in UNSEEN or "web" in node.classes:
            self._hidden += tag not in VOID
            return
        if tag not in KNOWN:
            raise _fault(f"<{tag}> cannot be printed", line)
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if self._hidden:
            self._hidden -= 1
            return
        if len(self.open) == 1 or self.open[-1].tag != tag:
            inside = f"inside <{self.open[-1].tag}>" if len(self.open) > 1 else "but nothing is open"
            raise _fault(f"</{tag}> is closed {inside}", self.getpos()[0])
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.open[-1].children.append(data)


def _fault(what: str, line: int) -> InputError:
    shown = ", ".join(sorted(INLINE | BLOCKS | GROUPS))
    return InputError(
        what, where=f"line {line} of the page", expected=f"one of {shown}",
        hint='Give what is for the screen only the class "web".',
    )  # fmt: skip
