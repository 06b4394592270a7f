"""Cutting a SOQL statement into tokens, and errors that point at a place in it."""

import re
from dataclasses import dataclass
from typing import Literal, cast

from crmhub_salesforce.simulator.errors import ApiError

Kind = Literal["name", "string", "number", "date", "dateTime", "mark", "end"]

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<string>'(?:[^'\\]|\\.)*')
    |(?P<dateTime>\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2}))(?![\w.])
    |(?P<date>\d{4}-\d{2}-\d{2})(?![\w:.-])
    |(?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)(?![\w])
    |(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
    |(?P<mark><=|>=|!=|<>|[=<>(),:])""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE | re.ASCII,
)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
_REACH = 32


@dataclass(frozen=True)
class Token:
    """One token: its kind, its text and where it begins."""

    kind: Kind
    text: str
    pos: int

    @property
    def word(self) -> str:
        """A name in upper case (empty for anything else): keywords are recognised in any case."""
        return self.text.upper() if self.kind == "name" else ""


def error_at(text: str, pos: int, message: str, code: str = "MALFORMED_QUERY") -> ApiError:
    """An error in the query service's words: surroundings, a caret, row and column (from 1), the message."""
    start, end = max(pos - _REACH, 0), min(pos + _REACH, len(text))
    while start > 0 and not text[start - 1].isspace():
        start -= 1
    while end < len(text) and not text[end].isspace():
        end += 1
    row = text.count("\n", 0, pos) + 1
    column = pos - text.rfind("\n", 0, pos)
    shown = text[start:end].replace("\n", " ")
    caret = " " * (pos - start) + "^"
    return ApiError(code, f"\n{shown}\n{caret}\nERROR at Row:{row}:Column:{column}\n{message}")


def tokens(text: str) -> list[Token]:
    """All tokens, ended by one of kind `end`; raises ApiError at a character that begins none."""
    found: list[Token] = []
    pos = 0
    while pos < len(text):
        match = _TOKEN.match(text, pos)
        if match is None:
            raise _unreadable(text, pos)
        kind = match.lastgroup
        if kind == "string":
            _check_escapes(text, match.group(), pos)
        if kind != "space":
            found.append(Token(cast("Kind", kind), match.group(), pos))
        pos = match.end()
    found.append(Token("end", "<EOF>", len(text)))
    return found


def _unreadable(text: str, pos: int) -> ApiError:
    if text[pos] == "'":
        return error_at(text, pos, f"line 1:{len(text)} mismatched character '<EOF>' expecting '''")
    return error_at(text, pos, f"line 1:{pos} no viable alternative at character '{text[pos]}'")


def _check_escapes(text: str, source: str, pos: int) -> None:
    for match in _ESCAPE.finditer(source):
        if match[1][0] == "u" and len(match[1]) == 5:
            continue
        if match[1].lower() not in _ESCAPED and match[1] not in "_%":
            raise error_at(
                text, pos + match.start(), f"Illegal character sequence '{match[0]}' in string literal"
            )


def unescaped(source: str) -> str:
    r"""The text that a string literal (with its quotes) stands for; `\_` and `\%` keep their backslash
    outside LIKE.
    """

    def plain(match: re.Match[str]) -> str:
        mark = match[1]
        if len(mark) == 5:
            return chr(int(mark[1:], 16))
        return _ESCAPED.get(mark.lower(), match[0])

    return _ESCAPE.sub(plain, source[1:-1])


def like_pattern(source: str) -> re.Pattern[str]:
    r"""What LIKE looks for, from a string literal: `%` any text, `_` one character, `\%` and `\_`
    themselves.
    """
    parts: list[str] = []
    pos, body = 0, source[1:-1]
    while pos < len(body):
        match = _ESCAPE.match(body, pos)
        if match is not None:
            plain = match[1] if match[1] in "_%" else unescaped(f"'{match[0]}'")
            parts.append(re.escape(plain))
            pos = match.end()
            continue
        parts.append({"%": ".*", "_": "."}.get(body[pos]) or re.escape(body[pos]))
        pos += 1
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)
