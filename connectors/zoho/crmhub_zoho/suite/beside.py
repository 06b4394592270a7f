"""The objects beside the CRM's modules: users and stages, Zoho Books, Zoho Projects. All can only be read."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from crmhub.connector import (
    Condition,
    Context,
    Missing,
    Native,
    ObjectCapabilities,
    ObjectSchema,
    Outcome,
    Page,
    ReadRequest,
    WriteRequest,
)
from crmhub.errors import ConfigError, NotFound, Unsupported, Where
from crmhub.http import Classify, HttpClient, HttpSettings, Limit, OAuth
from crmhub.tiers import Served
from crmhub.usage import Estimate, Planned
from crmhub_zoho import hosts
from crmhub_zoho.config import ZohoConfig
from crmhub_zoho.files import Files
from crmhub_zoho.suite import errors
from crmhub_zoho.suite.books import Books
from crmhub_zoho.suite.books_calls import BooksCalls
from crmhub_zoho.suite.projects import Projects
from crmhub_zoho.suite.projects_calls import ProjectsCalls
from crmhub_zoho.suite.token import LentToken
from crmhub_zoho.suite.trial import Trial

__all__ = ["Beside", "Objects"]

_AT_ONCE = 5  # calls of a product; both count them by the minute
_SETTINGS = {"Books": "books", "Projects": "projects"}


class Objects(Protocol):
    """Some objects that can only be read, as :class:`crmhub_zoho.people.Lists` has them."""

    def has(self, name: str) -> bool:
        """Whether the object is one of these."""
        ...

    def capabilities(self) -> dict[str, ObjectCapabilities]:
        """What can be done with each."""
        ...

    def describe(self, name: str) -> ObjectSchema:
        """Its fields."""
        ...

    def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        """Its pages."""
        ...

    async def get(self, name: str, ids: Sequence[str]) -> list[Native | Missing]:
        """The records of the ids, in order."""
        ...


class Beside:
    """All of them, with the calls of :class:`crmhub_zoho.crm.Crm`; those that it cannot make it refuses."""

    def __init__(
        self, lists: Objects, config: ZohoConfig, context: Context, client: HttpClient, auth: OAuth
    ) -> None:
        self._all: list[Objects] = [lists]
        self.trials: list[Trial] = []
        """For ``check()``."""
        if config.books is not None:
            place = config.books.organization
            http = _client(config, context, client, auth, _BOOKS, place)
            calls = BooksCalls(http, place, context.connection)
            self._all.append(Books(calls, config.overlap, _AT_ONCE, context.clock))
            for kind in ("invoices", "contacts"):
                self.trials.append(_books_trial(calls, kind))
        if config.projects is not None:
            place = config.projects.portal
            http = _client(config, context, client, auth, _PROJECTS, place)
            projects = ProjectsCalls(http, place, context.connection)
            self._all.append(Projects(projects, _AT_ONCE, context.clock))
            scope = "ZohoProjects.projects.READ"
            self.trials.append(Trial("read Zoho Projects", lambda: _first(projects.projects(1)), scope))

    def has(self, name: str) -> bool:
        """Whether the object is one of these; ``NotFound`` for one that a setting would give."""
        if any(objects.has(name) for objects in self._all):
            return True
        product, dot, _ = name.partition(".")
        setting = _SETTINGS.get(product) if dot else None
        if setting is None:
            return False
        absent = not any(one.startswith(f"{product}.") for one in self.capabilities())
        raise NotFound(
            f"there is no object {name}"
            + (f": Zoho {product} is not part of this connection" if absent else ""),
            hint=f"set {setting}: {{}} in the connection" if absent else "see what capabilities() names",
            where=Where(object=name),
        )

    async def able(self, name: str) -> ObjectCapabilities:
        """What can be done with one object."""
        return self._of(name).capabilities()[name]

    def capabilities(self) -> dict[str, ObjectCapabilities]:
        """What can be done with each."""
        return {name: able for objects in self._all for name, able in objects.capabilities().items()}

    async def describe(self, name: str) -> ObjectSchema:
        """The object's fields."""
        return self._of(name).describe(name)

    def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        """The object's pages."""
        return self._of(request.object).read(request)

    async def get(self, name: str, ids: Sequence[str], fields: Sequence[str]) -> Sequence[Native | Missing]:
        """The records of the ids, in order, with all fields that they have."""
        del fields
        return await self._of(name).get(name, ids)

    async def count(self, name: str, filter: Sequence[Condition]) -> int:
        """How many there are: they are read."""
        request = ReadRequest(name, (), filter=tuple(filter))
        async with aclosing(self.read(request)) as pages:
            return sum([len(page.upserts) async for page in pages])

    async def newest(self, name: str, fields: Sequence[str], limit: int) -> Served[Sequence[Native]]:
        """Refused, as all that follows."""
        del fields, limit
        raise Unsupported(f"{name} have no order in time", hint="list them, and sort what comes")

    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        """Refused."""
        raise Unsupported(f"{request.object} can only be read", where=Where(object=request.object))

    def search(self, name: str, text: str, fields: Sequence[str], limit: int) -> AsyncGenerator[Page]:
        """Refused."""
        del text, fields, limit
        raise Unsupported(f"{name} cannot be searched", hint="choose by a field: list(where=…)")

    async def estimate(self, planned: Planned) -> Estimate:
        """Refused."""
        raise Unsupported(
            f"{planned.object} have no price in credits of the CRM", hint="a call gives 200 records at most"
        )

    def files(self, name: str) -> Files:
        """Refused."""
        raise Unsupported(f"{name} have no files", where=Where(object=name))

    def _of(self, name: str) -> Objects:
        return next(objects for objects in self._all if objects.has(name))


@dataclass(frozen=True, slots=True)
class _Product:
    """How a product is called: ``burst`` calls at once, and ``rate`` in ``per`` seconds."""

    name: str
    burst: int
    rate: int
    per: float
    elsewhere: bool
    """Whether it lives on another host than the CRM."""


# Half at once and half in the time of the limit: whichever such time one takes, no more than 100 are made.
_BOOKS = _Product("Zoho Books", 50, 50, 60, elsewhere=False)
_PROJECTS = _Product("Zoho Projects", 50, 50, 120, elsewhere=True)


def _client(
    config: ZohoConfig, context: Context, crm: HttpClient, auth: OAuth, product: _Product, place: str | None
) -> HttpClient:
    """An HTTP client with a breaker and limits of its own, and the connection's token.

    Books lives where the CRM does, Projects on a host of its own to which alone its calls go. The limits are
    those of the organisation or the portal, so that connections which name the same one share them.
    """
    if context.http is None:
        raise ConfigError(f"connection {context.connection!r}: the Zoho connector needs an HTTP client")
    base, allowed = config.api_base, frozenset({hosts.domain(config.region)})
    if product.elsewhere and not config.is_overridden:
        base, allowed = hosts.projects_url(config.region), frozenset[str]()
    classify: Classify = errors.projects if product.elsewhere else errors.Books(auth, context.clock)
    owner = f"{product.name} {config.accounts_base} {place}" if place else None
    return context.http(
        HttpSettings(
            base_url=base,
            auth=LentToken(auth, crm.wire, elsewhere=product.elsewhere),
            limits=(
                Limit(product.name, rate=product.rate, per=product.per, burst=product.burst, owner=owner),
            ),
            classify=classify,
            allow_hosts=frozenset() if config.is_overridden else allowed,
            concurrency=_AT_ONCE,
        )
    )


def _books_trial(calls: BooksCalls, kind: str) -> Trial:
    name = f"read {kind} of Zoho Books"
    return Trial(name, lambda: calls.page(kind, {}, 1, 1), f"ZohoBooks.{kind}.READ")


async def _first(pages: AsyncGenerator[list[Native]]) -> object:
    try:
        return await anext(pages, None)
    finally:
        await pages.aclose()
