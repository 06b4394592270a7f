"""The organisation: its users, its modules with their records, its clock and zone."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo

from crmhub.testing.simulator.clock import SimClock, iso_seconds
from crmhub.testing.simulator.table import Row, Table, TableState
from crmhub_zoho.simulator.channels import Channels
from crmhub_zoho.simulator.fields import ANY_MODULE, Field
from crmhub_zoho.simulator.ids import FILES_BLOCK, LAYOUTS_BLOCK, METADATA_BLOCK, ROWS_BLOCK, IdBlock
from crmhub_zoho.simulator.jobs import Jobs
from crmhub_zoho.simulator.modules import ModuleSpec
from crmhub_zoho.simulator.people import User
from crmhub_zoho.simulator.processes import Process
from crmhub_zoho.simulator.tag_book import TagBook

SE_MODULE = "$se_module"
CONVERTED = "Converted__s"
_LAYOUTS = IdBlock(LAYOUTS_BLOCK)
_METADATA = IdBlock(METADATA_BLOCK)
_FILES = IdBlock(FILES_BLOCK)
_ROWS = IdBlock(ROWS_BLOCK)


BULK_PAGE = 200_000
"""The records in one page of a bulk read."""

MOST_OUTGOING = 1_000
_PER_MODULE = 1_000_000
_TAGS = 5_000_000_000


def metadata_id(number: int, offset: int) -> str:
    """The id of a piece of metadata of module `number`; each module has a million of them."""
    return _METADATA.id_of(number * _PER_MODULE + offset)


@dataclass(frozen=True)
class Tombstone:
    """A record deleted for good: only its id and the time (epoch seconds) are still known."""

    id: str
    at: int


@dataclass(frozen=True)
class Upload:
    """A file that was uploaded for a bulk write: the name it was sent with, and its bytes."""

    name: str
    content: bytes


@dataclass
class Module:
    """One module: what it is and what it holds.

    Rows are kept by field: null fields are absent, lookups are ids, times are texts in the organisation's
    zone.
    """

    spec: ModuleSpec
    number: int
    fields: Mapping[str, Field]
    table: Table
    ids: IdBlock
    custom: bool = False
    tombstones: list[Tombstone] = field(default_factory=list[Tombstone])

    @property
    def name(self) -> str:
        """The API name."""
        return self.spec.api_name

    @property
    def id(self) -> str:
        """The module's own id."""
        return metadata_id(self.number, 0)

    @property
    def layout(self) -> dict[str, object]:
        """How records name their layout."""
        return {"name": "Standard", "id": _LAYOUTS.id_of(self.number)}

    @property
    def unique_fields(self) -> list[str]:
        """The fields in which no two records may agree."""
        return [name for name, one in self.fields.items() if one.unique]

    def purge(self, place: int) -> None:
        """Delete a record of the recycle bin for good."""
        gone = self.table.purge(place)
        self.tombstones.append(Tombstone(self.table.id_at(place), gone.at))

    def title(self, row: Row) -> str:
        """What people call the record."""
        value = row.get(self.spec.name_field)
        return value if isinstance(value, str) else ""


class Org:
    """State that all handlers share.

    `attachments` are records that no list shows; `contents` are their files by id; `photos` are names and
    images by record id.
    `processes` are the blueprints by module; new records of the modules in `approval` wait for approval, as
    those in `pending` do; `locked` are ids of locked records.
    `outbox` holds what Zoho would have sent to others' addresses, oldest first: `{"url", "body"}`.
    """

    def __init__(
        self,
        clock: SimClock,
        zone: tzinfo,
        users: list[User],
        modules: Mapping[str, Module],
        attachments: Module,
    ) -> None:
        self.clock = clock
        self.zone = zone
        self.users = {user.id: user for user in users}
        self.modules = modules
        self._by_lower = {name.lower(): module for name, module in modules.items()}
        self.tags = TagBook(lambda number: _METADATA.id_of(_TAGS + number))
        self.attachments = attachments
        self.contents: dict[str, bytes] = {}
        self.has_converted = False
        self.photos: dict[str, tuple[str, bytes]] = {}
        self.jobs = Jobs(clock)
        self.channels = Channels(clock)
        self.uploads: dict[str, Upload] = {}
        self.bulk_page = BULK_PAGE
        self.outbox: deque[dict[str, object]] = deque(maxlen=MOST_OUTGOING)
        self.processes: Mapping[str, Process] = {}
        self.approval: frozenset[str] = frozenset()
        self.locked: set[str] = set()
        self.pending: set[str] = set()
        self._rows = 0

    @property
    def admin(self) -> User:
        """The user whose tokens are handed out."""
        return next(user for user in self.users.values() if user.active)

    def module(self, name: str) -> Module | None:
        """The module of that API name, in any case."""
        return self._by_lower.get(name.lower())

    def stamp(self, instant: float) -> str:
        """`instant` (epoch seconds) as Zoho writes it: in the organisation's zone, whole seconds."""
        return iso_seconds(instant, self.zone)

    def targets(self, one: Field, row: Mapping[str, object]) -> list[Module]:
        """The modules that the lookup field of this row may lead to."""
        if one.target == ANY_MODULE:
            named = self.module(str(row.get(SE_MODULE, "")))
            return [named] if named else []
        names = (one.target, "Leads") if one.api_name == "Who_Id" else (one.target,)
        return [module for name in names if (module := self.module(name))]

    def linked(self, one: Field, row: Row) -> tuple[Module, Row] | None:
        """The live record that the lookup field of this row leads to, if any."""
        target_id = row.get(one.api_name)
        if not isinstance(target_id, str):
            return None
        for module in self.targets(one, row):
            found = module.table.get(target_id)
            if found is not None:
                return module, found
        return None

    def reader(self, one: Field) -> Callable[[Row], object]:
        """A function that reads the present value of a field: a lookup to a record that is gone is null."""
        name = one.api_name
        if one.data_type != "lookup":
            return lambda row: row.get(name)
        if one.target == ANY_MODULE:
            return lambda row: _live_id(self.targets(one, row), row.get(name))
        fixed = self.targets(one, {})
        return lambda row: _live_id(fixed, row.get(name))

    def described(self, name: str) -> Module | None:
        """The module of that API name, in any case, among them that of attachments."""
        return self.attachments if name.lower() == "attachments" else self.module(name)

    def keep_state(self) -> dict[str, TableState]:
        """The records of all modules as they are now."""
        return {name: module.table.state() for name, module in self.modules.items()}

    def bring_back(self, state: Mapping[str, TableState]) -> None:
        """Make the records of all modules what they were."""
        for name, kept in state.items():
            self.modules[name].table.bring_back(kept)

    def keep_upload(self, upload: Upload) -> str:
        """Keep a file and give its id."""
        file_id = _FILES.id_of(len(self.uploads))
        self.uploads[file_id] = upload
        return file_id

    def next_row_id(self) -> str:
        """The id of a new row of a subform."""
        self._rows += 1
        return _ROWS.id_of(self._rows - 1)

    def record_modules(self) -> Iterator[Module]:
        """All modules that hold records."""
        return iter(self.modules.values())


def approval_state(org: Org, row: Row) -> str:
    """Where an approval stands, in Zoho's words."""
    return "approval_process_pending" if row["id"] in org.pending else "approved"


def _live_id(modules: Sequence[Module], target_id: object) -> str | None:
    if isinstance(target_id, str):
        for module in modules:
            if module.table.place_of(target_id) is not None:
                return target_id
    return None
