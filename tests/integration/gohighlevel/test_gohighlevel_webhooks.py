"""GoHighLevel's messages: two signatures, one location of many, and what is old."""

from __future__ import annotations

import pytest

from crmhub.errors import AuthError
from crmhub.powers import Changes, SupportsMessages
from tests.integration.gohighlevel.conftest import Make, Place

pytestmark = pytest.mark.anyio


def _hooks(connector: object) -> SupportsMessages:
    assert isinstance(connector, SupportsMessages)
    return connector


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
async def test_either_signature_alone_is_proof(make_place: Make, kind: str) -> None:
    place = make_place(webhook_signatures=kind)
    (id_,) = await place.insert("contacts", {"firstName": "Ada"})
    (message,) = await place.org.messages()
    assert _hooks(place.connector).parse_webhook(message.body, message.headers) == [
        Changes("contacts", (id_,), ())
    ]


async def test_without_a_signature_nothing_is_believed(make_place: Make) -> None:
    place = make_place(webhook_signatures="none")
    await place.insert("contacts", {"firstName": "Ada"})
    (message,) = await place.org.messages()
    with pytest.raises(AuthError, match="not proved"):
        _hooks(place.connector).parse_webhook(message.body, message.headers)


async def test_the_vendors_key_is_the_default_and_does_not_prove_others(place: Place) -> None:
    settings = {name: value for name, value in place.org.settings.items() if not name.startswith("webhook_")}
    place.org.settings = settings
    await place.insert("contacts", {"firstName": "Ada"})
    (message,) = await place.org.messages()
    with pytest.raises(AuthError, match="not proved"):
        _hooks(place.again()).parse_webhook(message.body, message.headers)


async def test_a_message_that_was_kept_for_an_hour_is_refused(place: Place) -> None:
    await place.insert("contacts", {"firstName": "Ada"})
    (message,) = await place.org.messages()
    place.org.clock.advance(3600)
    with pytest.raises(AuthError, match="not fresh"):
        _hooks(place.connector).parse_webhook(message.body, message.headers)


async def test_another_locations_messages_are_passed_over(place: Place) -> None:
    other = place.org.played.agency.locations[place.org.played.credentials["other_location_id"]]
    other.add("contacts", {"firstName": "Eve", "type": "lead", "tags": [], "customFields": {}})
    (message,) = await place.org.messages()
    assert _hooks(place.connector).parse_webhook(message.body, message.headers) == []


async def test_appointments_stand_inside_of_their_messages(place: Place) -> None:
    (contact,) = await place.insert("contacts", {"firstName": "Ada"})
    await place.org.messages()
    calendar, now = next(iter(place.location.calendars)), place.location.now()
    times = {"startTime": now, "endTime": now + 1_800_000, "appointmentStatus": "new", "calendarId": calendar}
    (id_,) = await place.insert("appointments", {"contactId": contact, **times})
    (message,) = await place.org.messages()
    assert _hooks(place.connector).parse_webhook(message.body, message.headers) == [
        Changes("appointments", (id_,), ())
    ]
