"""Webhooks: one address for the app, an event for each change, two signatures.

Source: docs/webhook events (a flat body: `type`, `locationId`, `id`, the record's fields; `timestamp` and
`webhookId` against replays) and the webhook guide: `x-ghl-signature` is Ed25519, `x-wh-signature`, which the
vendor has given up in 2026, RSA with SHA-256, both of the raw body and in Base64. The vendor's RSA key has
4,096 bits; the double's has 2,048, so that it is made in a moment. The keys are the double's own, and the
same for the same seed.
"""

import base64
import random
from collections import deque
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from crmhub.testing.simulator.clock import SimClock
from crmhub.testing.simulator.jsons import dump_json
from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.gohighlevel import views
from crmhub_rest.simulators.gohighlevel.ids import seeded_uuid
from crmhub_rest.simulators.gohighlevel.location import Location
from crmhub_rest.simulators.gohighlevel.settings import Settings
from crmhub_rest.simulators.gohighlevel.times import iso

_MOST_KEPT: Final = 10_000
_RSA_BITS: Final = 2_048
_EXPONENT: Final = 65_537
_KINDS: Final = {
    "contacts": "Contact",
    "opportunities": "Opportunity",
    "tasks": "Task",
    "notes": "Note",
    "appointments": "Appointment",
}
_EVENTS: Final = {"create": "Create", "update": "Update", "delete": "Delete"}
_CHANGES: Final = {
    "contacts": (
        ("tags", "ContactTagUpdate"),
        ("dnd", "ContactDndUpdate"),
        ("dndSettings", "ContactDndUpdate"),
    ),
    "opportunities": (
        ("pipelineStageId", "OpportunityStageUpdate"),
        ("status", "OpportunityStatusUpdate"),
        ("monetaryValue", "OpportunityMonetaryValueUpdate"),
        ("assignedTo", "OpportunityAssignedToUpdate"),
    ),
}


class Webhooks:
    """What the app is told of."""

    def __init__(self, clock: SimClock, seed: int, settings: Settings) -> None:
        self._clock, self._seed, self._settings = clock, seed, settings
        self._ids = random.Random(f"gohighlevel-webhooks-{seed}")
        secret = random.Random(f"gohighlevel-webhook-ed25519-{seed}").randbytes(32)
        self._ed25519 = Ed25519PrivateKey.from_private_bytes(secret)
        self._outbox: deque[dict[str, object]] = deque(maxlen=_MOST_KEPT)

    @property
    def credentials(self) -> dict[str, str]:
        """The public keys; nothing unless webhooks are wanted."""
        if not self._settings.webhook_url:
            return {}
        form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        keys = {"webhook_ed25519_key": self._ed25519.public_key().public_bytes(*form).decode()}
        if self._settings.webhook_signatures in {"both", "rsa"}:
            keys["webhook_rsa_key"] = _rsa_key(self._seed).public_key().public_bytes(*form).decode()
        return keys

    def change_settings(self, settings: Settings) -> None:
        """Follow other choices from now on."""
        self._settings = settings

    def hear(self, location: Location, name: str, event: str, before: Row, after: Row) -> None:
        """Tell the app of a change."""
        if self._settings.webhook_url:
            for kind in _types(name, event, before, after):
                self.send_wanted(kind, _body(location, name, after))

    def send_wanted(self, kind: str, fields: Mapping[str, object]) -> None:
        """Send an event with these fields, if the app wants it."""
        wanted = self._settings.webhook_events
        if not self._settings.webhook_url or (wanted and kind not in wanted):
            return
        now = int(self._clock.now() * 1000)
        body = {"type": kind, **fields, "timestamp": iso(now), "webhookId": seeded_uuid(self._ids)}
        raw = dump_json(body)
        self._outbox.append(
            {
                "url": self._settings.webhook_url,
                "method": "POST",
                "headers": {"content-type": "application/json", **self._signatures(raw)},
                "body": raw.decode(),
            }
        )

    def sent(self, *, clear: bool) -> list[dict[str, object]]:
        """What was sent, oldest first: `body` is the text that was signed."""
        found = list(self._outbox)
        if clear:
            self._outbox.clear()
        return found

    def _signatures(self, raw: bytes) -> dict[str, str]:
        wanted = self._settings.webhook_signatures
        headers: dict[str, str] = {}
        if wanted in {"both", "ed25519"}:
            headers["x-ghl-signature"] = base64.b64encode(self._ed25519.sign(raw)).decode()
        if wanted in {"both", "rsa"}:
            signed = _rsa_key(self._seed).sign(raw, padding.PKCS1v15(), hashes.SHA256())
            headers["x-wh-signature"] = base64.b64encode(signed).decode()
        return headers


@cache
def _rsa_key(seed: int) -> rsa.RSAPrivateKey:
    source = random.Random(f"gohighlevel-webhook-rsa-{seed}")
    first, second = (_prime(source, _RSA_BITS // 2) for _ in range(2))
    private = pow(_EXPONENT, -1, (first - 1) * (second - 1))
    return rsa.RSAPrivateNumbers(
        first,
        second,
        private,
        rsa.rsa_crt_dmp1(private, first),
        rsa.rsa_crt_dmq1(private, second),
        rsa.rsa_crt_iqmp(first, second),
        rsa.RSAPublicNumbers(_EXPONENT, first * second),
    ).private_key()


def _types(name: str, event: str, before: Row, after: Row) -> list[str]:
    kind = _KINDS.get(name)
    if kind is None:
        return []
    if event != "update":
        return [f"{kind}{_EVENTS[event]}"]
    if name == "tasks":
        # There is no TaskUpdate in the vendor's list.
        return (
            ["TaskComplete"] if after.get("completed") is True and before.get("completed") is not True else []
        )
    special = [type_ for field, type_ in _CHANGES.get(name, ()) if before.get(field) != after.get(field)]
    return [f"{kind}Update", *dict.fromkeys(special)]


def _body(location: Location, name: str, row: Row) -> Row:
    return {"locationId": location.id, **_BODIES[name](location, row)}


def _contact(location: Location, row: Row) -> Row:
    shown = views.contact_full(location, row)
    names = (
        *("id", "address1", "city", "state", "companyName", "country", "source", "dateAdded", "dateUpdated"),
        *("dateOfBirth", "dnd", "email", "name", "firstName", "lastName", "phone", "postalCode", "tags"),
        *("website", "assignedTo", "customFields", "businessId"),
    )
    found: Row = {key: shown[key] for key in names if key in shown}
    found["attachments"] = []
    return found


def _opportunity(location: Location, row: Row) -> Row:
    shown = views.opportunity(location, row)
    names = (
        *(
            "id",
            "assignedTo",
            "contactId",
            "monetaryValue",
            "name",
            "pipelineId",
            "pipelineStageId",
            "source",
        ),
        "status",
    )
    found = {key: shown[key] for key in names if key in shown}
    return found | {"dateAdded": shown["createdAt"]}


def _task(location: Location, row: Row) -> Row:
    del location
    shown = views.task(row)
    del shown["completed"]
    return {**shown, "dateAdded": iso(views.whole(row, "dateAdded"))}


def _note(location: Location, row: Row) -> Row:
    del location
    shown = views.note(row)
    del shown["bodyText"]
    return shown


def _appointment(location: Location, row: Row) -> Row:
    return {"appointment": views.event(location, row)}


_BODIES: Mapping[str, Callable[[Location, Row], Row]] = {
    "contacts": _contact,
    "opportunities": _opportunity,
    "tasks": _task,
    "notes": _note,
    "appointments": _appointment,
}


def _prime(source: random.Random, bits: int) -> int:
    """A prime of so many bits whose two highest bits are set. For play, not for secrets."""
    while True:
        number = source.getrandbits(bits) | 3 << (bits - 2) | 1
        if number % _EXPONENT != 1 and _is_prime(number, source):
            return number


def _is_prime(number: int, source: random.Random) -> bool:
    if any(number % small == 0 for small in _SMALL_PRIMES):
        return False
    twos = ((number - 1) & -(number - 1)).bit_length() - 1
    odd = (number - 1) >> twos
    for _ in range(8):
        value = pow(source.randrange(2, number - 1), odd, number)
        if value in (1, number - 1):
            continue
        for _ in range(twos - 1):
            value = value * value % number
            if value == number - 1:
                break
        else:
            return False
    return True


_SMALL_PRIMES: Final = tuple(
    one for one in range(3, 2_000, 2) if all(one % other for other in range(3, int(one**0.5) + 1, 2))
)
