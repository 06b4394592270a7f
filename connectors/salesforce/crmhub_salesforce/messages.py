"""Change-data-capture messages that a relay delivers over HTTP: which records to read again.

Salesforce itself sends no messages to a URL: change events come by its Pub/Sub API or CometD, and whatever
listens there (the relay) posts each of them, decoded to JSON, with a secret that both know. A delivery is one
event or a list of them; the header of an event stands at its root, in ``payload`` or in ``data.payload``.

Sources: Change Data Capture Developer Guide, "ChangeEventHeader Fields", "Gap Events", "Overflow Events"
(no record data; ``GAP_OVERFLOW`` names no records); "recordIds" (``001*``: all records of the object).
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256

import msgspec

from crmhub.connector import Native, Value
from crmhub.errors import AuthError, BadResponse, ConfigError, Where
from crmhub.powers import Changes
from crmhub_salesforce.config import SalesforceConfig
from crmhub_salesforce.ids import full_id

__all__ = ["Messages", "client_of"]

_CHANGED = frozenset({"CREATE", "UPDATE", "UNDELETE", "GAP_CREATE", "GAP_UPDATE", "GAP_UNDELETE"})
_DELETED = frozenset({"DELETE", "GAP_DELETE"})
_GAP = "GAP_OVERFLOW"
_ALL = re.compile(r"[A-Za-z0-9]{3}\*")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
_HEADER = "ChangeEventHeader"


def client_of(connection: str) -> str:
    """The name by which Salesforce tells the connection's own writes from others' (``changeOrigin``)."""
    return f"crmhub-{sha256(connection.encode(errors='replace')).hexdigest()[:12]}"


class Messages:
    """The messages of one connection's relay."""

    def __init__(self, config: SalesforceConfig, connection: str) -> None:
        self._secret = config.relay_secret
        self._connection = connection
        self._own = f";client={client_of(connection)}"

    def parse(self, raw_body: bytes, headers: Mapping[str, str]) -> Sequence[Changes]:
        """What a delivery tells, without echoes of the connection's own writes.

        See :meth:`crmhub.powers.SupportsMessages.parse_webhook`.
        """
        self._prove(headers)
        try:
            body: Value = msgspec.json.decode(raw_body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise self._odd("JSON") from None
        events = body if isinstance(body, list) else [body]
        told = [self._told(event) for event in events]
        return [changes for changes in told if changes is not None]

    def _prove(self, headers: Mapping[str, str]) -> None:
        if self._secret is None:
            raise ConfigError(
                "messages are believed only with a secret that the relay knows",
                hint="set relay_secret, and have the relay send it as 'Authorization: Bearer SECRET'",
                where=Where(connection=self._connection),
            )
        given = next((value for name, value in headers.items() if name.lower() == "authorization"), "")
        wanted = f"Bearer {self._secret.get_secret_value()}"
        if not hmac.compare_digest(given.encode(errors="replace"), wanted.encode(errors="replace")):
            raise AuthError(
                "a message came without the relay's secret",
                hint="answer it with 401; the relay sends 'Authorization: Bearer SECRET'",
                where=Where(connection=self._connection),
            )

    def _told(self, event: Value) -> Changes | None:
        """What one event tells; ``None``: the connection itself did it."""
        header = _header_of(event)
        if header is None:
            raise self._odd(_HEADER)
        name, kind, ids = header.get("entityName"), header.get("changeType"), header.get("recordIds")
        if not isinstance(name, str) or _NAME.fullmatch(name) is None:
            raise self._odd("entityName")
        origin = header.get("changeOrigin")
        if isinstance(origin, str) and origin.endswith(self._own):
            return None
        if kind == _GAP:
            return Changes(name, gap=True)
        if not isinstance(kind, str) or kind not in _CHANGED | _DELETED:
            raise self._odd("changeType")
        if not isinstance(ids, list) or not ids:
            raise self._odd("recordIds")
        named = [one for one in ids if isinstance(one, str)]
        if any(_ALL.fullmatch(one) for one in named):
            return Changes(name, gap=True)
        known = [full for one in named if (full := full_id(one)) is not None]
        if len(known) != len(ids):
            raise self._odd("recordIds")
        found = tuple(dict.fromkeys(known))
        return Changes(name, deleted=found) if kind in _DELETED else Changes(name, changed=found)

    def _odd(self, field: str) -> BadResponse:
        return BadResponse(
            f"a message of the relay came without usable {field}",
            hint="answer it with 400, and read the changes from the last checkpoint",
            where=Where(connection=self._connection, field=field),
        )


def _header_of(event: Value) -> Native | None:
    """The header of an event, wherever relays put it."""
    data = event.get("data") if isinstance(event, dict) else None
    holders = [event, event.get("payload") if isinstance(event, dict) else None]
    holders.append(data.get("payload") if isinstance(data, dict) else None)
    for holder in holders:
        header = holder.get(_HEADER) if isinstance(holder, dict) else None
        if isinstance(header, dict):
            return header
    return None
