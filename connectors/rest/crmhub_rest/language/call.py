"""One call of the API: method and path, what is sent, and where the records are in what comes back."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field, model_validator

from crmhub_rest.language.paging import Paging
from crmhub_rest.language.part import Part
from crmhub_rest.language.path import JsonPath
from crmhub_rest.language.template import PathTemplate, Template
from crmhub_rest.language.times import TimeForm

__all__ = ["Call", "Encoding", "Job", "Listing", "Method", "Nested", "ResultFile"]

Method: TypeAlias = Literal["get", "post", "put", "patch", "delete"]
Encoding: TypeAlias = Literal["repeat", "comma", "brackets", "json", "base64"]
_METHODS: tuple[Method, ...] = ("get", "post", "put", "patch", "delete")


class Call(Part):
    """A call. Exactly one of ``get``, ``post``, ``put``, ``patch`` and ``delete`` holds its path."""

    get: PathTemplate | None = None
    """The path of a GET."""
    post: PathTemplate | None = None
    """The path of a POST."""
    put: PathTemplate | None = None
    """The path of a PUT."""
    patch: PathTemplate | None = None
    """The path of a PATCH."""
    delete: PathTemplate | None = None
    """The path of a DELETE."""
    query: dict[str, Template] = {}
    """Parameters; one that is absent is left out."""
    body: Template | None = None
    """The JSON that is sent."""
    headers: dict[str, Template] = {}
    """Headers of this call; one that is absent is left out."""
    encode: dict[str, Encoding] = {}
    """How a parameter that is a list or a table is written, where that differs from ``lists``."""
    each: dict[JsonPath, Template] = {}
    """For many records in one call: at that path of the body a list (``.``: the body is the list), with this
    for each of them."""
    most: int = Field(default=100, ge=1)
    """Records a call, where it takes many."""
    rows: JsonPath | None = None
    """Where the list of records is in the reply; ``.`` when the reply itself is the list."""
    row: JsonPath = JsonPath(".")
    """Where the record is in the reply, or in each of ``rows``."""
    ok: list[int] = []
    """Statuses besides 2xx that are answers and no errors."""
    cost: int = Field(default=1, ge=0)
    """Units of the daily budget that the call uses up."""
    limit: str = Field(default="default", pattern=r"^[a-z][a-z0-9_]*$")
    """The class of calls that it belongs to, for ``limits``."""
    idempotent: bool | None = None
    """Whether sending it twice does what sending it once does; else the method tells."""

    @model_validator(mode="after")
    def _one_method(self) -> Call:
        given = [name for name in _METHODS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"one of {', '.join(_METHODS)} with its path is needed, not {len(given)}")
        if self.body is not None and self.method == "get":
            raise ValueError("a get has no body: write its parameters under query")
        return self

    @property
    def method(self) -> Method:
        """Which method."""
        return next(name for name in _METHODS if getattr(self, name) is not None)

    @property
    def path(self) -> PathTemplate:
        """Where."""
        path = next(found for name in _METHODS if (found := getattr(self, name)) is not None)
        assert isinstance(path, PathTemplate)  # noqa: S101 - declared so above
        return path

    @property
    def by_body(self) -> bool:
        """Whether what is added to it, such as a page token, goes into the body."""
        return self.method in {"post", "put", "patch"}

    @property
    def tells_record(self) -> bool:
        """Whether the reply has a record at a place of its own."""
        return bool(self.row.steps)

    @property
    def names(self) -> frozenset[str]:
        """The placeholders in all parts of it."""
        templates = [*self.query.values(), *self.headers.values(), *self.each.values()]
        if self.body is not None:
            templates.append(self.body)
        return self.path.names.union(*(template.names for template in templates))


class Nested(Part):
    """Records that stand inside of others, as stages do in pipelines."""

    at: JsonPath
    """Where in each of ``rows`` their list is."""
    carry: dict[str, JsonPath] = {}
    """Fields that each of them gets from the row that it stands in."""


class Job(Part):
    """Work that the CRM does by itself before the listing can give anything: exports, bulk queries."""

    start: Call
    """Begins it; it has the placeholders of the listing, such as ``${fields}`` and ``${since}``."""
    id: JsonPath = JsonPath("id")
    """In the reply to ``start``: the job's id, which is ``${job}`` from then on, in the listing too."""
    poll: Call
    """Asks how far it is."""
    state: JsonPath
    """In the reply to ``poll``: a word for how far it is."""
    done: list[str] = Field(min_length=1)
    """The words for a job that is done."""
    failed: list[str] = []
    """The words for a job that will never be."""
    message: JsonPath | None = None
    """In the reply to ``poll``: why it failed."""
    every: float = Field(default=5.0, gt=0)
    """Seconds from one ``poll`` to the next."""
    within: float = Field(default=3600.0, gt=0)
    """Seconds that are waited; the next read then waits on for the same job, from its checkpoint."""


class ResultFile(Part):
    """A file with the records, packed or not (zip, gzip), which the reply to the listing's call names."""

    at: JsonPath
    """Where the reply has the file's URL."""
    form: Literal["csv", "json_lines"]
    """What is in it: a table under a line of names, whose texts are read by the fields' types, or a record a
    line."""
    columns: dict[str, str] = {}
    """Of a table: the fields' names for columns that have others."""
    hosts: list[str] = []
    """Hosts, with all below them, that it may be on besides the base URL's; credentials stay at home."""


class Listing(Call):
    """A call that gives records in pages."""

    since: TimeForm = TimeForm("iso")
    """How ``${since}`` is written."""
    page: Paging | None = None
    """How the next page is asked for; without it there is one page."""
    nested: Nested | None = None
    """Where the records stand inside of ``rows``."""
    under: str | None = None
    """An object whose records are gone through: the call is made for each, with its id as ``${parent}``."""
    parent_as: str | None = None
    """With ``under``: the field in which each record has that id."""
    chunk: int | None = Field(default=None, ge=200)
    """Characters of ``${fields}`` that one call can carry: more fields are asked for by several calls."""
    job: Job | None = None
    """What the CRM must have done before the call gives anything: ``${job}`` is its id."""
    file: ResultFile | None = None
    """With ``job``: the file that has the records, in place of ``rows``."""

    @model_validator(mode="after")
    def _gives_rows(self) -> Listing:
        if self.rows is None and self.file is None:
            raise ValueError("say where the records are in the reply: rows: results, or rows: .")
        if self.file is not None and (self.job is None or self.rows is not None or self.page is not None):
            raise ValueError("a file belongs to a job, and has neither rows nor page")
        if self.job is not None and self.chunk is not None:
            raise ValueError("a job takes all fields at once: leave chunk out")
        if self.nested is not None and self.page is not None and self.page.offset is not None:
            raise ValueError("an offset counts rows, and nested gives others: page by number")
        return self
