"""The text of an HTML field. Read only: there is no way back to the markup."""

from __future__ import annotations

import re
from html import unescape

from crmhub.mapping.codecs.base import Codec, CodecError, Factory, Kind, Parameters
from crmhub.mapping.codecs.parameters import no_parameters
from crmhub.native import Value
from crmhub.schema import FieldType

__all__ = ["MARKUP"]

_LINE_ENDS = frozenset(
    {"br", "p", "div", "li", "tr", "table", "ul", "ol", "blockquote", "pre", "hr"}
    | {f"h{level}" for level in range(1, 7)}
)
_SILENT = frozenset({"script", "style"})
_ATTRIBUTE_OR_END = re.compile(r"""=\s*(?:"[^"]*"|'[^']*')|>""")


class HtmlTextCodec:
    """HTML to text: tags dropped, blocks on lines of their own, entities read, scripts left out."""

    gives: frozenset[Kind] = frozenset({"text"})
    takes: frozenset[FieldType] | None = frozenset({"html", "text", "computed"})
    encodes: bool = False
    lossy: bool = True

    def decode(self, value: Value) -> str | None:
        """The text; ``None`` if none is left."""
        if not isinstance(value, str):
            raise CodecError("needs a text")
        if "<" in value:
            value = "".join(_pieces(value))
        lines = (" ".join(line.split()) for line in unescape(value).splitlines())
        return "\n".join(line for line in lines if line) or None

    def encode(self, value: object) -> Value:  # noqa: ARG002 - there is no way back
        """Always raises :class:`CodecError`."""
        raise CodecError("html_text: read only; say dir: read")


def _pieces(html: str) -> list[str]:
    """The texts between the tags. Every step looks only ahead, so the time is linear in the length."""
    pieces: list[str] = []
    here = 0
    last = html.rfind(">")
    while (start := html.find("<", here)) >= 0:
        pieces.append(html[here:start])
        if start > last:  # no tag ends after this: the rest is text
            here = start
            break
        following = html[start + 1]
        if not (following.isalpha() or following in "/!?"):  # a bare less-than sign
            pieces.append("<")
            here = start + 1
            continue
        here, name = _tag(html, start)
        if name in _LINE_ENDS:
            pieces.append("\n")
        elif name in _SILENT:
            here = _after_silent(html, here, name)
    pieces.append(html[here:])
    return pieces


def _tag(html: str, start: int) -> tuple[int, str]:
    """Where the tag at ``start`` ends, and its name without the slash, in lower case."""
    if html.startswith("<!--", start):
        end = html.find("-->", start + 4)
        return (end + 3 if end >= 0 else len(html)), ""
    end = _tag_end(html, start)
    words = html[start + 1 : end].lstrip("/").split(None, 1)
    return end + 1, words[0].rstrip("/").lower() if words else ""


def _tag_end(html: str, start: int) -> int:
    """The tag's closing bracket: the first that is not inside a quoted attribute."""
    here = start
    while found := _ATTRIBUTE_OR_END.search(html, here):
        if found[0] == ">":
            return found.start()
        here = found.end()
    return html.rfind(">", start)  # an attribute swallowed it: the last one is the best guess


def _after_silent(html: str, here: int, name: str) -> int:
    """Where the text goes on after a script or style: behind its closing tag, else at the end."""
    closing = here
    while (closing := html.find("</", closing)) >= 0:
        if html[closing + 2 : closing + 2 + len(name)].lower() == name:
            end = html.find(">", closing)
            return end + 1 if end >= 0 else len(html)
        closing += 2
    return len(html)


def _html_text(parameters: Parameters) -> Codec:
    no_parameters("html_text", parameters)
    return HtmlTextCodec()


MARKUP: dict[str, Factory] = {"html_text": _html_text}
"""``html_text``: for rich-text fields that are only read."""
