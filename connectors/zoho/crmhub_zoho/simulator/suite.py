"""What Zoho Books and Zoho Projects have in common: their records, who may call, and how often."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from crmhub.testing.simulator.app import PATTERN_KEY
from crmhub.testing.simulator.clock import SimClock
from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.oauth import AccessToken
from crmhub.testing.simulator.options import Options
from crmhub.testing.simulator.routes import Routes
from crmhub.testing.simulator.table import Row, Seeded, Table
from crmhub_zoho.simulator.ids import IdBlock
from crmhub_zoho.simulator.oauth import Accounts
from crmhub_zoho.simulator.org import Org
from crmhub_zoho.simulator.seed_tools import SeedWorld
from crmhub_zoho.simulator.seeding import counts_of

MOST_PER_PAGE: Final = 200
SHAPES: Final = ("wrapped", "bare")
LOCKS: Final = ("429", "400")
SETTINGS: Final[Mapping[str, str]] = {
    "books_daily": "calls of Zoho Books in 24 hours (default 10000)",
    "books_organizations": "how many organisations of Zoho Books there are (default 1)",
    "books_linked": "yes or no: whether customers name their CRM account (default yes)",
    "projects_portals": "how many portals of Zoho Projects there are (default 1)",
    "projects_shape": "wrapped or bare: lists inside of an object, or alone (default wrapped)",
    "projects_lock": "429 or 400: the status of a call in excess, as documented and as seen (default 429)",
}
_SCHEME = "zoho-oauthtoken "


@dataclass(frozen=True)
class Switches:
    """The settings above."""

    daily: int
    organizations: int
    linked: bool
    portals: int
    shape: str
    lock: int


def read_switches(text: Callable[[str, str], str], number: Callable[[str, float], float]) -> Switches:
    """The switches out of settings by name and default; raises SimulatorError."""

    def choice(name: str, known: tuple[str, ...]) -> str:
        value = text(name, known[0])
        if value not in known:
            raise SimulatorError(f"{name}: {value!r} is not one of {', '.join(known)}")
        return value

    return Switches(
        daily=int(number("books_daily", 10_000)),
        organizations=int(number("books_organizations", 1)),
        linked=choice("books_linked", ("yes", "no")) == "yes",
        portals=int(number("projects_portals", 1)),
        shape=choice("projects_shape", SHAPES),
        lock=int(choice("projects_lock", LOCKS)),
    )


class Refusal(Exception):
    """A call that is refused: the HTTP status and the JSON body."""

    def __init__(self, status: int, body: Mapping[str, object]) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = dict(body)


class Throttle:
    """So many calls in any so many seconds; who asks for more is locked out for ``lock`` seconds."""

    def __init__(self, clock: SimClock, most: int, seconds: float, lock: float = 0.0) -> None:
        self._clock = clock
        self._most = most
        self._seconds = seconds
        self._lock = lock
        self._calls: deque[float] = deque()
        self._locked_until = float("-inf")

    def wait(self) -> float:
        """Count a call: 0 when it may pass, else for how many seconds none may."""
        now = self._clock.now()
        if now < self._locked_until:
            return self._locked_until - now
        while self._calls and self._calls[0] <= now - self._seconds:
            self._calls.popleft()
        if len(self._calls) < self._most:
            self._calls.append(now)
            return 0.0
        self._locked_until = now + self._lock
        return self._lock or self._calls[0] + self._seconds - now


class Shelf:
    """The records of one kind, by their ids."""

    def __init__(self, clock: SimClock, number: int, key: str, seeded: Seeded) -> None:
        self.key = key
        self.ids = IdBlock(number)
        self._clock = clock
        self._table = Table(self.ids, seeded)

    def __len__(self) -> int:
        return len(self._table)

    def rows(self) -> Iterator[Row]:
        """All that there are, by id; each with the epoch seconds of its last change under `modified`."""
        for place in self._table.places():
            yield self._shown(place)

    def get(self, record: str) -> Row | None:
        """The record of that id."""
        place = self._table.place_of(record)
        return None if place is None else self._shown(place)

    def add(self, row: Row) -> str:
        """A new record; its id."""
        place = self._table.insert({"created": self._clock.seconds(), **row}, self._clock.seconds())
        return self.ids.id_of(place)

    def change(self, record: str, **fields: object) -> None:
        """Other values for a record; raises KeyError."""
        place = self._place(record)
        self._table.replace(place, {**self._table.row(place), **fields}, self._clock.seconds())

    def remove(self, record: str) -> None:
        """Delete a record; raises KeyError."""
        self._table.delete(self._place(record), self._clock.seconds())

    def _place(self, record: str) -> int:
        place = self._table.place_of(record)
        if place is None:
            raise KeyError(record)
        return place

    def _shown(self, place: int) -> Row:
        row = {self.key: self.ids.id_of(place), **self._table.row(place)}
        row["modified"] = self._table.modified(place)
        return row


@dataclass(frozen=True)
class Asked:
    """A call that is allowed."""

    params: Mapping[str, str]
    path: Mapping[str, str]
    scopes: frozenset[str] = field(default=frozenset())


Handler = Callable[[Asked], Response]


class Service(ABC):
    """One product: its routes below `prefix`, and its refusals."""

    prefix: str

    def __init__(self, org: Org, accounts: Accounts) -> None:
        self.org = org
        self._accounts = accounts
        self._routes = Routes[tuple[str, Handler]]()

    @property
    @abstractmethod
    def shelves(self) -> Mapping[str, Callable[[], Iterator[Row]]]:
        """What `/_truth` shows, by name."""

    def answer(self, request: Request, path: str) -> Response:
        """Answer one call."""
        found = self._routes.find(path)
        request.scope[PATTERN_KEY] = found.pattern if found else path
        try:
            header = request.headers.get("authorization", "")
            token = self._token(header)
            target = found.targets.get(request.method) if found else None
            if found is None or target is None:
                raise self.no_such_call(request.method, known=found is not None)
            scope, handle = target
            if not holds(token.scopes, scope):
                raise self.out_of_scope()
            asked = Asked(dict(request.query_params), found.params, token.scopes)
            self.count(asked)
            return handle(asked)
        except Refusal as refusal:
            return self.refused(refusal)

    def _token(self, header: str) -> AccessToken:
        if not header.lower().startswith(_SCHEME):
            raise self.unauthenticated(readable=False)
        token = self._accounts.live(header[len(_SCHEME) :].strip())
        if token is None:
            raise self.unauthenticated(readable=True)
        return token

    @abstractmethod
    def count(self, asked: Asked) -> None:
        """Count a call; raises Refusal when there were too many."""

    @abstractmethod
    def unauthenticated(self, *, readable: bool) -> Refusal:
        """No token (`readable` False), or one that is dead."""

    @abstractmethod
    def out_of_scope(self) -> Refusal:
        """The token may not do this."""

    @abstractmethod
    def no_such_call(self, method: str, *, known: bool) -> Refusal:
        """No such path, or no such method there (`known` True)."""

    @abstractmethod
    def refused(self, refusal: Refusal) -> Response:
        """A refusal as this product sends it."""


def holds(granted: Iterable[str], needed: str) -> bool:
    """Whether one of the scopes covers `needed`, such as `ZohoBooks.invoices.READ`.

    Source: Zoho Books API v3, "OAuth": `<service>.<area>.<operation>`; ALL covers every operation, and
    `ZohoBooks.fullaccess.all` everything.
    """
    service, area, operation = needed.lower().split(".")
    enough = {f"{service}.{area}.{operation}", f"{service}.{area}.all", f"{service}.fullaccess.all"}
    return any(scope.lower() in enough for scope in granted)


def seed_world(options: Options, org: Org) -> SeedWorld:
    """The world of the CRM's own seeded records, to hang others on."""
    blocks = {name: module.ids for name, module in org.modules.items()}
    users = [user.id for user in org.users.values() if user.active]
    return SeedWorld(options.seed, org.zone, counts_of(options), blocks, users)


def today(org: Org) -> str:
    """The date in the organisation's zone."""
    return org.stamp(org.clock.now())[:10]


def days_between(first: str, last: str) -> int:
    """Days from one ISO date to another."""
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).days
