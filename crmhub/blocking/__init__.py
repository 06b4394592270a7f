"""The same API without ``async``: for scripts, notebooks, and programs without an event loop.

>>> from crmhub.blocking import Hub
>>> with Hub.load("crmhub.yaml") as hub:
...     for deal in hub["zoho"].deals.list():
...         print(deal.name, deal.amount)

All hubs share one thread with an event loop, in which the asynchronous objects do the work; so
callbacks and observers are called there. Its types are in ``__init__.pyi``, made from the
asynchronous classes by ``make stubs``.
"""

from __future__ import annotations

from crmhub import connection, everywhere, hub, listing, records, webhooks
from crmhub.blocking.faces import face_of

__all__ = [
    "Connection",
    "Everywhere",
    "Hub",
    "Listing",
    "ListingEverywhere",
    "Records",
    "RecordsEverywhere",
    "Webhooks",
]

Hub = face_of(hub.Hub)
Connection = face_of(connection.Connection)
Records = face_of(records.Records)
Listing = face_of(listing.Listing)
Everywhere = face_of(everywhere.Everywhere)
RecordsEverywhere = face_of(everywhere.RecordsEverywhere)
ListingEverywhere = face_of(everywhere.ListingEverywhere)
Webhooks = face_of(webhooks.Webhooks)
