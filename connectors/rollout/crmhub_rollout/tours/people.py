"""Who is meant: the agent among a CRM's users, the buyer among its contacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crmhub import Contact, Hub
from crmhub.connection import Connection
from crmhub.errors import BadRequest, CrmhubError, InvalidRecord, NotFound, Unsupported, Where
from crmhub.native import Native
from crmhub.store import RecordRef

__all__ = ["agent_in", "buyer_in", "origin_of"]

_PRIMARY = "emails[role=primary].value"


async def agent_in(target: Connection, agent: str) -> Native:
    """What is known of the agent: from the CRM's own users, or from the id itself."""
    users = await target.directory("user")
    found = users.entries.get(agent) if users is not None else None
    if found is not None:
        return {name: str(found[name]) for name in ("email", "name") if found.get(name) is not None}
    return {"email": agent} if "@" in agent else {"name": agent}


async def origin_of(hub: Hub, targets: Sequence[Connection], buyer: str) -> RecordRef | None:
    """The contact whose id the buyer's is, where it is an id and not an e-mail address.

    Raises ``InvalidRecord`` for an id that several CRMs have: ids are their own.
    """
    named, _, id_ = buyer.partition(":")
    if id_ and named in hub:
        return await _by_id(hub[named], id_)
    if "@" in buyer:
        return None
    found: list[RecordRef] = []
    for target in targets:
        try:
            known = await _by_id(target, buyer)
        except CrmhubError:
            continue  # its own outcome says so
        if known is not None:
            found.append(known)
    if len(found) > 1:
        where = ", ".join(ref.connection for ref in found)
        raise InvalidRecord(
            f"the id of the buyer is a contact's in {where}: which one is meant cannot be told",
            hint="give the e-mail address, or connection:id",
        )
    return found[0] if found else None


async def buyer_in(hub: Hub, target: Connection, buyer: str, origin: RecordRef | None) -> RecordRef:
    """The contact in that CRM. Raises ``NotFound`` where there is none, ``InvalidRecord`` where several."""
    if origin is not None and origin.connection == target.name:
        return origin
    if origin is None and "@" in buyer:
        return await _by_email(target, buyer)
    objects = [mapped.object for mapped in await target.of(Contact).maps()]
    links = (await hub.store()).links
    linked: dict[RecordRef, None] = {}
    sources = [origin.connection] if origin is not None else [name for name in hub if name != target.name]
    for name in sources:
        link = (await links.find_any(name, [origin.id if origin else buyer], target.name)).get(
            origin.id if origin else buyer
        )
        if link is not None and link.state == "linked" and link.target.object in objects:
            linked[link.target] = None
    return _only(list(linked), target, "is linked to the buyer's id")


async def _by_id(target: Connection, id: str) -> RecordRef | None:
    try:
        (contact,) = await target.contacts.get_many([id], fields=["full_name"])
    except (BadRequest, InvalidRecord, NotFound):
        return None
    return _ref(target, contact) if contact is not None else None


async def _by_email(target: Connection, email: str) -> RecordRef:
    wanted = email.strip().casefold()
    found: dict[RecordRef, Contact] = {}
    async for contact in _candidates(target, wanted):
        if any((each.value or "").casefold() == wanted for each in contact.emails or ()):
            found[_ref(target, contact)] = contact
    people = [ref for ref, contact in found.items() if contact.kind == "person"]
    return _only(people or list(found), target, "has the buyer's e-mail address")


async def _candidates(target: Connection, email: str):
    """Contacts of that address: as the CRM can filter them, else all of them."""
    where: Mapping[str, object] = {_PRIMARY: email}
    try:
        for contact in await target.contacts.list(where=where, fields=["emails"]):
            yield contact
    except Unsupported:
        async for contact in target.contacts.list(fields=["emails"]):
            yield contact


def _ref(target: Connection, contact: Contact) -> RecordRef:
    return RecordRef(target.name, str(contact.object), str(contact.id))


def _only(found: Sequence[RecordRef], target: Connection, what: str) -> RecordRef:
    if len(found) == 1:
        return found[0]
    where = Where(connection=target.name, field="buyerId")
    if found:
        raise InvalidRecord(
            f"{len(found)} contacts: each {what}", hint=f"give {target.name}:id as buyerId", where=where
        )
    raise NotFound(
        f"no contact {what}", hint="make or sync the contact, then repeat the call: it is safe", where=where
    )
