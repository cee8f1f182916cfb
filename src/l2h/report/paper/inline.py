"""Words and their emphasis: nodes to the markup of a paragraph."""

import re
from xml.sax.saxutils import quoteattr

from l2h.report.paper.fonts import marked
from l2h.report.paper.markup import INLINE, Node, squeezed
from l2h.report.paper.styles import DIM, OWN

WRAP = {
    "b": ("<b>", "</b>"), "strong": ("<b>", "</b>"), "i": ("<i>", "</i>"), "em": ("<i>", "</i>"),
    "sub": ("<sub>", "</sub>"), "sup": ("<super>", "</super>"), "small": ('<font size="8">', "</font>"),
}  # fmt: skip
COLOUR = re.compile(r"background:\s*(#[0-9a-fA-F]{6})")
LINK = re.compile(r"(https?://|mailto:|#)")


def colour_of(node: Node) -> str | None:
    """The colour that a swatch's style names."""
    found = COLOUR.search(node.attributes.get("style", ""))
    return found[1] if found else None


def inline(children: list[Node | str], family: str = "text") -> str:
    """Markup of a run of words; blocks inside it become runs of their own, a space apart."""
    return "".join(_one(child, family) for child in children)


def _one(child: Node | str, family: str) -> str:
    if isinstance(child, str):
        return marked(squeezed(child), family)
    if child.tag == "br":
        return "<br/>"
    if "swatch" in child.classes:
        return _swatch(child)
    if child.tag == "code":
        return f'<font name="mono0" size="-1.6">{inline(child.children, "mono")}</font>'
    words = inline(child.children, family)
    if child.tag == "a":
        return _link(child, words)
    if "dim" in child.classes:
        return f'<font color="{DIM}">{words}</font>'
    before, after = WRAP.get(child.tag, ("", ""))
    return f"{before}{words}{after}" if child.tag in INLINE else f" {words} "


def _swatch(node: Node) -> str:
    colour = colour_of(node)
    return f'<font name="sans0" color="{colour}">■</font> ' if colour else '<font name="sans0">□</font> '


def _link(node: Node, words: str) -> str:
    target = node.attributes.get("href", "")
    if not LINK.match(target) or target.startswith("#"):
        return words  # inside the page, or a file beside it: paper cannot follow
    return f'<a href={quoteattr(target)} color="{OWN}">{words}</a>'
