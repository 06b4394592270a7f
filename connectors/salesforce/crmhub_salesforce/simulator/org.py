"""The played org: its object types, their records, its users and its clock."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

from crmhub.testing.simulator.clock import SimClock, days
from crmhub.testing.simulator.table import NO_ROWS, Row, Seeded, Table
from crmhub.testing.simulator.users_file import UserSpec
from crmhub_salesforce.simulator.catalog.objects import Catalog, stages_of
from crmhub_salesforce.simulator.catalog.opportunities import FORECAST_NAMES, Stage
from crmhub_salesforce.simulator.catalog.sobject import SObject
from crmhub_salesforce.simulator.customs import Customs
from crmhub_salesforce.simulator.ids import ObjectIds
from crmhub_salesforce.simulator.record_types import RecordType
from crmhub_salesforce.simulator.values import as_double, stamp

ORG_PLACE = 0
API_USER_PLACE = 0
BIN_DAYS = 15
"""Days that a deleted record stays in the recycle bin (and in the delete log)."""


@dataclass(frozen=True)
class LoggedDelete:
    """An entry of the delete log: which record went, when (epoch seconds)."""

    id: str
    at: int


class Org:
    """State of one org. Rows hold only what is not null, as it goes out (instants and dates as text)."""

    def __init__(
        self,
        catalog: Catalog,
        clock: SimClock,
        users: list[UserSpec],
        seeded: Callable[["Org"], Mapping[str, Seeded]],
        *,
        record_types: Sequence[RecordType] = (),
        rates: Mapping[str, Decimal] | None = None,
    ) -> None:
        self.catalog = catalog
        self.clock = clock
        self.created_at = clock.seconds()
        self.stages: list[Stage] = stages_of(catalog)
        self.ids = {sobject.name: ObjectIds(sobject.prefix) for sobject in catalog}
        self.id = self.ids["Organization"].id_of(ORG_PLACE)
        self.user_id = self.ids["User"].id_of(API_USER_PLACE)
        self.owners = [self.ids["User"].id_of(place + 1) for place, user in enumerate(users) if user.active]
        self.deletions: dict[str, list[LoggedDelete]] = {sobject.name: [] for sobject in catalog}
        self.log_from = 0
        self.rates = rates or {}
        """What one unit of the org's own currency is worth, by code; empty in an org of one currency."""
        self.customs = Customs()
        self.late_by = 0
        """So many seconds before the present writes say that they were made, as their commit took so long."""
        self.record_types = self._types(record_types)
        """By id: the record types, with the object that each is of."""
        self._undo: list[Callable[[], object]] | None = None
        rows = seeded(self)
        self.tables = {
            sobject.name: Table(self.ids[sobject.name], rows.get(sobject.name, NO_ROWS))
            for sobject in catalog
        }
        self._found(users)
        self._set_up()

    def _found(self, users: list[UserSpec]) -> None:
        api = UserSpec("Integration", "User", "integration.user@example.com")
        own: Row = {"CurrencyIsoCode": next(iter(self.rates))} if self.rates else {}
        self._place("User", {**_user_row(api), "TimeZoneSidKey": "GMT", **own})
        for user in users:
            self._place("User", {**_user_row(user), **own})
        self._place(
            "Organization",
            {
                "Name": "Simulated Org",
                "Country": "US",
                "OrganizationType": "Developer Edition",
                "InstanceName": "SIM1",
                "DefaultLocaleSidKey": "en_US",
                "LanguageLocaleKey": "en_US",
                "TimeZoneSidKey": "America/Los_Angeles",
                "FiscalYearStartMonth": 1,
                "UsesStartDateAsFiscalYearName": False,
                "IsSandbox": False,
            },
        )
        for order, stage in enumerate(self.stages, 1):
            self._place("OpportunityStage", _stage_row(stage, order))

    def _types(self, record_types: Sequence[RecordType]) -> dict[str, tuple[str, RecordType]]:
        found: dict[str, tuple[str, RecordType]] = {}
        for place, kind in enumerate(record_types):
            known = self.catalog.get(kind.sobject)
            name = kind.sobject if known is None else known.name
            found[self.ids["RecordType"].id_of(place)] = (name, kind)
        return found

    def types_of(self, sobject: SObject) -> list[str]:
        """The ids of an object's record types, its default first."""
        return [key for key, (name, _) in self.record_types.items() if name == sobject.name]

    def _set_up(self) -> None:
        for name, kind in self.record_types.values():
            row: Row = {"Name": kind.name, "DeveloperName": kind.developer_name, "IsActive": True}
            self._place("RecordType", {**row, "SobjectType": name})
        own = next(iter(self.rates), None)
        for code, rate in self.rates.items():
            said: Row = {"IsoCode": code, "ConversionRate": as_double(rate)}
            extra: Row = {"DecimalPlaces": 2, "IsActive": True, "IsCorporate": code == own}
            self._place("CurrencyType", {**said, **extra})
            dates: Row = {"StartDate": "0001-01-01", "NextStartDate": "9999-12-31"}
            self._place("DatedConversionRate", {**said, **dates})

    def default_type(self, sobject: SObject) -> str | None:
        """The record type that new records of an object have."""
        return next(iter(self.types_of(sobject)), None)

    def _now(self) -> int:
        """When what is written now says that it was."""
        return self.clock.seconds() - self.late_by

    def _place(self, name: str, row: Row) -> None:
        table = self.tables[name]
        by = self.user_id
        moment = stamp(self.created_at)
        table.insert(
            {
                "Id": table.id_at(table.next_place),
                **row,
                "CreatedDate": moment,
                "CreatedById": by,
                "LastModifiedDate": moment,
                "LastModifiedById": by,
                "SystemModstamp": moment,
            },
            self.created_at,
        )

    @property
    def zone(self) -> tzinfo:
        """The API user's time zone, in which date literals count days."""
        user = self.tables["User"].row(API_USER_PLACE)
        name = str(user.get("TimeZoneSidKey") or "GMT")
        return UTC if name == "GMT" else ZoneInfo(name)

    @property
    def fiscal_start(self) -> int:
        """The month in which the fiscal year begins."""
        return int(str(self.tables["Organization"].row(ORG_PLACE).get("FiscalYearStartMonth") or 1))

    def stage(self, label: object) -> Stage | None:
        """The sales stage of that label, in any case."""
        wanted = str(label).casefold()
        return next((stage for stage in self.stages if stage.label.casefold() == wanted), None)

    def live(self, record_id: str) -> Row | None:
        """The record with this id (18 characters), unless it is deleted."""
        sobject = self.catalog.of_id(record_id)
        return None if sobject is None else self.tables[sobject.name].get(record_id)

    def known(self, record_id: str) -> Row | None:
        """The record with this id, also from the recycle bin."""
        row = self.live(record_id)
        if row is not None:
            return row
        sobject = self.catalog.of_id(record_id)
        gone = None if sobject is None else self.tables[sobject.name].deleted_by_id(record_id)
        return None if gone is None else gone.row

    def in_bin(self, record_id: str) -> bool:
        """Whether the record is deleted and can still be restored."""
        sobject = self.catalog.of_id(record_id)
        return sobject is not None and self.tables[sobject.name].deleted_by_id(record_id) is not None

    def row_at(self, sobject: SObject, place: int) -> Row | None:
        """The record at a place, live or in the recycle bin; None once it is purged."""
        table = self.tables[sobject.name]
        return table.row(place) if table.is_live(place) else self.known(table.id_at(place))

    @contextmanager
    def transaction(self) -> Generator["Transaction"]:
        """Collect what is done, so that it can be undone; nested transactions are part of the outer one."""
        outer, own = self._undo, list[Callable[[], object]]()
        self._undo = own
        try:
            yield Transaction(own)
        finally:
            self._undo = outer
            if outer is not None:
                outer.extend(own)

    def _undoable(self, step: Callable[[], object]) -> None:
        if self._undo is not None:
            self._undo.append(step)

    def insert(self, sobject: SObject, row: Row) -> str:
        """Keep a new record; its audit fields are set here. Returns its id."""
        table = self.tables[sobject.name]
        now = self._now()
        record_id = table.id_at(table.next_place)
        place = table.insert({"Id": record_id, **row, **self._audit(now, created=True)}, now)

        def undo() -> None:
            table.delete(place, now)
            table.purge(place)

        self._undoable(undo)
        return record_id

    def update(self, sobject: SObject, place: int, row: Row) -> None:
        """Replace a live record; its audit fields are set here."""
        table = self.tables[sobject.name]
        before, at = table.row(place), table.modified(place)
        now = self._now()
        table.replace(place, {**row, **self._audit(now, created=False)}, now)
        self._undoable(lambda: table.replace(place, before, at))

    def delete(self, sobject: SObject, place: int) -> None:
        """Move a live record to the recycle bin."""
        table = self.tables[sobject.name]
        before, at = table.row(place), table.modified(place)
        now = self._now()
        moment = stamp(now)
        gone = {**before, "IsDeleted": True, "SystemModstamp": moment, "LastModifiedDate": moment}
        table.replace(place, gone, now)
        table.delete(place, now, self.user_id)
        log = self.deletions[sobject.name]
        log.append(LoggedDelete(str(before["Id"]), now))

        def undo() -> None:
            table.restore(place, at)
            table.replace(place, before, at)
            log.pop()

        self._undoable(undo)

    def _audit(self, now: int, *, created: bool) -> Row:
        moment = stamp(now)
        changed: Row = {
            "LastModifiedDate": moment,
            "LastModifiedById": self.user_id,
            "SystemModstamp": moment,
        }
        return {"CreatedDate": moment, "CreatedById": self.user_id, **changed} if created else changed

    def empty_old_bins(self) -> None:
        """Purge what has been in the recycle bin for too long."""
        oldest = self.clock.now() - days(BIN_DAYS)
        for name, table in self.tables.items():
            for gone in [gone for gone in table.deleted() if gone.at < oldest]:
                table.purge(gone.place)
            self.deletions[name] = [entry for entry in self.deletions[name] if entry.at >= oldest]


@dataclass(frozen=True)
class Transaction:
    """What was done, newest last."""

    steps: list[Callable[[], object]]

    def undo(self) -> None:
        """Take all of it back."""
        while self.steps:
            self.steps.pop()()


def _user_row(user: UserSpec) -> Row:
    row: Row = {
        "Username": user.email,
        "LastName": user.last_name,
        "Name": user.full_name,
        "Email": user.email,
        "Alias": (user.first_name[:1] + user.last_name)[:8].lower(),
        "CommunityNickname": user.email.partition("@")[0][:40],
        "IsActive": user.active,
        "UserType": "Standard",
        "TimeZoneSidKey": "America/Los_Angeles",
        "LocaleSidKey": "en_US",
        "EmailEncodingKey": "UTF-8",
        "LanguageLocaleKey": "en_US",
    }
    if user.first_name:
        row["FirstName"] = user.first_name
    if user.role:
        row["Title"] = user.role
    return row


def _stage_row(stage: Stage, order: int) -> Row:
    return {
        "MasterLabel": stage.label,
        "ApiName": stage.label,
        "IsActive": True,
        "SortOrder": order,
        "IsClosed": stage.closed,
        "IsWon": stage.won,
        "ForecastCategory": stage.forecast,
        "ForecastCategoryName": FORECAST_NAMES[stage.forecast],
        "DefaultProbability": Decimal(f"{stage.probability}.0"),
    }
