"""URL paths that a value can never leave.

A record id comes from outside: another CRM, a file, a person. Put into a path carelessly it could
name another record, another endpoint or another host. :func:`path` fills a template so that each
value stays one segment; :func:`checked_path` is the client's own second look.
"""

from __future__ import annotations

import re
import string
from collections.abc import Collection
from urllib.parse import quote as percent_encode
from urllib.parse import unquote, urlsplit

from crmhub.errors import BadRequest

__all__ = ["absolute", "base_origin", "checked_path", "origin", "path", "quote"]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DOTS = re.compile(r"\.+")
_PATH = re.compile(r"/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*")  # RFC 3986, section 3.3
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Z0-9._-]+|\[[0-9A-F:.]+\])(?::(?P<port>\d{1,5}))?"
    r"(?:[/?][!-\[\]-~]*)?",  # printable ASCII without space and backslash
    re.IGNORECASE | re.ASCII,
)
_DEFAULT_PORTS = {"https": 443, "http": 80}


def quote(value: str | int, *, name: str = "value") -> str:
    """``value`` as one path segment, percent-encoded (RFC 3986).

    Raises :class:`~crmhub.errors.BadRequest` for what cannot safely be one: empty, only dots, a
    slash or backslash (many servers decode ``%2F`` before they route), a control character, half a
    surrogate pair. The message names ``name``, never the value.
    """
    text = str(value)
    if problem := _problem(text):
        raise BadRequest(f"{name} cannot be part of a URL: {problem}", hint=f"give a plain {name}")
    return percent_encode(text, safe="")


def path(template: str, **values: str | int) -> str:
    """``template`` with each ``{name}`` filled by that value as one segment.

    ``path("/crm/v8/{module}/{id}", module="Leads", id="42")`` is ``/crm/v8/Leads/42``. Raises as
    :func:`quote` does, and ``KeyError`` for a name that has no value.
    """
    return string.Formatter().vformat(
        template, (), {name: quote(value, name=name) for name, value in values.items()}
    )


def checked_path(target: str, bases: Collection[str]) -> tuple[str, str]:
    """Path and query of ``target``: a path, or an absolute URL below one of the base URLs.

    Absolute URLs are the "next page" links that a CRM hands out; only they may hold a query. Raises
    :class:`~crmhub.errors.BadRequest` for another host and for a path that could be read in two ways.
    """
    query = ""
    if not target.startswith("/") and "://" in target:
        target, query = _below(target, bases)
    if not _PATH.fullmatch(target) or "//" in target or _climbs(target):
        raise BadRequest(
            "refused a path that is not a plain absolute path",
            hint="build it with crmhub.http.path() and give the query as params",
        )
    return target, query


def absolute(link: str, bases: Collection[str]) -> str:
    """A link that a reply has, as an absolute URL for :func:`checked_path`.

    A path from the root is one of a base URL's own origin (RFC 3986, section 4.2). Raises
    :class:`~crmhub.errors.BadRequest` for what is neither, and for a path that is not below a base URL's.
    """
    if not link.startswith("/") and "://" in link.partition("?")[0]:
        return link
    if not link.startswith("/") or link.startswith("//"):
        raise BadRequest(
            "a link in the reply is neither a URL (https://…) nor a path from the root (/…)",
            hint="if it is a token and no link, it has to be sent back as a parameter",
        )
    for base in sorted(bases, key=len, reverse=True):
        parts = urlsplit(base)
        if link.startswith(parts.path.rstrip("/") + "/"):
            return f"{parts.scheme}://{parts.netloc}{link}"
    raise BadRequest(
        "refused to call a path outside of the connection's own base URL",
        hint="the reply's link begins at the root (/…), and not with the path that the base URL has",
    )


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of an absolute http(s) URL in ASCII without user or password.

    Raises :class:`~crmhub.errors.BadRequest` for anything else.
    """
    parts = _URL.fullmatch(url)
    if parts is None or int(parts["port"] or 0) > 65_535:
        raise BadRequest("a URL must be http(s)://host[:port][/path], in ASCII, without user and password")
    scheme = parts["scheme"].lower()
    port = int(parts["port"]) if parts["port"] else _DEFAULT_PORTS[scheme]
    return scheme, parts["host"].lower().rstrip("."), port


def base_origin(url: str) -> tuple[str, str, int]:
    """The origin of a URL that paths are put behind: without query and fragment; raises ``BadRequest``."""
    if "?" in url or "#" in url:
        raise BadRequest("a base URL has neither query nor fragment")
    return origin(url)


def _below(link: str, bases: Collection[str]) -> tuple[str, str]:
    """Path behind the base URL, and query, of a link that leads below one of the base URLs."""
    place = origin(link)
    rest = "/" + link.partition("://")[2].partition("/")[2]
    whole_path, _, query = rest.partition("?")
    for base in sorted(bases, key=len, reverse=True):
        prefix = urlsplit(base).path.rstrip("/")
        if origin(base) == place and whole_path.startswith(prefix + "/") and "#" not in query:
            return whole_path.removeprefix(prefix), query
    raise BadRequest("refused to call a URL outside of the connection's own base URL")


def _problem(text: str) -> str:
    if not text:
        return "it is empty"
    if _DOTS.fullmatch(text):
        return "it is only dots"
    if "/" in text or "\\" in text:
        return "it holds a slash"
    if _CONTROL.search(text):
        return "it holds a control character"
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        return "it is not Unicode text"
    return ""


def _climbs(target: str) -> bool:
    segments = target.split("/")[1:]
    if "%" in target:
        segments = [unquote(segment) for segment in segments]
    return any(
        segment in {".", ".."} or "/" in segment or "\\" in segment or _CONTROL.search(segment)
        for segment in segments
    )
