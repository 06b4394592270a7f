"""HubSpot's own Python client does its work against the served double."""
# pyright: reportMissingImports=false, reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.serve import running
from crmhub_rest.simulators.hubspot.double import HubSpotDouble
from tests.integration.hubspot_double.conftest import BOUNDLESS

hubspot = pytest.importorskip("hubspot", reason="HubSpot's client is not installed")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[HubSpotDouble, str]]:
    """A double on a socket, with 120 records of each main type, and its address."""
    double = HubSpotDouble(Options(rows=120, settings=BOUNDLESS))
    with running(double) as state:
        yield double, state.url


@pytest.fixture
def client(served: tuple[HubSpotDouble, str]) -> Any:
    """The client with the private app's token."""
    double, url = served
    return hubspot.HubSpot(access_token=double.credentials["private_app_token"], host=url)


def test_it_reads_all_records_of_each_kind_in_pages(client: Any) -> None:
    from hubspot.utils.objects import fetch_all

    crm = client.crm
    for area in (
        crm.contacts,
        crm.companies,
        crm.deals,
        crm.objects.notes,
        crm.objects.tasks,
        crm.objects.meetings,
    ):
        assert len({one.id for one in fetch_all(area.basic_api)}) == 120
    page = client.crm.contacts.basic_api.get_page(limit=5, properties=["email"], associations=["companies"])
    assert page.results[0].properties["email"] == "contact0@example.com"
    assert page.results[0].associations["companies"].results[0].type == "contact_to_company"
    assert page.results[0].created_at.year == 2023


def test_it_creates_changes_reads_and_archives_a_contact(client: Any) -> None:
    from hubspot.crm.contacts import SimplePublicObjectInput, SimplePublicObjectInputForCreate
    from hubspot.crm.contacts.exceptions import ApiException

    api = client.crm.contacts.basic_api
    given = {"email": "sdk@example.com", "firstname": "Sdk"}
    made = api.create(SimplePublicObjectInputForCreate(properties=given, associations=[]))
    api.update(made.id, SimplePublicObjectInput(properties={"city": "Rome"}))
    found = api.get_by_id(
        "sdk@example.com", id_property="email", properties=["city"], properties_with_history=["city"]
    )
    assert (found.id, found.properties["city"]) == (made.id, "Rome")
    assert found.properties_with_history["city"][0].value == "Rome"
    with pytest.raises(ApiException) as caught:
        api.create(SimplePublicObjectInputForCreate(properties=given, associations=[]))
    assert caught.value.status == 409
    assert f"Existing ID: {made.id}" in str(caught.value.body)
    api.archive(made.id)
    assert api.get_by_id(made.id, archived=True).archived_at is not None


def test_it_searches(client: Any) -> None:
    from hubspot.crm.contacts import Filter, FilterGroup, PublicObjectSearchRequest

    chosen = Filter(property_name="email", operator="EQ", value="contact7@example.com")
    request = PublicObjectSearchRequest(
        filter_groups=[FilterGroup(filters=[chosen])],
        properties=["email"],
        sorts=["lastmodifieddate"],
        limit=10,
    )
    found = client.crm.contacts.search_api.do_search(request)
    assert (found.total, found.results[0].properties["email"]) == (1, "contact7@example.com")
    everything = client.crm.deals.search_api.do_search({"limit": 100})
    assert (everything.total, everything.paging.next.after) == (120, "100")


def test_it_writes_and_reads_batches(client: Any) -> None:
    from hubspot.crm import companies

    api = client.crm.companies.batch_api
    inputs = [
        companies.SimplePublicObjectBatchInputForCreate(properties={"name": f"S{n}"}, associations=[])
        for n in range(3)
    ]
    made = api.create(companies.BatchInputSimplePublicObjectBatchInputForCreate(inputs=inputs))
    ids = [one.id for one in made.results]
    changes = [companies.SimplePublicObjectBatchInput(id=one, properties={"city": "Oslo"}) for one in ids]
    assert len(api.update(companies.BatchInputSimplePublicObjectBatchInput(inputs=changes)).results) == 3
    asked = [companies.SimplePublicObjectId(id=one) for one in (*ids, "5")]
    read = api.read(
        companies.BatchReadInputSimplePublicObjectId(
            inputs=asked, properties=["city"], properties_with_history=[]
        )
    )
    assert (len(read.results), read.num_errors, read.errors[0].category) == (3, 1, "OBJECT_NOT_FOUND")
    assert {one.properties["city"] for one in read.results} == {"Oslo"}
    api.archive(companies.BatchInputSimplePublicObjectId(inputs=asked[:3]))
    upserts = [
        {
            "idProperty": "email",
            "id": "batch@example.com",
            "properties": {"email": "batch@example.com", "city": "Bonn"},
        }
    ]
    upserted = client.crm.contacts.batch_api.upsert({"inputs": upserts})
    assert upserted.results[0].new is True


def test_it_associates(client: Any) -> None:
    from hubspot.crm.associations import v4

    deal = client.crm.deals.basic_api.create(
        {"properties": {"dealname": "D", "dealstage": "contractsent"}}
    ).id
    contact = client.crm.contacts.basic_api.get_page(limit=1).results[0].id
    api = client.crm.associations.v4
    made = api.basic_api.create_default("deals", deal, "contacts", contact)
    assert made.results[0].association_spec.association_type_id == 3
    kinds = [v4.AssociationSpec(association_category="HUBSPOT_DEFINED", association_type_id=3)]
    assert api.basic_api.create("deals", deal, "contacts", contact, kinds).to_object_id == contact
    page = api.basic_api.get_page("deals", deal, "contacts")
    assert [one.to_object_id for one in page.results] == [contact]
    asked = v4.BatchInputPublicFetchAssociationsBatchRequest(
        inputs=[v4.PublicFetchAssociationsBatchRequest(id=one) for one in (deal, "5")]
    )
    read = api.batch_api.get_page("deals", "contacts", asked)
    assert (read.results[0].to[0].to_object_id, read.num_errors) == (contact, 1)
    api.basic_api.archive("deals", deal, "contacts", contact)
    assert api.basic_api.get_page("deals", deal, "contacts").results == []
    labels = client.crm.associations.v4.schema.definitions_api.get_all("contacts", "companies").results
    assert {one.type_id for one in labels} == {279, 1}


def test_it_reads_properties_pipelines_and_owners(client: Any) -> None:
    from hubspot.crm.properties import PropertyCreate

    names = {one.name for one in client.crm.properties.core_api.get_all("contacts").results}
    assert {"email", "lastmodifieddate"} <= names
    made = client.crm.properties.core_api.create(
        "deals",
        PropertyCreate(
            name="sdk_made", label="Made", type="string", field_type="text", group_name="dealinformation"
        ),
    )
    assert made.hubspot_defined is False
    pipelines = client.crm.pipelines.pipelines_api.get_all("deals").results
    assert [stage.metadata["probability"] for stage in pipelines[0].stages][-2:] == ["1.0", "0.0"]
    owners = client.crm.owners.get_all()
    assert owners[0].email == "ada.okafor@example.com"
    assert client.crm.owners.owners_api.get_by_id(owners[0].id).user_id == owners[0].user_id


def test_it_signs_in_merges_and_knows_the_signature(served: tuple[HubSpotDouble, str]) -> None:
    from hubspot.utils.signature import Signature

    double, url = served
    known = double.credentials
    tokens = hubspot.HubSpot(host=url).oauth.tokens_api.create(
        grant_type="refresh_token",
        **{name: known[name] for name in ("client_id", "client_secret", "refresh_token")},
    )
    client = hubspot.HubSpot(access_token=tokens.access_token, host=url)
    hooks = hubspot.HubSpot(api_key=known["developer_api_key"], host=url).webhooks
    app = int(known["app_id"])
    hooks.settings_api.configure(
        app, {"targetUrl": "https://hooks.example.com/x", "throttling": {"maxConcurrentRequests": 10}}
    )
    hooks.subscriptions_api.create(app, {"eventType": "contact.merge", "active": True})
    first, second = [
        client.crm.contacts.basic_api.create({"properties": {"firstname": name}}).id for name in "AB"
    ]
    merged = client.crm.contacts.basic_api.merge({"primaryObjectId": first, "objectIdToMerge": second})
    assert merged.properties["hs_merged_object_ids"] == f"{first};{second}"
    (sent,) = double.outbox(clear=True)
    headers = sent["headers"]
    assert isinstance(headers, dict)
    assert Signature.is_valid(
        signature=str(headers["X-HubSpot-Signature-v3"]),
        client_secret=known["client_secret"],
        request_body=str(sent["body"]),
        http_uri=str(sent["url"]),
        signature_version="v3",
        timestamp=str(headers["X-HubSpot-Request-Timestamp"]),
    )
