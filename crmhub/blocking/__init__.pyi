"""The same API without ``async``: for scripts, notebooks, and programs without an event loop.

Made by ``make stubs`` from the asynchronous sources; not to be edited.
"""

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Generic, Self, TypeVar

import httpx
from pydantic import BaseModel

from crmhub.actions import Action
from crmhub.clock import Clock
from crmhub.config import Config
from crmhub.connector import (
    Capabilities,
    Check,
    Checkpoint,
    Connector,
    Native,
    ObjectCapabilities,
    ObjectSchema,
    Outcome,
    Value,
)
from crmhub.directory import Directory
from crmhub.errors import InvalidRecord
from crmhub.events import Events
from crmhub.everywhere import Answers
from crmhub.listing import ChangePage
from crmhub.mapping.compiled import CompiledMap
from crmhub.mapping.load import ConnectionMapping
from crmhub.mapping.losses import Loss
from crmhub.mapping.rules import MappingSpec
from crmhub.models import Account, ActivityBase, AssociationSet, Contact, CustomObject, Deal, Record, User
from crmhub.plan import Plan, PlannedWrite
from crmhub.plugins import Plugins
from crmhub.powers import Attachment, Changes, Subscription
from crmhub.records import Written
from crmhub.sync import SyncPlan, SyncReport
from crmhub.sync.job import Job
from crmhub.usage import Estimate, Operation, Usage

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
_Model = TypeVar("_Model", bound=Record)
_T = TypeVar("_T")

class Listing(Generic[_T]):
    """What a list, a search or a query gives. Nothing is sent before the first item is asked for.

    ``for item in listing`` gives them one by one, :meth:`pages` a page at a time, as the CRM
    gives them; :meth:`collect` gives all of them as a list. Each time it begins anew.
    """

    def __iter__(self) -> Generator[_T]: ...
    def close(self) -> None:
        """End the iteration begun last, if it was left early: ``with aclosing(listing)`` does it."""

    def pages(self) -> Generator[Sequence[_T]]:
        """A page at a time; empty ones are left out."""

    def collect(self) -> list[_T]:
        """All of them; they are all in memory then."""

class Records(Generic[_Model]):
    """The records of one model in one connection.

    Single forms raise what goes wrong; batch forms (``…_many``) give one outcome for each item, in
    order, and raise only when nothing at all could be sent. Reading forms take:

    - ``fields``: names of canonical fields; the others stay unset. Ids and versions always come.
    - ``where``: canonical paths with the value each must have, or a list of which it must have one.
    - ``raw``: keeps the CRM's own record on each model.
    - ``on_invalid``: is told of each record that cannot be read, which is then left out; without it
      the first one is raised.
    """

    def maps(self) -> Sequence[CompiledMap]:
        """The maps behind the model. Raises :class:`ConfigError` where it is not mapped."""

    def list(
        self,
        *,
        modified_since: datetime | None = None,
        fields: Iterable[str] | None = None,
        where: Mapping[str, object] | None = None,
        limit: int | None = None,
        raw: bool = False,
        on_invalid: Callable[[InvalidRecord], None] | None = None,
    ) -> Listing[_Model]:
        """Live records, ``modified_since`` then if it is given, at most ``limit``.

        ``for account in accounts.list()`` · ``accounts.list().pages()`` · ``accounts.list().collect()``.
        """

    def search(
        self,
        text: str,
        *,
        fields: Iterable[str] | None = None,
        limit: int = 100,
        raw: bool = False,
        on_invalid: Callable[[InvalidRecord], None] | None = None,
    ) -> Listing[_Model]:
        """Records that the CRM's own search finds for the words; its index may lag behind writes.

        Raises :class:`Unsupported` where the CRM has no search.
        """

    def newest(
        self,
        limit: int,
        *,
        fields: Iterable[str] | None = None,
        raw: bool = False,
        on_invalid: Callable[[InvalidRecord], None] | None = None,
    ) -> Listing[_Model]:
        """The records made last, newest first, at most ``limit``: a short list, as a person would see it.

        Unlike :meth:`list` it can be served by every tier of a CRM. Raises :class:`Unsupported` where the
        CRM has no such list.
        """

    def count(
        self, *, where: Mapping[str, object] | None = None, modified_since: datetime | None = None
    ) -> int:
        """How many live records there are. Where the CRM cannot count them, they are read and counted."""

    def get(self, id: str, *, fields: Iterable[str] | None = None, raw: bool = False) -> _Model:
        """The record of that id. Raises :class:`NotFound`, which tells what became of it if the CRM does."""

    def get_many(
        self, ids: Iterable[str], *, fields: Iterable[str] | None = None, raw: bool = False
    ) -> Sequence[_Model | None]:
        """The record of each id, in order; ``None`` where there is none."""

    def changes(
        self,
        since: Checkpoint | None = None,
        *,
        fields: Iterable[str] | None = None,
        raw: bool = False,
        on_invalid: Callable[[InvalidRecord], None] | None = None,
    ) -> Generator[ChangePage[_Model]]:
        """What changed since a checkpoint of an earlier page (``None``: everything), a page at a time.

        At least once: a record can come again, none is left out. The last page always has a checkpoint.
        Raises :class:`UsageError` for a checkpoint of another model or connection.
        """

    def associations(self, id: str, *, to: Iterable[type[Record]] | None = None) -> AssociationSet:
        """What the record points to and what points to it, by the references of the mapping.

        ``to`` names the models at the other end. The set says whether it is complete.
        """

    def create(self, record: _Model) -> Written:
        """Create the record. Raises the error that the CRM's refusal stands for."""

    def create_many(self, records: Iterable[_Model]) -> Sequence[Outcome]:
        """Create records: one outcome for each."""

    def update(self, id: str, changes: _Model, *, if_version: str | None = None) -> Written:
        """Write exactly the fields that ``changes`` sets; ``None`` clears.

        With ``if_version`` raises :class:`Conflict` when the record has changed since.
        """

    def update_many(self, changes: Iterable[_Model], *, if_unchanged: bool = False) -> Sequence[Outcome]:
        """Write what each sets to the record of its ``id``: one outcome for each.

        With ``if_unchanged`` those whose record has changed since their ``version`` are a conflict.
        """

    def upsert(self, record: _Model, *, match: str) -> Written:
        """Update the record whose ``match`` (a canonical path) is this one's, or create it.

        Matched by the CRM itself, so that two at once do not make two. Raises :class:`Unsupported`,
        naming what can be matched by, where it has no such key.
        """

    def upsert_many(self, records: Iterable[_Model], *, match: str) -> Sequence[Outcome]:
        """Upsert records: one outcome for each."""

    def delete(self, id: str, *, object: str | None = None) -> Written:
        """Delete the record; one that is gone already is no error. ``object`` where the model has several."""

    def delete_many(self, ids: Iterable[str], *, object: str | None = None) -> Sequence[Outcome]:
        """Delete records: one outcome for each."""

    def plan_create(self, record: _Model) -> PlannedWrite:
        """The write that :meth:`create` would do, as data; ``connection.apply`` does it."""

    def plan_update(self, id: str, changes: _Model) -> PlannedWrite:
        """The write that :meth:`update` would do, field by field before and after, as data.

        Raises :class:`NotFound`. One that changes nothing has no fields.
        """

class Webhooks:
    """A CRM's messages about changes of one connection's records.

    Nothing is kept here: the CRM knows its subscriptions, and any process with the connection's settings
    can renew them and prove messages. Messages can be lost, come twice, or late: read ``changes()`` at
    times beside them. Every call raises :class:`Unsupported` where the CRM sends none; where somebody else
    has them sent, :meth:`parse` and :meth:`read` are for them.
    """

    def subscribe(self, objects: Iterable[type[Record] | str], url: str) -> Sequence[Subscription]:
        """Have all changes of these told to ``url``: models, or objects by their native names.

        A model stands for every object that holds its records. Safe to repeat; another URL replaces the
        former one. Raises :class:`NotFound` for an unknown object, :class:`UsageError` for a URL that
        will not do.
        """

    def renew_due(self, now: datetime | None = None) -> Sequence[Subscription]:
        """Renew what would end soon; all subscriptions of this connection that stand then.

        Call it once a day. One that is missing has ended: subscribe again, and read ``changes()`` from
        the last checkpoint.
        """

    def unsubscribe(self, objects: Iterable[type[Record] | str] = ...) -> None:
        """End the subscriptions for these (none named: all of this connection); those gone are no error."""

    def parse(self, raw_body: bytes, headers: Mapping[str, str]) -> Sequence[Changes]:
        """What a message tells, once its origin is proved. Nothing is sent.

        ``raw_body`` is the body as it came, not decoded. Raises :class:`AuthError` for a message that is
        not the CRM's to this connection (answer it with 401), :class:`BadResponse` for one that cannot be
        understood (400).
        """

    def read(
        self,
        changes: Iterable[Changes],
        *,
        raw: bool = False,
        on_invalid: Callable[[InvalidRecord], None] | None = None,
    ) -> Sequence[ChangePage[Record]]:
        """The records that messages tell of, as they are now: a page for each object, and who is gone.

        All are read again, also those told as deleted: a message may be older than the record. Each comes
        as its own model; records of objects that no map names as ``CustomObject``. Several messages can
        be given at once, so that what they tell of is read once. The pages have no checkpoints. A ``gap``
        among them names no records: ``changes()`` from the last checkpoint finds those.
        """

class Connection:
    """One CRM org by name. Nothing is imported, opened or sent before it is used.

    ``accounts``, ``contacts``, ``deals``, ``activities`` and ``users`` are its records as canonical
    models; :meth:`of` gives those of a model of your own, :meth:`object` those of any object.
    """

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str:
        """The connector's name."""

    @property
    def clock(self) -> Clock: ...
    @property
    def accounts(self) -> Records[Account]:
        """Companies."""

    @property
    def contacts(self) -> Records[Contact]:
        """People, leads among them."""

    @property
    def deals(self) -> Records[Deal]:
        """Deals."""

    @property
    def activities(self) -> Records[ActivityBase]:
        """Tasks, meetings, calls and notes."""

    @property
    def users(self) -> Records[User]:
        """The CRM's users."""

    @property
    def webhooks(self) -> Webhooks:
        """The CRM's messages about changes: subscribe, renew, parse, read."""

    def of(self, model: type[_Model]) -> Records[_Model]:
        """The records of a model: a built-in one, a subclass that a mapping names, or one of your own."""

    def object(self, name: str) -> Records[CustomObject]:
        """The records of any object of the CRM, custom ones too; ``custom`` holds its fields, typed.

        ``fields`` and ``where`` take its native names. No mapping is needed.
        """

    def check(self) -> Sequence[Check]:
        """One line for each permission and setting that the connector needs, tried by cheap calls."""

    def query(self, text: str, params: Mapping[str, object] | None = None) -> Listing[Native]:
        """The rows of a statement in the CRM's own query language, as it gives them.

        ``params`` are the values of its places: ``query("… where Name = :name", {"name": "O'Neil"})``;
        a list becomes ``(…, …)``. A value is never read as a part of the statement, so what a user typed
        belongs there. Raises :class:`Unsupported` where the CRM has no such language.
        """

    def request(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, json: Value = None
    ) -> Value:
        """Call an endpoint of the CRM with the connection's credentials and limits; its JSON answer.

        The path stays on the CRM's own host. Raises :class:`Unsupported` where there are no endpoints.
        """

    def apply(self, plan: Plan) -> Sequence[Outcome]:
        """Do the plan's writes to this connection, in order: one outcome for each, none is raised.

        An update is a ``conflict`` where its record is not what it was when it was planned. Raises
        :class:`UsageError` for a write to another connection.
        """

    def estimate(
        self,
        operation: Operation,
        model: type[Record] | str,
        *,
        records: int | None = None,
        fields: Iterable[str] | None = None,
    ) -> Estimate:
        """What an operation will cost: calls, units of the account's allowance, and by which way.

        ``model`` is a model, or the name of an object; ``fields`` are those to be read. Without ``records``
        ``read`` (or ``list``) is of all there are, which takes a call to count them. Raises
        :class:`Unsupported` where calls have no prices.
        """

    def usage(self) -> Usage:
        """What is used of what the account may use in a day, what is kept for people, and what is left.

        The CRM may be asked, by one call, how much there is. Raises :class:`Unsupported` where nothing is
        counted.
        """

    def files(self, object: str, record: str) -> Listing[Attachment]:
        """The files attached to a record, by the object's native name and the record's id.

        Raises :class:`Unsupported`, as the other calls for files do, where the connector has none.
        """

    def upload(self, object: str, record: str, path: str | Path, *, name: str | None = None) -> str:
        """Attach the file at ``path`` to a record, sent a piece at a time; its id.

        ``name`` is what it is called there, by default as on disk; a folder in it is left out. Raises
        :class:`BadRequest` before anything is sent when the CRM does not take files that large.
        """

    def download(self, object: str, record: str, file: Attachment, folder: str | Path) -> Path:
        """Put a file of :meth:`files` into a folder, written as it comes; where it is now.

        Its name is made safe: the CRM's can hold a path. The file is there once it is whole; one of
        that name is not overwritten (:class:`UsageError`).
        """

    def delete_file(self, object: str, record: str, file: str) -> None:
        """Take a file away from a record, by the file's id."""

    @property
    def busy(self) -> bool:
        """Whether somebody is using it."""

    @property
    def is_open(self) -> bool:
        """Whether its connector has been made, and not been closed since."""

    def close(self, gone: str | None = None) -> None:
        """Close what is open; it opens again on its next use, unless it is ``gone`` for that reason."""

    @property
    def spec(self) -> MappingSpec:
        """The parsed mapping, loaded on first use. Raises :class:`MappingError`."""

    def capabilities(self) -> Capabilities:
        """What the connector can do, asked once."""

    def able(self, object: str) -> ObjectCapabilities:
        """What can be done with one object, asked once. Raises :class:`NotFound` where there is none such."""

    def schema(self, object: str) -> ObjectSchema:
        """The object's fields, described once a connection's life."""

    def mapping(self, models: Iterable[str] | None = None) -> ConnectionMapping:
        """The compiled mapping; custom fields of the named models (``None``: all) are bound to the schema."""

    def mapping_of_object(
        self, object: str, fields: Collection[str] | None = None, *, structures: bool = False
    ) -> ConnectionMapping:
        """The compiled mapping of one object's own fields, by their native names.

        ``None``: all; those that hold structures, which can cost a call for each record, with ``structures``.
        """

    def directory(self, model: str) -> Directory | None:
        """The table of a small model (user, stage, pipeline), read once; ``None`` where it is not mapped."""

    def forget_directories(self) -> None:
        """Read users, stages and pipelines again at the next look-up."""

class ListingEverywhere(Listing[_Model]):
    """A listing over several connections: a page of each in turn.

    However it is read, it gives what every connection has, and at the end raises
    :class:`PartialFailure` if some failed; :meth:`answers` tells both by connection instead.
    """

    def answers(self) -> Answers[Sequence[_Model]]:
        """All records of each connection; they are all in memory then."""

class RecordsEverywhere(Generic[_Model]):
    """The records of one model in several connections; the arguments are those of :class:`Records`."""

    def list(
        self,
        *,
        modified_since: datetime | None = None,
        fields: Iterable[str] | None = None,
        where: Mapping[str, object] | None = None,
        limit: int | None = None,
        raw: bool = False,
    ) -> ListingEverywhere[_Model]:
        """Live records of every connection, at most ``limit`` of each."""

    def search(
        self, text: str, *, fields: Iterable[str] | None = None, limit: int = 100, raw: bool = False
    ) -> ListingEverywhere[_Model]:
        """What each CRM's own search finds, at most ``limit`` of each."""

    def count(
        self, *, where: Mapping[str, object] | None = None, modified_since: datetime | None = None
    ) -> Answers[int]:
        """How many live records each connection has."""

    def create(self, record: _Model) -> Answers[Outcome]:
        """Create the record in each connection: one outcome for each."""

    def upsert(self, record: _Model, *, match: str) -> Answers[Outcome]:
        """Upsert the record in each connection by the canonical path ``match``: one outcome for each."""

    def update(self, ids: Mapping[str, str], changes: _Model) -> Answers[Outcome]:
        """Write what ``changes`` sets to the record that ``ids`` names in each connection."""

    def delete(self, ids: Mapping[str, str]) -> Answers[Outcome]:
        """Delete the record that ``ids`` names in each connection: one outcome for each."""

class Everywhere:
    """Several connections as one. One that fails keeps no other from answering."""

    @property
    def accounts(self) -> RecordsEverywhere[Account]:
        """Companies."""

    @property
    def contacts(self) -> RecordsEverywhere[Contact]:
        """People, leads among them."""

    @property
    def deals(self) -> RecordsEverywhere[Deal]:
        """Deals."""

    @property
    def activities(self) -> RecordsEverywhere[ActivityBase]:
        """Tasks, meetings, calls and notes."""

    @property
    def users(self) -> RecordsEverywhere[User]:
        """The CRMs' users."""

    def of(self, model: type[_Model]) -> RecordsEverywhere[_Model]:
        """The records of a model."""

    def check(self) -> Answers[Sequence[Check]]:
        """What each connection's permissions are."""

    def __iter__(self) -> Iterator[str]: ...

class Hub:
    """Connections by name: ``hub["zoho"].accounts``. Use it as a context manager.

    Without ``config`` it has no connections until :meth:`add` gives it some. ``open_connections`` is
    how many may be open at once: beyond that the one unused for longest is closed, and opens again on
    its next use. ``transports`` puts something in the network's place, by connection name; tests mount
    simulators there. Connectors, the store and plugins load on first use.
    """

    @property
    def config(self) -> Config: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def events(self) -> Events: ...
    @property
    def random(self) -> Random: ...
    @property
    def plugins(self) -> Plugins: ...
    def __init__(
        self,
        config: Config | None = None,
        *,
        models: Iterable[type[Record]] = ...,
        clock: Clock | None = None,
        events: Events | None = None,
        random: Random | None = None,
        transports: Mapping[str, httpx.AsyncBaseTransport] | None = None,
        open_connections: int = 64,
    ) -> None: ...
    @classmethod
    def load(cls, path: Path | str = "crmhub.yaml", *, models: Iterable[type[Record]] = ...) -> Hub:
        """The hub of a configuration file, with events written to the log."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def close(self) -> None:
        """Close every connection and the store. What is asked of the hub afterwards is an error."""

    def __getitem__(self, name: str) -> Connection:
        """The connection of that name. Raises :class:`ConfigError` with a suggestion."""

    def __iter__(self) -> Iterator[str]: ...
    def __len__(self) -> int: ...
    def read_mapping(self, path: Path) -> MappingSpec:
        """A mapping file, whole, in the models and codecs of this hub. Raises :class:`MappingError`."""

    @property
    def models(self) -> Mapping[str, Sequence[type[Record]]]:
        """The models that mappings can name: crmhub's own, and those that were added."""

    @property
    def all(self) -> Everywhere:
        """All connections as one: ``hub.all.accounts.search("acme")``."""

    def only(self, *names: str) -> Everywhere:
        """Some connections as one: ``hub.only("zoho", "salesforce").accounts.create(…)``."""

    def add(
        self,
        name: str,
        connector: str | type[Connector],
        *,
        mapping: Path | str | None = None,
        **settings: Value,
    ) -> Connection:
        """Add a connection at run time, by the connector's name, file or class; ``mapping`` is a file.

        Nothing is opened before its first use, so that a process can have as many as it has tenants.
        """

    def remove(self, name: str) -> None:
        """Close a connection and forget it; what the store knows of it stays."""

    @property
    def actions(self) -> Mapping[str, Action[Hub]]:
        """What plugins can do across connections, by name."""

    def act(self, name: str, given: Mapping[str, object] | BaseModel) -> BaseModel:
        """Do what a plugin's action does, with a table of arguments or their model; what came of it.

        Raises :class:`UsageError` for an unknown action, and for arguments that are wrong.
        """

    def sync(
        self,
        source: str,
        target: str,
        *,
        models: Sequence[str] = ...,
        owner: str = "default",
        stage: str = "outcome",
        page_size: int | None = None,
        retry: bool = False,
    ) -> SyncReport:
        """Sync one way, from ``source`` to ``target``; see :class:`~crmhub.sync.Job` for the settings.

        Raises what stops it; what was acknowledged until then is kept, and the next run goes on.
        """

    def run(self, job: Job, *, retry: bool = False) -> SyncReport:
        """Run a sync job; ``retry`` takes up its open dead letters once more."""

    def plan(
        self,
        source: str,
        target: str,
        *,
        models: Sequence[str] = ...,
        owner: str = "default",
        stage: str = "outcome",
        page_size: int | None = None,
        limit: int | None = None,
    ) -> Generator[SyncPlan]:
        """What :meth:`sync` would write now, page by page; nothing is written."""

    def dry_run(self, job: Job, *, limit: int | None = None) -> Generator[SyncPlan]:
        """What a sync job would write now, page by page; nothing is written."""

    def losses(
        self, *names: str, models: Sequence[str] = ..., owner: str = "default", stage: str = "outcome"
    ) -> Sequence[Loss]:
        """What does not come through as it is when ``names`` are synced one into the next, in that order.

        The connections are asked for their fields, users and stages; nothing is written. Each
        :class:`~crmhub.mapping.losses.Loss` names a field and what becomes of it, and on which leg.
        """
