"""Property tours: written to one CRM or to all, once, whatever fails and however often."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest

from crmhub import Contact, Hub
from crmhub.config import Config, ConnectionSettings
from crmhub.errors import UsageError
from crmhub.http import asgi_transport
from crmhub.models import Email
from crmhub.native import Value
from crmhub.testing.simulator.finding import make_double
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.table import Row
from crmhub_rollout.tours.calls import CrmOutcome, Report
from tests.integration.rollout.conftest import HOST, Office, office

pytestmark = pytest.mark.anyio
CRMS = ("zoho", "salesforce", "rollout")
EVENTS = {"zoho": "Events", "salesforce": "Event", "rollout": "appointments"}
NOTES = {"zoho": "Notes", "salesforce": "Note", "rollout": "notes"}
TITLES = {"zoho": "Event_Title", "salesforce": "Subject", "rollout": "title"}
PLACES = {"zoho": "Venue", "salesforce": "Location", "rollout": "location"}
STARTS = {"zoho": "Start_DateTime", "salesforce": "StartDateTime", "rollout": "startsAt"}
BODIES = {"zoho": "Note_Content", "salesforce": "Body", "rollout": "body"}


def stop(property: str, address: str, time: str) -> Row:
    return {"propertyId": property, "address": address, "visitTime": f"2026-03-01T{time}:00-06:00"}


def tour(agent: str, *stops: Row, where: str = "all", id: str = "T-1") -> dict[str, object]:
    chosen = stops or (stop("P-9", "1 Main St", "10:00"), stop("P-7", "22 Oak Ave", "11:00"))
    return {"tourData": {"tourId": id, "agentId": agent, "properties": [*chosen]}, "crmType": where}


def feedback(buyer: str, text: str = "Loved the garden", **more: str) -> dict[str, object]:
    given = {"propertyId": "P-9", "tourId": "T-1", "feedback": text, "buyerId": buyer}
    at = {"timestamp": "2026-03-01T18:00:00Z", **more}
    return {"feedbackData": {**given, **at}, "crmType": "all"}


async def act(at: Office, action: str, call: Mapping[str, object]) -> Report:
    report = await at.hub.act(action, call)
    assert isinstance(report, Report)
    return report


def outcome(report: Report, connection: str) -> CrmOutcome:
    return next(one for one in report.outcomes if one.connection == connection)


async def agent(at: Office, name: str) -> str:
    """The e-mail address of a user of that CRM."""
    users = await at.hub[name].users.list()
    return next(str(user.email) for user in users if user.active)


async def test_a_tour_is_an_appointment_and_one_for_each_visit_in_every_crm(tmp_path: Path) -> None:
    async with office(*CRMS, folder=tmp_path) as at:
        report = await act(at, "sync_tour_data", tour(await agent(at, "zoho")))
        assert (report.ok, [one.status for one in report.outcomes]) == (True, ["written"] * 3)
        for name in CRMS:
            rows = sorted(at.rows(name, EVENTS[name]), key=lambda row: str(row[TITLES[name]]))
            assert [row[TITLES[name]] for row in rows] == [
                "Property tour T-1",
                "Property visit 1 Main St",
                "Property visit 22 Oak Ave",
            ]
            assert [row.get(PLACES[name]) or None for row in rows] == [None, "1 Main St", "22 Oak Ave"]
            told = outcome(report, name)
            assert {str(record.id) for record in told.records} == {
                str(row.get("id") or row.get("Id")) for row in rows
            }
        starts = [str(row[STARTS["rollout"]]) for row in at.rows("rollout", "appointments")]
        assert sorted(starts) == ["2026-03-01T16:00:00+00:00"] * 2 + ["2026-03-01T17:00:00+00:00"]


async def test_the_same_tour_makes_nothing_twice_and_what_changed_is_written(tmp_path: Path) -> None:
    async with office(*CRMS, folder=tmp_path) as at:
        who = await agent(at, "rollout")
        await act(at, "sync_tour_data", tour(who))
        again = await act(at, "sync_tour_data", tour(who))
        assert [one.status for one in again.outcomes] == ["unchanged"] * 3
        later = stop("P-7", "22 Oak Ave", "13:30")
        moved = await act(at, "sync_tour_data", tour(who, stop("P-9", "1 Main St", "10:00"), later))
        for name in CRMS:
            assert len(at.rows(name, EVENTS[name])) == 3
            changed = {record.of: record.status for record in outcome(moved, name).records}
            assert changed == {"T-1": "updated", "P-9": "unchanged", "P-7": "updated"}
        starts = {str(row["title"]): str(row["startsAt"]) for row in at.rows("rollout", "appointments")}
        assert starts["Property visit 22 Oak Ave"].startswith("2026-03-01T19:30")


@pytest.mark.parametrize("where", ["rollout", "salesforce"])
async def test_one_connection_or_one_kind_of_crm_can_be_named(tmp_path: Path, where: str) -> None:
    async with office(*CRMS, folder=tmp_path) as at:
        report = await act(at, "sync_tour_data", tour(await agent(at, where), where=where))
        assert [one.connection for one in report.outcomes] == [where]
        assert {name: len(at.rows(name, EVENTS[name])) for name in CRMS} == {
            name: 3 if name == where else 0 for name in CRMS
        }
        with pytest.raises(UsageError, match="did you mean"):
            await at.hub.act("sync_tour_data", tour("x", where=f"{where}e"))


async def test_one_crm_that_fails_concerns_no_other_and_a_repeated_call_completes_it(
    tmp_path: Path,
) -> None:
    async with office(*CRMS, folder=tmp_path) as at:
        who = await agent(at, "zoho")
        at.doubles["rollout"].faults.replace(["403"])
        report = await act(at, "sync_tour_data", tour(who))
        assert {one.connection: one.status for one in report.outcomes} == {
            "zoho": "written",
            "salesforce": "written",
            "rollout": "failed",
        }
        assert not report.ok
        assert "rollout" in str(outcome(report, "rollout").error)
        at.doubles["rollout"].faults.replace([])
        again = await act(at, "sync_tour_data", tour(who))
        assert (again.ok, outcome(again, "rollout").status) == (True, "written")
        assert {name: len(at.rows(name, EVENTS[name])) for name in CRMS} == dict.fromkeys(CRMS, 3)


async def test_a_create_whose_answer_was_lost_is_found_and_not_made_again(tmp_path: Path) -> None:
    async with office("rollout", folder=tmp_path) as at:
        who = await agent(at, "rollout")
        at.doubles["rollout"].faults.replace(["lost@POST /api/appointments:2x"])
        told = False
        for _ in range(3):
            report = await act(at, "sync_tour_data", tour(who))
            told = report.ok
        assert told
        assert len(at.rows("rollout", "appointments")) == 3


async def test_an_agent_is_known_by_address_name_or_id_and_an_unknown_one_is_told(tmp_path: Path) -> None:
    async with office("zoho", "rollout", folder=tmp_path) as at:
        user = next(user for user in await at.hub["rollout"].users.list() if user.active)
        for number, who in enumerate((str(user.email), str(user.name), str(user.id))):
            await act(at, "sync_tour_data", tour(who, where="rollout", id=f"T-{number}"))
        owners = {str(row["invitees"]) for row in at.rows("rollout", "appointments")}
        assert owners == {str([{"userId": user.id}])}
        report = await act(at, "sync_tour_data", tour("nobody@example.com", where="zoho"))
        assert outcome(report, "zoho").status == "written"
        assert any("owner" in note for note in outcome(report, "zoho").notes)


async def test_feedback_is_a_note_on_the_contact_who_the_buyer_is(tmp_path: Path) -> None:
    async with office(*CRMS, folder=tmp_path) as at:
        ids: dict[str, str] = {}
        for name in CRMS:
            contact = Contact(first_name="Ann", last_name="Lee", emails=[Email(value="ann@example.com")])
            ids[name] = (await at.hub[name].contacts.create(contact)).id
        first = await act(at, "sync_feedback_data", feedback("Ann@Example.com"))
        again = await act(at, "sync_feedback_data", feedback("Ann@Example.com"))
        assert (first.ok, again.ok) == (True, True), first
        assert [one.status for one in again.outcomes] == ["unchanged"] * 3
        for name in CRMS:
            (note,) = at.rows(name, NOTES[name])
            assert str(note[BODIES[name]]).startswith("Loved the garden\n\nProperty P-9, tour T-1")
        assert at.rows("rollout", "notes")[0]["personId"] == ids["rollout"]
        assert at.rows("salesforce", "Note")[0]["ParentId"] == ids["salesforce"]
        assert cast("Row", at.rows("zoho", "Notes")[0]["Parent_Id"])["id"] == ids["zoho"]
        more = feedback("Ann@Example.com", text="Too loud", timestamp="2026-03-02T09:00:00Z")
        assert (await act(at, "sync_feedback_data", more)).ok
        assert {name: len(at.rows(name, NOTES[name])) for name in CRMS} == dict.fromkeys(CRMS, 2)


async def test_a_buyer_by_id_is_followed_by_links_and_elsewhere_is_unknown(tmp_path: Path) -> None:
    async with office(*CRMS, folder=tmp_path) as at:
        contact = Contact(first_name="Ann", last_name="Lee", emails=[Email(value="ann@example.com")])
        id_ = (await at.hub["rollout"].contacts.create(contact)).id
        await at.hub.sync("rollout", "zoho", models=("contact",))
        for buyer in (id_, f"rollout:{id_}"):
            report = await act(at, "sync_feedback_data", feedback(buyer))
            status = "written" if buyer == id_ else "unchanged"
            assert [one.status for one in report.outcomes] == [status, "failed", status]
            assert "no contact" in str(outcome(report, "salesforce").error)
        assert at.rows("salesforce", "Note") == []
        assert (len(at.rows("zoho", "Notes")), len(at.rows("rollout", "notes"))) == (1, 1)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"visitTime": "2026-03-01T10:00:00"}, "timezone"),
        ({"visitTime": "soon"}, "visitTime"),
        ({"address": ""}, "address"),
        ({"propertyId": 5}, "propertyId"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_wrong_arguments_are_named_before_anything_is_sent(
    tmp_path: Path, change: Row, says: str
) -> None:
    async with office("rollout", folder=tmp_path) as at:
        call = tour("a@example.com", {**stop("P-9", "1 Main St", "10:00"), **change})
        with pytest.raises(UsageError, match=says):
            await at.hub.act("sync_tour_data", call)
        twice = [stop("P-9", "1 Main St", "10:00")] * 2
        with pytest.raises(UsageError, match="more than once"):
            await at.hub.act("sync_tour_data", tour("a@example.com", *twice))
        assert at.rows("rollout", "appointments") == []


async def test_all_leaves_out_crms_whose_mapping_has_no_tours(tmp_path: Path) -> None:
    async with office("rollout", folder=tmp_path) as at:
        mapping = tmp_path / "list.yaml"
        mapping.write_text(
            "crm: list\nversion: 1\nmaps:\n  - {model: account, object: firms, fields: {name: name}}\n"
        )
        at.hub.add("list", "memory", mapping=mapping, objects={"firms": {"name": "text"}})
        report = await act(at, "sync_tour_data", tour(await agent(at, "rollout")))
        assert {one.connection: one.status for one in report.outcomes} == {
            "rollout": "written",
            "list": "skipped",
        }
        assert report.ok
        named = await act(at, "sync_tour_data", tour("x@example.com", where="list"))
        assert (named.ok, named.outcomes[0].status) == (False, "failed")


@pytest.mark.parametrize(
    ("crm", "visits", "title", "place", "notes"),
    [
        ("hubspot", "meetings", "hs_meeting_title", "hs_meeting_location", "notes"),
        ("pipedrive", "activities", "subject", "location", "notes"),
    ],
)
async def test_other_crms_have_tours_and_feedback_too(
    tmp_path: Path, crm: str, visits: str, title: str, place: str, notes: str
) -> None:
    async with office(crm, folder=tmp_path) as at:
        contact = Contact(first_name="Ann", last_name="Lee", emails=[Email(value="ann@example.com")])
        await at.hub[crm].contacts.create(contact)
        calls = {
            "sync_tour_data": tour(await agent(at, crm)),
            "sync_feedback_data": feedback("ann@example.com"),
        }
        for status in ("written", "unchanged"):
            for name, call in calls.items():
                report = await act(at, name, call)
                assert (report.ok, report.outcomes[0].status) == (True, status), report
        rows = [cast("Row", row.get("properties", row)) for row in at.rows(crm, visits)]
        assert sorted(str(row[title]) for row in rows) == [
            "Property tour T-1",
            "Property visit 1 Main St",
            "Property visit 22 Oak Ave",
        ]
        assert sum("22 Oak Ave" in str(row.get(place)) for row in rows) == 1
        (note,) = at.rows(crm, notes)
        assert "Loved the garden" in str(note)


@pytest.mark.parametrize(
    ("crm", "notes", "keys"),
    [
        ("gohighlevel", "notes", {"access_token": "private_integration_token", "location_id": "location_id"}),
        ("lofty", "Notes", {"api_key": "api_key"}),
    ],
)
async def test_where_appointments_need_a_contact_there_is_feedback_and_no_tour(
    tmp_path: Path, crm: str, notes: str, keys: dict[str, str]
) -> None:
    double = make_double(crm, Options(base_url=HOST, seed=3))
    settings: dict[str, Value] = {name: double.credentials[key] for name, key in keys.items()}
    connection = ConnectionSettings(crm, crm, {"base_url": HOST, **settings})
    config = Config({crm: connection}, store=f"sqlite:///{tmp_path / 'hub.db'}")
    async with Hub(config, transports={crm: asgi_transport(double.app)}) as hub:
        at = Office(hub, {crm: double})
        contact = Contact(
            first_name="Ann", last_name="Lee", emails=[Email(role="primary", value="ann@example.com")]
        )
        await hub[crm].contacts.create(contact)
        for status in ("written", "unchanged"):
            report = await act(at, "sync_feedback_data", feedback("ann@example.com"))
            assert [one.status for one in report.outcomes] == [status], report
        (note,) = at.rows(crm, notes)
        assert "Loved the garden" in str(note)
        tours = await act(at, "sync_tour_data", tour("ada@example.com"))
        assert ([one.status for one in tours.outcomes], tours.ok) == (["skipped"], False)
