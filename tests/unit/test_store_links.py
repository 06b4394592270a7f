from __future__ import annotations

import pytest

from crmhub.errors import StoreError
from crmhub.store import Changes, Link, RecordRef, Store

pytestmark = pytest.mark.anyio


def zoho(id: str, object: str = "Accounts") -> RecordRef:
    return RecordRef("zoho", object, id)


def sf(id: str, object: str = "Account") -> RecordRef:
    return RecordRef("sf", object, id)


def a_link(source: RecordRef, target: RecordRef, base: str | None = '{"name": "Acme"}') -> Link:
    return Link("account", source, target, b"digest", base, source_version="7", target_version="9")


async def save(store: Store, *links: Link) -> None:
    await store.commit(Changes(job="zoho-sf", links=links))


async def test_a_link_is_found_from_the_side_it_was_made_from(store: Store) -> None:
    link = a_link(zoho("1"), sf("001"))
    await save(store, link)

    assert await store.links.find(("zoho", "Accounts"), "sf", ["1", "2"]) == {"1": link}


async def test_a_link_is_found_from_its_other_side_with_source_and_target_exchanged(store: Store) -> None:
    await save(store, a_link(zoho("1"), sf("001")))

    found = await store.links.find(("sf", "Account"), "zoho", ["001"])

    assert found == {
        "001": Link("account", sf("001"), zoho("1"), b"digest", '{"name": "Acme"}', "9", "7"),
    }


async def test_a_pair_written_from_either_side_is_one_pair(store: Store) -> None:
    await save(store, a_link(zoho("1"), sf("001")))
    await save(store, Link("account", sf("001"), zoho("1"), b"newer", None, "10", "8"))

    found = await store.links.find(("zoho", "Accounts"), "sf", ["1"])

    assert found == {"1": Link("account", zoho("1"), sf("001"), b"newer", None, "8", "10")}


async def test_the_reverse_look_up_answers_by_target_id_and_keeps_the_direction(store: Store) -> None:
    link = a_link(zoho("1"), sf("001"))
    await save(store, link)

    assert await store.links.find_target("zoho", ("sf", "Account"), ["001", "002"]) == {"001": link}


async def test_other_objects_and_other_connections_are_not_found(store: Store) -> None:
    await save(store, a_link(zoho("1"), sf("001")))

    assert await store.links.find(("zoho", "Contacts"), "sf", ["1"]) == {}
    assert await store.links.find(("zoho", "Accounts"), "hubspot", ["1"]) == {}
    assert await store.links.find(("pipedrive", "Accounts"), "sf", ["1"]) == {}


async def test_a_page_larger_than_one_query_is_found_whole(store: Store) -> None:
    links = [a_link(zoho(str(n)), sf(f"00{n}")) for n in range(1_203)]
    await save(store, *links)

    found = await store.links.find(("zoho", "Accounts"), "sf", [link.source.id for link in links] * 2)

    assert found == {link.source.id: link for link in links}


async def test_a_reference_to_several_objects_is_found_by_id_alone(store: Store) -> None:
    account, contact = a_link(zoho("1"), sf("001")), a_link(zoho("2", "Contacts"), sf("003", "Contact"))
    await save(store, account, contact)

    assert await store.links.find_any("zoho", ["1", "2", "3"], "sf") == {"1": account, "2": contact}


async def test_an_id_that_two_objects_share_is_never_guessed(store: Store) -> None:
    account, contact = a_link(zoho("1"), sf("001")), a_link(zoho("1", "Contacts"), sf("003", "Contact"))
    await save(store, account, contact)

    with pytest.raises(StoreError, match="Accounts and Contacts") as raised:
        await store.links.find_any("zoho", ["1"], "sf")

    assert raised.value.where.record == "1"
    assert await store.links.find_any("zoho", ["1"], "sf", objects=["Contacts"]) == {"1": contact}


async def test_a_record_shows_all_its_links_seen_from_itself(store: Store) -> None:
    to_sf, to_hubspot = (
        a_link(zoho("1"), sf("001")),
        a_link(zoho("1"), RecordRef("hubspot", "companies", "5")),
    )
    await save(store, to_sf, to_hubspot, a_link(zoho("2"), sf("002")))

    assert await store.links.of_record("zoho", "Accounts", "1") == [to_hubspot, to_sf]
    assert [link.target for link in await store.links.of_record("sf", "Account", "001")] == [zoho("1")]


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(a_link(zoho("1"), sf("002")), id="the source is taken"),
        pytest.param(a_link(zoho("2"), sf("001")), id="the target is taken"),
        pytest.param(a_link(sf("001"), zoho("2")), id="the source is taken, other way round"),
        pytest.param(a_link(sf("002"), zoho("1")), id="the target is taken, other way round"),
    ],
)
@pytest.mark.parametrize("together", [True, False], ids=["one page", "two pages"])
async def test_a_record_is_linked_to_one_record_of_another_connection(
    store: Store, second: Link, together: bool
) -> None:
    first, other = a_link(zoho("1"), sf("001")), a_link(zoho("9"), sf("009"))
    if not together:
        await save(store, first)

    with pytest.raises(StoreError, match="already linked to") as raised:
        await save(store, other, *([first] if together else []), second)

    assert "forget the old link" in str(raised.value)
    left = await store.links.find(("zoho", "Accounts"), "sf", ["1", "2", "9"])
    assert left == ({} if together else {"1": first})


async def test_an_unlinked_pair_keeps_its_place_and_what_was_agreed(store: Store) -> None:
    link = a_link(zoho("1"), sf("001"))
    await save(store, link)

    await store.commit(Changes(job="zoho-sf", unlinked=[link]))

    found = await store.links.find(("zoho", "Accounts"), "sf", ["1"])
    assert (found["1"].state, found["1"].base) == ("unlinked", link.base)
    with pytest.raises(StoreError, match="already linked"):
        await save(store, a_link(zoho("1"), sf("002")))


async def test_an_unlinked_pair_can_be_linked_again(store: Store) -> None:
    link = a_link(zoho("1"), sf("001"))
    await save(store, link)
    await store.commit(Changes(job="zoho-sf", unlinked=[link]))

    await save(store, link)

    assert await store.links.find(("zoho", "Accounts"), "sf", ["1"]) == {"1": link}


async def test_a_forgotten_link_makes_way_for_another_in_the_same_page(store: Store) -> None:
    old, new = a_link(zoho("1"), sf("001")), a_link(zoho("1"), sf("002"))
    await save(store, old)

    await store.commit(Changes(job="zoho-sf", forgotten=[old], links=[new]))

    assert await store.links.find(("zoho", "Accounts"), "sf", ["1"]) == {"1": new}


async def test_forgetting_an_outdated_link_leaves_the_present_one(store: Store) -> None:
    present = a_link(zoho("1"), sf("002"))
    await save(store, present)

    await store.commit(Changes(job="zoho-sf", forgotten=[a_link(zoho("1"), sf("001"))]))

    assert await store.links.find(("zoho", "Accounts"), "sf", ["1"]) == {"1": present}


async def test_a_connection_is_not_linked_with_itself(store: Store) -> None:
    with pytest.raises(StoreError, match="not one with itself"):
        await save(store, a_link(zoho("1"), zoho("2")))


async def test_no_ids_means_no_links(store: Store) -> None:
    assert await store.links.find(("zoho", "Accounts"), "sf", []) == {}
