"""Rollout's connector beyond the conformance checks: lists of several, spellings, messages, credentials."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from crmhub.connector import Native, Outcome, WriteItem, WriteRequest
from crmhub.doctor import examine_mapping
from crmhub.errors import AuthError, ConfigError, PermissionDenied
from crmhub.models import Address, Contact, Email, Meeting, Phone
from crmhub.powers import SupportsMessages
from crmhub.testing.simulator.table import Row
from crmhub_rest import RestConnector
from crmhub_rollout.conformance import RolloutOrg
from tests.integration.rollout.conftest import office

pytestmark = pytest.mark.anyio
APPOINTMENT: Native = {
    "title": "Showing",
    "startsAt": "2026-03-01T10:00:00Z",
    "endsAt": "2026-03-01T11:00:00Z",
}


async def written(connector: RestConnector, object: str, fields: Native, id: str | None = None) -> Outcome:
    operation = "create" if id is None else "update"
    (outcome,) = await connector.write(WriteRequest(object, operation, [WriteItem(fields, id=id)]))
    assert outcome.ok, outcome
    return outcome


def connected(org: RolloutOrg, **settings: object) -> RestConnector:
    made = org.connect(tokens=None, **settings)
    assert isinstance(made, RestConnector)
    return made


def row(org: RolloutOrg, object: str, id: str | None) -> Row:
    found = org.crm.row(object, id)
    assert found is not None
    return found


async def test_the_first_invitee_is_changed_and_the_others_stay() -> None:
    org = RolloutOrg()
    first, second, third = await org.insert("people", [{"firstName": name} for name in ("Ann", "Bo", "Cy")])
    connector = connected(org)
    made = await written(connector, "appointments", {**APPOINTMENT, "personId": first})
    await org.change(
        "appointments",
        str(made.id),
        {"invitees": [{"personId": first}, {"personId": second}, {"name": "Di"}]},
    )
    await written(connector, "appointments", {"personId": third, "title": "Viewing"}, made.id)
    assert row(org, "appointments", made.id)["invitees"] == [
        {"personId": third},
        {"personId": second},
        {"name": "Di"},
    ]
    (read,) = await connector.get("appointments", [str(made.id)], ["title", "personId"])
    assert isinstance(read, dict)
    assert (read["title"], read["personId"]) == ("Viewing", third)
    await written(connector, "appointments", {"personId": None}, made.id)
    assert row(org, "appointments", made.id)["invitees"] == [{"personId": second}, {"name": "Di"}]
    await org.aclose()


async def test_the_first_person_of_a_deal_is_changed_and_the_others_stay() -> None:
    org = RolloutOrg()
    first, second, third = await org.insert("people", [{"firstName": name} for name in ("Ann", "Bo", "Cy")])
    connector = connected(org)
    made = await written(connector, "deals", {"name": "1 Main St", "stageId": "101", "personId": first})
    await org.change("deals", str(made.id), {"peopleIds": [first, second]})
    await written(connector, "deals", {"personId": third, "price": 250_000}, made.id)
    people = cast("list[Row]", row(org, "deals", made.id)["people"])
    assert [one["id"] for one in people] == [third, second]
    await org.aclose()


async def test_a_second_address_and_other_phones_stay_as_they_are(tmp_path: Path) -> None:
    async with office("rollout", folder=tmp_path) as at:
        contacts = at.hub["rollout"].contacts
        made = await contacts.create(
            Contact(
                first_name="Ann",
                last_name="Lee",
                emails=[Email(value="ann@example.com")],
                phones=[Phone(role="mobile", raw="512 555 0100")],
                addresses=[Address(role="mailing", line1="1 Main St", city="Austin", region="TX")],
            )
        )
        hidden = {"type": "vacation", "city": "Tampa"}
        (person,) = at.rows("rollout", "people")
        assert person["addresses"] == [
            {"type": "home", "street": "1 Main St", "city": "Austin", "state": "TX"}
        ]
        both: Row = {"addresses": [*cast("list[Row]", person["addresses"]), hidden]}
        await at.hub["rollout"].request("PUT", f"/people/{made.id}", json=cast("Native", both))
        await contacts.update(made.id, Contact(addresses=[Address(role="mailing", city="Waco")]))
        await contacts.update(made.id, Contact(phones=[Phone(role="home", raw="512 555 0199")]))
        (person,) = at.rows("rollout", "people")
        first, second = cast("list[Row]", person["addresses"])
        assert (first["city"], second["city"]) == ("Waco", "Tampa")
        assert [one["type"] for one in cast("list[Row]", person["emails"])] == ["home"]


@pytest.mark.parametrize("spelling", ["reference", "boss", "both"])
async def test_appointments_are_read_in_either_spelling_of_their_times(tmp_path: Path, spelling: str) -> None:
    async with office("rollout", folder=tmp_path, switches={"appointment_fields": spelling}) as at:
        start = datetime(2026, 3, 1, 10, tzinfo=UTC)
        meeting = Meeting(subject="Showing", starts_at=start, ends_at=start.replace(hour=11), all_day=False)
        made = await at.hub["rollout"].of(Meeting).create(meeting)
        read = await at.hub["rollout"].of(Meeting).get(made.id)
        assert (read.starts_at, read.ends_at, read.all_day) == (start, start.replace(hour=11), False)


async def test_the_mapping_fits_rollouts_own_fields(tmp_path: Path) -> None:
    async with office("rollout", folder=tmp_path) as at:
        _, findings = await examine_mapping(at.hub["rollout"])
        assert [str(finding) for finding in findings] == []


async def test_people_of_zoho_come_to_rollout_once_and_complete(tmp_path: Path) -> None:
    async with office("zoho", "rollout", folder=tmp_path, rows=12) as at:
        before = {str(one["id"]) for one in at.rows("rollout", "people")}
        report = await at.hub.sync("zoho", "rollout", models=("contact",))
        assert report.letters == {}
        there = [one for one in at.rows("rollout", "people") if str(one["id"]) not in before]
        wanted = at.rows("zoho", "Contacts")

        def first(person: Row, name: str) -> str:
            found = cast("list[Row]", person.get(name) or [{"value": ""}])
            return str(found[0]["value"])

        assert sorted((str(one["lastName"]), first(one, "emails").lower()) for one in there) == sorted(
            (str(one["Last_Name"]), str(one["Email"] or "").lower()) for one in wanted
        )
        again = await at.hub.sync("zoho", "rollout", models=("contact",))
        assert again.writes == 0


async def test_messages_are_believed_by_their_signature_alone() -> None:
    org = RolloutOrg()
    (id_,) = await org.insert("people", [{"firstName": "Ann", "tags": ["VIP"]}])
    await org.change("people", id_, {"lastName": "Lee"})
    await org.remove("people", id_)
    connector = connected(org)
    assert isinstance(connector, SupportsMessages)
    sent = await org.messages()
    told = [change for message in sent for change in connector.parse_webhook(message.body, message.headers)]
    assert [(one.object, one.changed, one.deleted) for one in told] == [
        ("people", (id_,), ()),
        ("people", (id_,), ()),
        ("people", (), (id_,)),
    ]
    for message in org.forged(sent[0]):
        with pytest.raises(AuthError):
            connector.parse_webhook(message.body, message.headers)
    await org.aclose()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"client_secret": "WRONG"}, "client_secret"),
        ({"user_key": "somebody-else"}, "user_key"),
        ({"credential_id": "cred_other"}, "credential_id"),
    ],
)
async def test_wrong_credentials_are_told_by_the_setting(settings: Mapping[str, str], says: str) -> None:
    org = RolloutOrg()
    with pytest.raises((AuthError, PermissionDenied)) as caught:
        await connected(org, **settings).get("people", ["x"], ["firstName"])
    assert says in str(caught.value)
    assert "WRONG" not in str(caught.value)
    await org.aclose()


async def test_a_token_that_somebody_else_signed_will_do() -> None:
    org = RolloutOrg()
    settings = {**org.settings, "auth_token": org.played.credentials["auth_token"]}
    org.settings = {
        name: value for name, value in settings.items() if name not in {"client_secret", "user_key"}
    }
    (id_,) = await org.insert("people", [{"firstName": "Ann"}])
    (read,) = await connected(org).get("people", [id_], ["firstName"])
    assert isinstance(read, dict)
    assert read["firstName"] == "Ann"
    org.settings = {name: value for name, value in org.settings.items() if name != "auth_token"}
    with pytest.raises(ConfigError, match="client_id, client_secret, user_key or auth_token"):
        connected(org)
    await org.aclose()


async def test_a_token_that_rollout_takes_for_ended_is_signed_anew() -> None:
    org = RolloutOrg()
    (id_,) = await org.insert("people", [{"firstName": "Ann"}])
    connector = connected(org)
    assert (await connector.get("people", [id_], ("firstName",)))[0]
    org.expire_tokens()
    org.clock.advance(2)
    assert (await connector.get("people", [id_], ("firstName",)))[0]
    await org.aclose()
