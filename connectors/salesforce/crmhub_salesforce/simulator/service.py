"""The REST API of one org: which path leads to which resource, and what holds for all of them."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

from crmhub.testing.simulator.faults import Faults
from crmhub_salesforce.simulator.calls import RETIRED, VERSIONS, Call, Handler, Reply, Router
from crmhub_salesforce.simulator.catalog.sobject import SObject
from crmhub_salesforce.simulator.errors import ApiError, not_found
from crmhub_salesforce.simulator.org import Org
from crmhub_salesforce.simulator.records import Records
from crmhub_salesforce.simulator.settings import Settings
from crmhub_salesforce.simulator.usage import Usage

PREFIX = "/services/data"
_VERSIONED = re.compile(rf"{PREFIX}/v(\d+)\.0(/.*)?", re.IGNORECASE)


@dataclass
class Service:
    """What resources share; each resource module adds its routes to `router`."""

    org: Org
    settings: Settings
    faults: Faults
    usage: Usage
    random: Random = field(default_factory=lambda: Random(0))
    allowances: dict[str, Callable[[], tuple[int, int]]] = field(
        default_factory=dict[str, Callable[[], tuple[int, int]]]
    )
    """What `/limits` tells beside the API calls: how much there is in a day, and how much is used."""
    new_password: Callable[[str, str], None] | None = None
    """Gives a user (by id) a password."""
    records: Records = field(init=False)
    router: Router = field(default_factory=Router)
    before_calls: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])
    """What the org does in its own time, caught up with before each call."""
    jobs_made: int = 0

    def __post_init__(self) -> None:
        self.records = Records(self.org)

    def sobject(self, name: str) -> SObject:
        """The object type of that name, or ApiError (NOT_FOUND)."""
        found = self.org.catalog.get(name)
        if found is None:
            raise not_found()
        return found

    def pattern(self, path: str) -> str:
        """The route that a path leads to, for statistics; the path itself if there is none."""
        match = _VERSIONED.fullmatch(path)
        found = self.router.find(match[2] or "/") if match else None
        return path if found is None or match is None else f"{PREFIX}/v{match[1]}.0{found[0]}"

    def answer(self, call: Call) -> Reply:
        """Answer a call below `/services/data/vXX.0`, refusals included."""
        wish = call.headers.get("sforce-duplicate-rule-header", "").replace(" ", "").lower()
        self.org.customs.allow_save = "allowsave=true" in wish.split(";")
        for catch_up in self.before_calls:
            catch_up()
        return self.carry_out(call)

    def carry_out(self, call: Call) -> Reply:
        """Answer a call that the org makes itself, inside of another or of a job."""
        late = self.settings.late_commits
        self.org.late_by = self.random.randint(0, late) if late else 0
        try:
            return self._answer(call)
        except ApiError as refusal:
            return Reply(refusal.status, refusal.rest())

    def _answer(self, call: Call) -> Reply:
        match = _VERSIONED.fullmatch(call.path)
        if match is None:
            raise not_found()
        number = int(match[1])
        if number in RETIRED:
            message = f"API version {number}.0 is retired"
            raise ApiError("UNSUPPORTED_API_VERSION", message, status=410)
        found = self.router.find(match[2] or "/") if number in VERSIONS else None
        if found is None:
            raise not_found()
        _, params, handlers = found
        method = (call.one("_HttpMethod") or call.method).upper() if call.method == "POST" else call.method
        handler = handlers.get("GET" if method == "HEAD" else method)
        if handler is None:
            return _not_allowed(method, handlers)
        return handler(replace(call, method=method, params=params, version=f"{number}.0"))


Adder = Callable[[Service], None]
"""What a resource module offers: it adds its routes."""


def _not_allowed(method: str, handlers: dict[str, Handler]) -> Reply:
    allowed = ",".join(sorted([*handlers, *(["HEAD"] if "GET" in handlers else [])]))
    message = f"HTTP Method '{method}' not allowed. Allowed are {allowed}"
    return Reply(405, ApiError("METHOD_NOT_ALLOWED", message).rest(), {"Allow": allowed})
