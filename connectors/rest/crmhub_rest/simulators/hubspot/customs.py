"""Objects of the portal's own.

Source: HubSpot "CRM API | Custom objects": type ids begin with `2-`; the name in full is that of the
portal and of the object; every custom object can be associated with activities.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from crmhub.testing.simulator.table import Table
from crmhub_rest.simulators.hubspot.catalog.objects import TYPES, custom_type
from crmhub_rest.simulators.hubspot.portal import Portal, Store
from crmhub_rest.simulators.hubspot.seeding import ids_of

ACTIVITIES = ("notes", "tasks", "calls", "meetings", "emails")
_FIRST_TYPE = 50_000_001


@dataclass(frozen=True)
class Labels:
    """What people call one record, and many."""

    singular: str
    plural: str


def add_custom(
    portal: Portal,
    name: str,
    labels: Labels,
    *,
    required: Iterable[str] = (),
    searched: Iterable[str] = (),
    others: Iterable[str] = (),
) -> Store:
    """A new type of records, which can be associated with `others` and with activities."""
    number = len(TYPES) + portal.made_types
    portal.made_types += 1
    one = custom_type(name, f"2-{_FIRST_TYPE + number}", tuple(required), tuple(searched))
    ids = ids_of(number)
    group: dict[str, object] = {
        "name": one.group,
        "label": f"{labels.singular} information",
        "displayOrder": 0,
        "archived": False,
    }
    properties = {each.name: each for each in one.properties}
    store = Store(
        one, properties, {one.group: group}, ids, Table(ids), labels=(labels.singular, labels.plural)
    )
    portal.stores[name] = store
    portal.name(store)
    for other in dict.fromkeys((*others, *ACTIVITIES)):
        portal.links.connect(name, other)
    return store
