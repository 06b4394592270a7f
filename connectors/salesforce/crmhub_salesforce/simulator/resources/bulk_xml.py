"""The XML of Bulk API 1.0."""

from collections.abc import Iterable, Mapping
from xml.sax.saxutils import escape

NAMESPACE = "http://www.force.com/2009/06/asyncapi/dataload"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


def _inner(shown: Mapping[str, object]) -> str:
    parts = ((name, value) for name, value in shown.items() if value is not None)
    return "".join(f"<{name}>{escape(_text(value))}</{name}>" for name, value in parts)


def _text(value: object) -> str:
    text = str(value)
    return text.lower() if isinstance(value, bool) else text.replace(".000+0000", ".000Z")


def _outer(name: str, inner: str) -> bytes:
    return f'{_HEAD}<{name} xmlns="{NAMESPACE}">{inner}</{name}>'.encode()


def job_xml(shown: Mapping[str, object]) -> bytes:
    """A job."""
    return _outer("jobInfo", _inner(shown))


def batch_xml(shown: Mapping[str, object]) -> bytes:
    """A batch."""
    return _outer("batchInfo", _inner(shown))


def list_xml(name: str, each: str, items: Iterable[object]) -> bytes:
    """Several of one kind: texts, or objects."""
    parts = (
        _inner(item) if isinstance(item, Mapping) else escape(str(item))  # pyright: ignore[reportUnknownArgumentType]
        for item in items
    )
    return _outer(name, "".join(f"<{each}>{part}</{each}>" for part in parts))


def exception_xml(shown: Mapping[str, object]) -> bytes:
    """A refusal."""
    return _outer("error", _inner(shown))
