"""All routes of the API."""

from crmhub_rest.simulators.lofty import (
    calendar,
    features,
    leads,
    members,
    notes,
    talks,
    tasks,
    tasks_v1,
    transactions,
    webhooks,
)
from crmhub_rest.simulators.lofty.call import Endpoint
from crmhub_rest.simulators.lofty.lead_lists import LeadLists


def endpoints() -> list[Endpoint]:
    """Every route, those without a parameter before those that would catch them."""
    rooms = (leads, transactions, tasks, tasks_v1, calendar, notes, talks, members, features, webhooks)
    return [*LeadLists().endpoints(), *(one for room in rooms for one in room.endpoints())]
