"""Messages about changes: how their origin is proved, and what they say."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from crmhub_rest.language.call import Call, Listing
from crmhub_rest.language.part import Part
from crmhub_rest.language.path import JsonPath
from crmhub_rest.language.template import Template
from crmhub_rest.language.times import TimeForm

__all__ = ["Event", "Hmac", "PublicKey", "Renewal", "Subscribe", "Verify", "Webhooks"]


class Hmac(Part):
    """A keyed hash (RFC 2104) of what ``over`` says."""

    header: str
    """The header that has it."""
    algorithm: Literal["sha256", "sha512"] = "sha256"
    """The hash."""
    secret: Template
    """The key."""
    over: list[Literal["method", "url", "body", "timestamp"]] = ["body"]
    """What is hashed, one behind the other; ``url`` is the address that the CRM calls."""
    encoding: Literal["hex", "base64"] = "hex"
    """How the hash is written."""
    timestamp: str | None = None
    """The header with the time of sending."""
    times: TimeForm = TimeForm("epoch_ms")
    """How the time of ``timestamp`` looks."""
    within: float = Field(default=300.0, gt=0)
    """Seconds for which a message is fresh, where it has a timestamp."""


class PublicKey(Part):
    """A signature over the raw body by a key pair of the CRM's."""

    header: str
    """The header that has the signature."""
    kind: Literal["ed25519", "rsa_sha256"]
    """The kind of signature."""
    keys: list[Template] = Field(min_length=1)
    """The CRM's public keys, in PEM; several while they are being changed."""


class Verify(Part):
    """How the origin of a message is proved: exactly one of these, or the first whose header is there."""

    hmac: Hmac | None = None
    """A keyed hash of the message."""
    signed: list[PublicKey] = []
    """Signatures by key pairs of the CRM's."""
    basic: dict[Literal["user", "password"], Template] | None = None
    """HTTP Basic."""
    header: dict[str, Template] | None = None
    """Headers that hold a shared secret."""
    url: Template | None = None
    """The address that the message came to, which has a secret in it; ``:url`` among the headers."""

    @model_validator(mode="after")
    def _one_way(self) -> Verify:
        given = [name for name in ("hmac", "signed", "basic", "header", "url") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError(f"one of hmac, signed, basic, header and url is needed, not {len(given)}")
        return self


class Event(Part):
    """Which messages are about which object."""

    object: str
    """The object that they are about."""
    when: dict[JsonPath, str | list[str]]
    """What they have, by path: a word, or one of several; ``*`` at its end stands for the rest."""
    key: JsonPath | list[JsonPath]
    """Where the ids are; with a ``*``, several. A list of paths: where the parts of ids are."""
    deleted: dict[JsonPath, str | list[str]] = {}
    """What they have besides when the record is gone."""


class Renewal(Part):
    """Subscriptions that end by themselves, and how they are kept."""

    expires: JsonPath
    """In each of ``rows`` and in the reply to ``create``: when it ends."""
    times: TimeForm = TimeForm("iso")
    """How that time looks, and ``${until}``."""
    life: float = Field(gt=0)
    """Seconds after which one that is made or renewed now is to end: ``${until}``. The last quarter is for
    renewing it."""
    call: Call | None = None
    """Renews ``${id}``; without it another subscription takes its place."""


class Subscribe(Part):
    """How an application has the CRM send it messages: a subscription for each word of an object."""

    words: dict[str, str | int | list[str | int]] = Field(min_length=1)
    """Objects that can be told of, and the CRM's word for each, or several: ``${word}``."""
    create: Call
    """Has what ``${word}`` stands for told to ``${url}``."""
    list: Listing
    """The subscriptions that there are."""
    delete: Call
    """Ends the subscription ``${id}``."""
    id: JsonPath = JsonPath("id")
    """In each of ``rows``, and in what ``row`` of ``create`` gives: its id."""
    word: JsonPath
    """In each of ``rows``: its word."""
    url: JsonPath
    """In each of ``rows``: where its messages go."""
    own: dict[JsonPath, Template] = Field(min_length=1)
    """What a row has if the subscription is this connection's (``${connection}`` is its name): others are
    left alone."""
    alive: dict[JsonPath, str] = {}
    """What a row has while messages are sent for it."""
    renewal: Renewal | None = None
    """For subscriptions that end by themselves."""


class Webhooks(Part):
    """Messages to a URL of the application's own."""

    verify: Verify
    """How the origin of a message is proved."""
    rows: JsonPath = JsonPath(".")
    """Where the events are: a list, or the message itself."""
    events: list[Event] = Field(min_length=1)
    """Which messages are about which object; the first that fits counts."""
    only: dict[JsonPath, Template] = {}
    """What an event has, by path, if it is of this connection's account; others are passed over."""
    sent: JsonPath | None = None
    """In each event: the time at which it was sent; older ones than ``within`` are not believed."""
    times: TimeForm = TimeForm("iso")
    """How the time of ``sent`` looks."""
    within: float = Field(default=300.0, gt=0)
    """Seconds for which an event is fresh, where it says when it was sent."""
    subscribe: Subscribe | None = None
    """How they are asked for; without it a person has to set that up in the CRM."""
