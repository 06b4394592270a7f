"""The portal: the state that all handlers share."""

import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from itertools import takewhile

from crmhub.testing.simulator.clock import SimClock
from crmhub.testing.simulator.table import Row, Table
from crmhub_rest.simulators.hubspot.catalog.objects import ObjectType
from crmhub_rest.simulators.hubspot.catalog.properties import Property
from crmhub_rest.simulators.hubspot.links import Links
from crmhub_rest.simulators.hubspot.owners import Owner
from crmhub_rest.simulators.hubspot.pipelines import Pipeline, Stage
from crmhub_rest.simulators.hubspot.subscriptions import Event, Subscriptions
from crmhub_rest.simulators.numbers import NumberIds

ARCHIVE_DAYS = 90
MORE_ADDRESSES = "hs_additional_emails"
MOST_OUTGOING = 10_000
_MILLISECONDS = 1_000


@dataclass(frozen=True)
class Former:
    """What search still believes of a record: its row before (None: there was none), until a time (epoch
    milliseconds).
    """

    row: Row | None
    until: int


@dataclass(frozen=True)
class HistoryEntry:
    """A value that a property had from `at` (epoch milliseconds) on."""

    value: str
    at: int
    source: str


@dataclass
class Store:
    """The records of one type. Rows hold property values by name; cleared ones are absent.

    Times of change in the table are epoch milliseconds. `history` is kept of records that were written to.
    `addresses` are further e-mail addresses, each with the id of the contact that had it. `labels` are what
    people call one record and many, `primary` the property by which they know it (`secondary` those beside
    it), where the type is the portal's own, `created` when it was defined.
    """

    type: ObjectType
    properties: dict[str, Property]
    groups: dict[str, dict[str, object]]
    ids: NumberIds
    table: Table
    former: dict[int, Former] = field(default_factory=dict[int, Former])
    history: dict[int, dict[str, list[HistoryEntry]]] = field(
        default_factory=dict[int, dict[str, list[HistoryEntry]]]
    )
    merged: dict[str, str] = field(default_factory=dict[str, str])
    version: int = 0
    addresses: dict[str, str] = field(default_factory=dict[str, str])
    labels: tuple[str, str] | None = None
    primary: str = ""
    secondary: tuple[str, ...] = ()
    created: int = 0

    @property
    def custom(self) -> bool:
        """Whether the type is the portal's own."""
        return self.labels is not None

    @property
    def name(self) -> str:
        """The plural in paths."""
        return self.type.name

    def is_id(self, name: str) -> bool:
        """Whether records can be named by this property."""
        one = self.properties.get(name)
        return one is not None and (name in self.type.ids or one.unique)

    def named(self, name: str, value: str) -> list[int]:
        """The places of the live records that a property names, contacts by any of their addresses too."""
        found = self.table.find(name, value)
        if found or name != "email":
            return found
        address = value.strip().lower()
        place = self.table.place_of(self.addresses.get(address, ""))
        if place is None or address not in str(self.table.row(place).get(MORE_ADDRESSES, "")).split(";"):
            return []
        return [place]


class Portal:
    """One HubSpot account with one app installed."""

    def __init__(
        self,
        clock: SimClock,
        stores: Mapping[str, Store],
        owners: Sequence[Owner],
        pipelines: dict[str, dict[str, Pipeline]],
        links: Links,
        subscriptions: Subscriptions,
        seed: int,
    ) -> None:
        self.clock = clock
        self.stores = dict(stores)
        self.owners = {owner.id: owner for owner in owners}
        self.pipelines = pipelines
        self.links = links
        self.subscriptions = subscriptions
        self.portal_id = 48_000_001
        self.app_id = 3_100_001
        self.index_lag = 0
        self.merge_makes_new = True
        self.time_zone: tzinfo = UTC
        self.made_ids = 0
        self.made_types = 0
        self.outbox: deque[dict[str, object]] = deque(maxlen=MOST_OUTGOING)
        self.events: list[Event] = []
        self._random = random.Random(f"hubspot-correlation-{seed}")
        self._names: dict[str, Store] = {}
        for store in stores.values():
            self.name(store)
        links.is_live = self.is_live

    def name(self, store: Store) -> None:
        """Let a store be found by its plural, its singular and its type id."""
        for name in self._names_of(store):
            self._names[name] = store

    def drop(self, store: Store) -> None:
        """Do away with a type of the portal's own."""
        del self.stores[store.name]
        for name in self._names_of(store):
            del self._names[name]
        self.links.disconnect(store.name)

    def _names_of(self, store: Store) -> set[str]:
        one = store.type
        full = {f"p_{one.name}", f"p{self.portal_id}_{one.name}"} if store.custom else set[str]()
        return {name.lower() for name in {one.name, one.singular, one.type_id, *full}}

    @property
    def version(self) -> int:
        """A number that rises with every change of records, associations and stages."""
        return sum(store.version for store in self.stores.values()) + self.links.changes

    def now(self) -> int:
        """The present instant in epoch milliseconds."""
        return int(self.clock.now() * _MILLISECONDS)

    def store(self, name: str) -> Store | None:
        """The records of that type; plural, singular and type id all name it."""
        return self._names.get(name.lower())

    def is_live(self, name: str, record_id: str) -> bool:
        """Whether there is such a record that is not archived."""
        return self.stores[name].table.place_of(record_id) is not None

    def correlation(self) -> str:
        """An id for a reply."""
        text = f"{self._random.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def tell(self, events: Sequence[Event]) -> None:
        """Let those who subscribed hear of events of one call."""
        self.events.extend(events)

    def send(self) -> None:
        """Send what the call has led to."""
        self.outbox.extend(self.subscriptions.messages(self.events, self.now()))
        self.events.clear()

    def purge(self, store: Store) -> None:
        """Forget what was archived more than 90 days ago."""
        horizon = self.now() - ARCHIVE_DAYS * 86_400 * _MILLISECONDS
        for gone in list(takewhile(lambda one: one.at <= horizon, store.table.deleted())):
            store.table.purge(gone.place)

    def stage_of(self, store: Store, row: Row) -> tuple[Pipeline, Stage] | None:
        """The pipeline and stage that the record is in."""
        pipeline = self.pipelines.get(store.name, {}).get(str(row.get(store.type.pipeline, "")))
        stage = pipeline.stages.get(str(row.get(store.type.stage, ""))) if pipeline else None
        return (pipeline, stage) if pipeline and stage else None

    def choices(self, store: Store) -> Callable[[Property], Mapping[str, str] | None]:
        """The present choices of enumerations that are kept elsewhere."""

        def of(one: Property) -> Mapping[str, str] | None:
            pipelines = [
                each for each in self.pipelines.get(store.name, {}).values() if each.archived_at is None
            ]
            if one.name == store.type.pipeline:
                return {each.id: each.label for each in pipelines}
            if one.name == store.type.stage:
                return {stage.id: stage.label for each in pipelines for stage in each.live_stages}
            if one.name.endswith("owner_id"):
                return {owner.id: owner.email for owner in self.owners.values() if not owner.archived}
            return None

        return of
