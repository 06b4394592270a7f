"""One object of the CRM: how it is listed, watched, found, written and tied to others."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field as Setting
from pydantic import model_validator

from crmhub.native import Native
from crmhub.schema import FieldSpec
from crmhub_rest.language.call import Call, Listing
from crmhub_rest.language.fields import ChoicesCall, Describe, Field
from crmhub_rest.language.part import Part
from crmhub_rest.language.path import JsonPath
from crmhub_rest.language.record import RecordShape
from crmhub_rest.language.template import Template
from crmhub_rest.language.times import TimeForm
from crmhub_rest.language.write import Write

__all__ = ["Changes", "Count", "CrmObject", "Deletes", "Filter", "Link", "Operator"]

_TIME = "datetime read_only"
Operator: TypeAlias = Literal["eq", "in", "ge", "gt", "le", "lt"]


class Changes(Listing):
    """Records that were changed since then, oldest change first unless ``newest_first``."""

    lag: float = Setting(default=0.0, ge=0)
    """Seconds by which a change can show later than the time it carries; that much is read again."""
    newest_first: bool = False
    """Whether the newest change comes first: the read ends where records get older than ``since``."""
    reanchor: bool = False
    """Whether each page is asked for anew from the last record's time: for pages that are counted in an order
    which moves as records change, or that end at a cap. The oldest change must come first."""
    ties: Listing | None = None
    """With ``reanchor``: records changed exactly at ``${since}``, with ids above ``${after}`` in order of id,
    for pages that are full of one instant."""

    @model_validator(mode="after")
    def _one_order(self) -> Changes:
        capped = self.page is not None and self.page.cap is not None
        if capped and not self.reanchor:
            raise ValueError("a cap needs reanchor: true, else what is beyond it would be lost")
        if self.reanchor and self.newest_first:
            raise ValueError("reanchor needs the oldest change first")
        if self.reanchor != (self.ties is not None):
            raise ValueError("reanchor and ties belong together: a page can be full of one instant")
        if self.reanchor and self.job is not None:
            raise ValueError("a job gives all changes at once: leave reanchor out")
        return self


class Deletes(Part):
    """How it shows that records are gone."""

    flag: str | None = None
    """A field of the record that tells that it is gone."""
    flag_is: str | int | bool = True
    """What that field then says."""
    list: Listing | None = None
    """Records that are gone, read whole with each read of changes; with ``flag``, others may be among."""
    archived: Listing | None = None
    """Records that are in an archive, where that is listed apart; read like ``list``."""
    at: str | None = None
    """The field with the time at which it went."""
    life: Literal["deleted", "archived"] = "deleted"
    """What became of them."""
    merged: str | None = None
    """The field of a record that names the ids which were merged into it."""
    split: str = ";"
    """What stands between those ids, where they are a text."""

    @model_validator(mode="after")
    def _shows(self) -> Deletes:
        if not any((self.flag, self.list, self.archived, self.merged)):
            raise ValueError("say how deletions show: flag, list, archived or merged")
        return self

    def gone(self, row: Native) -> bool:
        """Whether the record's flag says that it is gone."""
        return self.flag is not None and row.get(self.flag) == self.flag_is


class Filter(Listing):
    """Records that meet conditions: as parameters, or one entry of ``each`` for each condition."""

    by: dict[str, str] = {}
    """Fields that can be filtered, and the parameter for each (equal values only)."""
    fields: list[str] = []
    """With ``each``: fields that can be filtered; ``*`` stands for all."""
    operators: dict[Operator, str] = {}
    """With ``each``: the CRM's words for ``${op}``; others are not known there. ``in`` has a list as
    ``${values}``, the others ``${value}``."""
    lower: bool = False
    """Whether texts in ``${values}``, other than choices, must be in lower case."""
    empty: str | None = None
    """With ``each``: the word for ``${op}`` where a field is to hold nothing; ``${value}`` is absent then."""
    times: TimeForm = TimeForm("iso")
    """How an instant is written in a condition."""

    @model_validator(mode="after")
    def _at_once(self) -> Filter:
        if self.job is not None:
            raise ValueError("records that meet conditions are not given by a job")
        return self


class Count(Call):
    """How many records there are."""

    total: JsonPath
    """Where the number is."""


class Link(Part):
    """References that are not fields of the record: here they are a field that holds ids."""

    to: str
    """The object that is pointed to: ``${target}`` in its calls."""
    words: dict[str, str | int] = {}
    """Words of the link for its calls: ``${words.type}``."""
    many: bool = False
    """Whether the field is a list of ids; else it is the first one, and the others are left alone."""
    read: Call | None = None
    """Gives the ids for several records at once (``each``), or for one (``${id}``); without it the id is a
    member of the record, which is written by a call of its own."""
    source: JsonPath | None = None
    """In each of ``rows``: the record's own id; needed where several are asked for."""
    target: JsonPath = JsonPath("id")
    """In each of ``rows``: the id that is pointed to; with a ``*``, several."""
    first: dict[JsonPath, str | int] = Setting(default_factory=dict[JsonPath, "str | int"], max_length=1)
    """In each of ``rows``, one for each ``target``: the path that has this for the link that goes first."""
    after: JsonPath | None = None
    """In each of ``rows``: what leads to the record's next links, sent as ``${after}`` (absent at first)."""
    errors: JsonPath | None = None
    """Where the reply lists records whose links it could not give; one that is not there has none."""
    write: Call | None = None
    """Ties ``${id}`` to ``${to}``."""
    clear: Call | None = None
    """Unties ``${id}`` from ``${to}``, or without ``read`` from whatever it is tied to."""
    batch: dict[Literal["write", "clear"], Call] = {}
    """The same for many in a call, by which it is: ``each`` makes an entry for each ``${id}`` with its
    ``${to}``. What is at ``errors`` in the reply has them tied one by one."""
    on_create: Template | None = None
    """What a create's call has in ``${links}`` for each id (``${to}``); then nothing is tied afterwards."""


class CrmObject(Part):
    """One object."""

    key: str = "id"
    """The field that holds the record's id."""
    name: str | None = None
    """The field that holds its display name."""
    modified: str | None = None
    """The field that holds the time of the last change."""
    created: str | None = None
    """The field that holds the time at which it was made."""
    times: TimeForm = TimeForm("iso")
    """How the object's instants look."""
    dates: TimeForm = TimeForm("iso")
    """How its days look. In other forms than ``iso``, days and instants are ISO 8601 here all the same."""
    words: dict[str, str] = {}
    """Words of the object for its calls: ``${words.singular}``."""
    record: RecordShape = RecordShape()
    """How a record looks on the wire."""
    fields: dict[str, Field] = {}
    """Fields that are always there, a line for each; they go before those of ``describe``. Those that
    ``key``, ``modified`` and ``created`` name need none where the metadata has none either: they are ``text
    read_only`` and ``datetime read_only``."""
    describe: Describe | None = None
    """The CRM's own metadata of the object's fields."""
    choices: dict[str, ChoicesCall] = {}
    """Fields whose choices a call of its own gives."""
    list: Listing
    """All records. ``changes``, ``search`` and ``filter`` have its ``rows``, ``row`` and ``page``, unless
    they say otherwise; a listing without a path of its own is this one, with what it says laid over."""
    changes: Changes | Literal["all"] | None = None
    """``all``: everything is read again, and what has not changed since is passed over."""
    get: Call | None = None
    """Records by id: several at once (``${ids}``, or ``each``), or one (``${id}``); else ``list`` is read."""
    late: float = Setting(default=0.0, ge=0)
    """Seconds for which a new record may not be found by its id: a look-up of one made here waits for it."""
    search: Listing | None = None
    """Records that the CRM finds for words (``${text}``)."""
    filter: Filter | None = None
    """Records that meet conditions."""
    count: Count | None = None
    """How many records there are."""
    deletes: Deletes | None = None
    """How it shows that records are gone."""
    links: dict[str, Link] = {}
    """References that are not fields of the record, by the names that they have here as fields."""
    either: dict[str, dict[str, str]] = {}
    """References to records of several objects: a field here, and those that can hold it with the object of
    each, the one that counts first before the others. ``<field>_object`` names the object."""
    write: Write | None = None
    """How records are written; without it they are only read."""
    sync_key: str | None = None
    """The setting that names a unique field which crmhub may fill."""

    @property
    def implied(self) -> dict[str, FieldSpec]:
        """The fields that hold the id and the times, where nothing else is said of them."""
        held = {self.key: "text read_only", self.modified: _TIME, self.created: _TIME}
        return {name: Field(line).spec(name) for name, line in held.items() if name is not None}

    @property
    def parts(self) -> tuple[str, ...]:
        """The fields of which an id is made, if it is made of several."""
        return tuple(self.record.joined.get(self.key, ()))

    @model_validator(mode="after")
    def _changes_have_a_time(self) -> CrmObject:
        if self.changes is not None and self.modified is None:
            raise ValueError("changes need modified: the field that holds the time of the last change")
        return self
