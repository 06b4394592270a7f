"""Messages about changes: their origin is proved on the raw bytes before anything of them is believed.

Sources: RFC 2104 and RFC 6234 (HMAC), RFC 8032 (Ed25519), RFC 8017 (RSASSA-PKCS1-v1_5), RFC 7617 (Basic).
"""

from __future__ import annotations

import base64
import binascii
import hmac as compare
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from crmhub.clock import Clock
from crmhub.connector import Value
from crmhub.errors import AuthError, BadRequest, ConfigError, Where
from crmhub.powers import Changes
from crmhub_rest.language.crm import Crm
from crmhub_rest.language.members import together
from crmhub_rest.language.path import ABSENT, JsonPath
from crmhub_rest.language.template import Scope, Template
from crmhub_rest.language.webhooks import Event, Hmac, PublicKey, Webhooks
from crmhub_rest.links import ids_in
from crmhub_rest.nowhere import nowhere
from crmhub_rest.seams import Seams

__all__ = ["Messages"]

_HASHES = {"sha256": hashes.SHA256, "sha512": hashes.SHA512}
_MOST = 5_000_000  # bytes


class Messages:
    """The messages of one connection."""

    def __init__(self, crm: Crm, settings: Scope, seams: Seams, clock: Clock, connection: str) -> None:
        self._crm = crm
        self._settings = settings
        self._seams = seams
        self._clock = clock
        self._where = Where(connection=connection)

    def parse(self, raw_body: bytes, headers: Mapping[str, str]) -> Sequence[Changes]:
        """What a message tells. Raises ``AuthError`` when its origin is not proved, or it is not fresh."""
        hooks = self._crm.webhooks
        if hooks is None:
            raise BadRequest(f"{self._crm.title} sends no messages", where=self._where)
        found = {name.casefold(): value for name, value in headers.items()}
        if len(raw_body) > _MOST:
            raise AuthError("the message is too large to be one of the CRM's", where=self._where)
        told = self._seams.messages(raw_body, found)
        if told is not None:
            return told
        self._prove(hooks, raw_body, found)
        try:
            body = cast("Value", msgspec.json.decode(raw_body))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise AuthError("the message is no JSON", where=self._where) from None
        rows = hooks.rows.find(body)
        events = rows if isinstance(rows, list) else [rows] if isinstance(rows, dict) else []
        if not events:
            raise AuthError("the message holds no events", where=self._where)
        for event in events:
            self._demand_fresh(hooks, event)
        own = {path: part.text(self._settings) for path, part in hooks.only.items()}
        return _told(
            hooks, [one for one in events if all(path.text_in(one) == text for path, text in own.items())]
        )

    # ── its origin ───────────────────────────────────────────────────────────────────────────────

    def _prove(self, hooks: Webhooks, body: bytes, headers: Mapping[str, str]) -> None:
        verify = hooks.verify
        if verify.hmac is not None:
            self._prove_hash(verify.hmac, body, headers)
        elif verify.signed:
            self._prove_signature(verify.signed, body, headers)
        elif verify.basic is not None:
            pair = ":".join(
                self._secret(part) if (part := verify.basic.get(name)) is not None else ""
                for name in ("user", "password")
            )
            expected = f"Basic {base64.b64encode(pair.encode()).decode()}"
            self._same(expected, headers.get("authorization", ""))
        elif verify.url is not None:
            self._same(self._secret(verify.url), headers.get(":url", ""))
        else:
            for name, part in (verify.header or {}).items():
                self._same(self._secret(part), headers.get(name.casefold(), ""))

    def _prove_hash(self, way: Hmac, body: bytes, headers: Mapping[str, str]) -> None:
        secret = self._secret(way.secret)
        stamp = headers.get(way.timestamp.casefold(), "") if way.timestamp else ""
        if way.timestamp is not None:
            self._demand_recent(way.times.read(stamp), way.within)
        parts = {
            "body": body,
            "timestamp": stamp.encode(),
            "method": headers.get(":method", "POST").encode(),
            "url": self._address(headers).encode() if "url" in way.over else b"",
        }
        mac = hmac.HMAC(secret.encode(), _HASHES[way.algorithm]())
        mac.update(b"".join(parts[name] for name in way.over))
        digest = mac.finalize()
        expected = digest.hex() if way.encoding == "hex" else base64.b64encode(digest).decode()
        given = headers.get(way.header.casefold(), "")
        self._same(expected, given.lower() if way.encoding == "hex" else given)

    def _address(self, headers: Mapping[str, str]) -> str:
        """The address that the message came to, as the CRM knows it."""
        url = headers.get(":url") or self._settings.get("webhook_url")
        if not url:
            raise ConfigError(
                f"{self._crm.title}: the address that messages come to is part of the proof, and not known",
                hint="set webhook_url in the connection",
                where=self._where,
            )
        return str(url)

    def _prove_signature(self, ways: Sequence[PublicKey], body: bytes, headers: Mapping[str, str]) -> None:
        """By the first way whose header is there: an older one does not count beside a newer one."""
        for way in ways:
            given = headers.get(way.header.casefold())
            if given is None:
                continue
            try:
                signature = base64.b64decode(given, validate=True)
            except (binascii.Error, ValueError):
                raise self._unproved() from None
            if any(_verifies(way, pem, signature, body) for pem in self._keys(way)):
                return
            raise self._unproved()
        raise self._unproved()

    def _keys(self, way: PublicKey) -> list[str]:
        keys = [text for key in way.keys if (text := key.text(self._settings))]
        if not keys:
            raise ConfigError(f"{self._crm.title}: no public key to prove messages with")
        return keys

    def _same(self, expected: str, given: str) -> None:
        if not compare.compare_digest(expected.encode(), given.encode(errors="replace")):
            raise self._unproved()

    def _secret(self, part: Template) -> str:
        """What proves a message. Raises ``ConfigError``, which names the settings, where there is nothing."""
        secret = part.text(self._settings)
        if not secret:
            raise ConfigError(
                f"{self._crm.title}: no secret is set to prove messages with, so none is believed",
                hint=f"set {', '.join(sorted(part.names)) or 'it'} in the connection",
                where=self._where,
            )
        return secret

    def _unproved(self) -> AuthError:
        return AuthError(
            "the message's origin is not proved",
            hint="look at the secret, and hand over the raw body and all headers as they came",
            where=self._where,
        )

    # ── how old it is ────────────────────────────────────────────────────────────────────────────

    def _demand_fresh(self, hooks: Webhooks, event: Value) -> None:
        if hooks.sent is not None:
            self._demand_recent(hooks.times.read(hooks.sent.get(event)), hooks.within)

    def _demand_recent(self, at: datetime | None, within: float) -> None:
        if at is None or abs((self._clock.now() - at).total_seconds()) > within:
            raise AuthError(
                "the message is not fresh: somebody may have kept it and sent it again", where=self._where
            )


def _verifies(way: PublicKey, pem: str, signature: bytes, body: bytes) -> bool:
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except ValueError:
        raise ConfigError("a public key for messages is not in PEM form") from None
    try:
        if way.kind == "ed25519" and isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, body)
        elif way.kind == "rsa_sha256" and isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, body, padding.PKCS1v15(), hashes.SHA256())
        else:
            raise ConfigError(f"a public key for messages is not of the kind {way.kind}")
    except InvalidSignature:
        return False
    return True


def _told(hooks: Webhooks, events: Sequence[Value]) -> list[Changes]:
    changed: dict[str, dict[str, None]] = {}
    deleted: dict[str, dict[str, None]] = {}
    for event in events:
        kinds = [kind for kind in hooks.events if _meets(event, kind.when)]
        named = [(kind, ids) for kind in kinds if (ids := _ids(event, kind))]
        if kinds and not named:
            path, about = _paths(kinds[0])[0], kinds[0].object
            raise nowhere(path, event, about, "the id of a message (webhooks.events.key)")
        for kind, ids in named:
            gone = bool(kind.deleted) and _meets(event, kind.deleted)
            (deleted if gone else changed).setdefault(kind.object, {}).update(dict.fromkeys(ids))
    objects = dict.fromkeys((*changed, *deleted))
    return [Changes(name, tuple(changed.get(name, ())), tuple(deleted.get(name, ()))) for name in objects]


def _paths(kind: Event) -> list[JsonPath]:
    return kind.key if isinstance(kind.key, list) else [kind.key]


def _ids(event: Value, kind: Event) -> list[str]:
    parts = [ids_in(None if (found := path.find(event)) is ABSENT else found) for path in _paths(kind)]
    return [id_ for told in zip(*parts, strict=False) if (id_ := together(told)) is not None]


def _meets(event: Value, when: Mapping[JsonPath, str | list[str]]) -> bool:
    return all(
        any(_is(path.text_in(event) or "", word) for word in ([words] if isinstance(words, str) else words))
        for path, words in when.items()
    )


def _is(text: str, word: str) -> bool:
    return text.startswith(word[:-1]) if word.endswith("*") else text == word
