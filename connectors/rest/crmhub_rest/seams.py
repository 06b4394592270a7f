"""What a description cannot say, said in Python: override one method.

A description names its class by ``seams: package.module:Class``; the package must be installed. Nothing is
run that a file alone could bring.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import cast

from crmhub.connector import FieldSpec, Native, Value
from crmhub.errors import ConfigError, ConnectorError
from crmhub.http import Response
from crmhub.powers import Changes
from crmhub_rest.language.paging import Place

__all__ = ["Seams", "seams_of"]


class Seams:
    """Every method does what the description says; a subclass changes the one that it must."""

    def body(self, object: str, role: str, body: Value) -> Value:  # noqa: ARG002 - for subclasses
        """What is sent, given what would be. ``role`` is the call's name in the description."""
        return body

    def rows(self, object: str, role: str, rows: Sequence[Value]) -> Sequence[Value]:  # noqa: ARG002
        """The raw records of a reply."""
        return rows

    def next_place(self, object: str, role: str, reply: Value, place: Place | None) -> Place | None:  # noqa: ARG002
        """Where the next page is, given what the description makes of it."""
        return place

    def decode(self, object: str, record: Native) -> Native:  # noqa: ARG002
        """The flat record."""
        return record

    def encode(self, object: str, fields: Native) -> Native:  # noqa: ARG002
        """The fields that are to be written."""
        return fields

    def describe(self, object: str, fields: Mapping[str, FieldSpec]) -> Mapping[str, FieldSpec]:  # noqa: ARG002
        """The object's fields."""
        return fields

    def error(self, response: Response) -> ConnectorError | None:  # noqa: ARG002
        """What a reply means, before the description is asked; ``None``: nothing special."""
        return None

    def messages(self, raw_body: bytes, headers: Mapping[str, str]) -> Sequence[Changes] | None:  # noqa: ARG002
        """What a message tells, its origin proved; ``None``: as the description says."""
        return None


def seams_of(name: str | None, title: str) -> Seams:
    """The seams that a description names. Raises ``ConfigError`` when they cannot be had."""
    if name is None:
        return Seams()
    module, _, attribute = name.partition(":")
    try:
        found = cast("object", getattr(import_module(module), attribute))
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{title}: seams {name!r} cannot be loaded: {error}") from None
    if not isinstance(found, type) or not issubclass(found, Seams):
        raise ConfigError(f"{title}: seams {name!r} is no subclass of crmhub_rest.Seams")
    return found()
