"""The HTTP client of one connection.

A call passes, outermost first: circuit breaker → retry → budget → limits → auth → transport. Its way is
:meth:`HttpClient.request` and the methods after it, from top to bottom.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from random import Random
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlencode, urlsplit

from crmhub.clock import Clock
from crmhub.errors import AuthError, BadRequest, ConfigError, ConnectorError, RateLimited, Where
from crmhub.events import Events
from crmhub.http.addresses import Reach, Resolve
from crmhub.http.auth import Grant, Wire
from crmhub.http.breaker import Breaker
from crmhub.http.budget import BudgetStore, MemoryBudgets
from crmhub.http.call import Call, Expected, Params, prepare
from crmhub.http.elsewhere import made_elsewhere, named
from crmhub.http.lean import httpx
from crmhub.http.limits import Entry, Limits, QuotaStore
from crmhub.http.lost import Lost
from crmhub.http.paths import absolute, base_origin, origin
from crmhub.http.purse import Purse
from crmhub.http.response import Response
from crmhub.http.retry import Attempt, RetryPolicy
from crmhub.http.settings import HttpSettings
from crmhub.http.shown import shown_name, shown_path
from crmhub.http.streams import Body, Sink
from crmhub.http.telling import Teller
from crmhub.http.transport import Transport
from crmhub.http.verdict import SUCCESS, retry_after, verdict

if TYPE_CHECKING:
    from crmhub.native import Value

__all__ = ["HttpClient"]

_T = TypeVar("_T")
_NO_GRANT = Grant({})
_TOKENS = "token"
"""The endpoint class of calls for tokens."""
_EXCHANGES = 8  # more than a call that is let in can take: itself and its token three times each
_TOKEN_REPLY = (frozenset(range(200, 300)) | frozenset(range(400, 500))) - {408, 429}
_REFRESHING_DID_NOT_HELP = (
    "refreshing the access token did not help: look for the wrong instance or data centre, "
    "an IP restriction, a blocked application, or a scope that lacks (crmhub auth NAME --check)"
)


class HttpClient:
    """Calls one CRM org. Raises the errors of :mod:`crmhub.errors`, with the connection filled in.

    Nothing is opened before the first call; use it in one event loop and :meth:`aclose` it there. With
    ``quotas`` the limits hold for all processes that share them, with ``budgets`` what is spent. ``resolve``
    looks names up where the settings limit the ``reach``, in place of the system's resolver.
    """

    def __init__(
        self,
        settings: HttpSettings,
        *,
        connection: str,
        clock: Clock,
        events: Events,
        random: Random,
        transport: httpx.AsyncBaseTransport | None = None,
        quotas: QuotaStore | None = None,
        budgets: BudgetStore | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        try:
            self._origin = base_origin(settings.base_url)
        except BadRequest as error:
            raise ConfigError(f"connection {connection!r}: base URL: {error.what}") from None
        self._settings = settings
        self._connection = connection
        self._clock = clock
        self._tell = Teller(connection, clock, events)
        self._transport = Transport(
            headers={"user-agent": "crmhub", **settings.headers},
            timeout=settings.timeout,
            concurrency=settings.widest or settings.concurrency,
            max_body=settings.max_body,
            mounted=transport,
            reach=settings.reach,
            resolve=resolve,
        )
        self._limits = Limits(
            settings.limits,
            concurrency=settings.concurrency,
            clock=clock,
            waited=self._tell.waited,
            connection=connection,
            quotas=quotas,
            hold=_EXCHANGES * settings.timeout,
        )
        self._purse = settings.budget and Purse(
            settings.budget,
            budgets or MemoryBudgets(lambda: clock.now().timestamp()),
            connection=connection,
            clock=clock,
            events=events,
        )
        self._retry = RetryPolicy(settings.retries, settings.retry_budget, clock, random)
        self._breaker = Breaker(settings.breaker, clock=clock, tell=self._tell.circuit, connection=connection)
        self._wire = Wire(
            connection, clock, events, self._post_form, self._check_base, timeout=settings.timeout
        )
        self._good_bases = {settings.base_url}

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        json: Value = None,
        content: bytes | Body | None = None,
        headers: Mapping[str, str] | None = None,
        idempotent: bool | None = None,
        endpoint: str = "default",
        cost: int = 1,
        ok: Collection[int] = SUCCESS,
        expect: Expected = "json",
        into: Sink | None = None,
        base: str | None = None,
    ) -> Response:
        """Make a call and give its reply, whose status is in ``ok``.

        ``path`` is made with :func:`crmhub.http.path`, or is an absolute "next page" link to the
        connection's own origin (see :meth:`absolute`). ``idempotent`` says whether sending it twice does
        what sending it once does (default: by the method; POST and PATCH are not). ``endpoint`` is its
        class for the limits, ``cost`` what the budget pays for it. With ``expect="json"`` a 2xx body that is
        no JSON is a failed call, with ``expect="done"`` a page of HTML or XML is: what stands before a CRM
        may answer in its place.
        A ``content`` may be a :class:`~crmhub.http.streams.Body`, sent a piece at a time; the body of a
        success goes ``into`` a sink as it comes, of whatever size, and the reply then has no content.
        ``base`` is another host of the CRM's own, one of ``file_hosts``, for this call alone.

        Raises :class:`~crmhub.errors.UnknownOutcome` when a call that is not idempotent was sent and
        its fate is not known, :class:`~crmhub.errors.CircuitOpen` when nothing was sent because too
        many calls failed, and otherwise what the CRM said.
        """
        call = prepare(
            method,
            path,
            bases=self._good_bases,
            params=params,
            json=json,
            content=content,
            headers=headers,
            idempotent=idempotent,
            endpoint=endpoint,
            cost=cost,
            ok=ok,
            expected=expect if into is None else "any",
            into=into,
            base=self._file_base(base),
        )
        try:
            with self._breaker.passage() as probing:
                return await self._retry.run(
                    lambda attempt: self._limited(call, attempt),
                    lambda error, attempt, wait: self._failed(call, error, attempt, wait),
                    repeatable=call.repeatable,
                    once=probing,
                )
        except ConnectorError as error:
            error.at(connection=self._connection)
            raise

    def absolute(self, link: str) -> str:
        """A link of a reply, a URL or a path from the root with its query, as ``request`` takes it.

        Raises :class:`~crmhub.errors.BadRequest` for what is neither, or leads elsewhere.
        """
        try:
            return absolute(link, self._good_bases)
        except BadRequest as error:
            error.at(connection=self._connection)
            raise

    async def elsewhere(
        self,
        send: Callable[[], Awaitable[_T]],
        *,
        way: str,
        name: str,
        endpoint: str = "default",
        cost: int = 1,
    ) -> _T:
        """What ``send`` gives, which makes a call by another ``way`` (``MCP``; ``name``: what it calls).

        It waits for the limits of this connection and counts as a call through it. After ``RateLimited``
        calls of its endpoint class pause, and it is made again; whatever else it raises comes out.
        """
        call, purse = named(way, name, endpoint, cost), self._purse

        async def paid() -> _T:
            if purse is not None:
                await purse.spend(None, cost)
            return await send()

        return await made_elsewhere(
            paid,
            call,
            limits=self._limits,
            retry=self._retry,
            failed=lambda error, attempt, wait: self._failed(call, error, attempt, wait),
        )

    @property
    def wire(self) -> Wire:
        """What it lends to its :class:`~crmhub.http.auth.Auth`."""
        return self._wire

    @property
    def purse(self) -> Purse | None:
        """What its calls are paid from, if they cost anything that is used up."""
        return self._purse

    @property
    def reach(self) -> Reach:
        """Which addresses it connects to."""
        return self._settings.reach

    @property
    def concurrency(self) -> int:
        """How many calls it makes at once."""
        return self._limits.concurrency

    def widen(self, concurrency: int) -> None:
        """Make so many calls at once from now on, as far as the settings allow; never fewer than now."""
        self._limits.widen(min(concurrency, self._settings.widest or self._settings.concurrency))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    # ── the way of one attempt ───────────────────────────────────────────────────────────────────

    async def _limited(self, call: Call, attempt: Attempt) -> Response:
        if self._purse is not None:
            await self._purse.spend(call.path, call.cost)
        entry = await self._limits.enter(call.endpoint, attempt.patience)
        try:
            return await self._authorised(call, attempt, entry)
        finally:
            await self._limits.leave(entry)

    async def _authorised(self, call: Call, attempt: Attempt, entry: Entry) -> Response:
        """Send with the present credentials; when they are refused, once more with renewed ones.

        A token that another process kept may have ended too: then there is one more try.
        """
        auth = self._settings.auth
        grant = await auth.grant(self._wire) if auth else _NO_GRANT
        response, error = await self._exchange(call, attempt, grant)
        for _ in range(2):
            if auth is None or type(error) is not AuthError:
                break
            refused, grant = grant, await auth.grant(self._wire, refused=grant)
            if grant is refused:
                break
            await self._limits.again(entry, attempt.patience)
            response, error = await self._exchange(call, attempt, grant)
            if type(error) is AuthError and not grant.found:
                error.hint = _REFRESHING_DID_NOT_HELP
                break
        if error is not None:
            raise error
        return response

    async def _exchange(
        self, call: Call, attempt: Attempt, grant: Grant
    ) -> tuple[Response, ConnectorError | None]:
        """One request on the wire: its reply, and what is wrong with it. Raises when no reply comes."""
        base = call.base or grant.base_url or self._settings.base_url
        if call.base is None:
            self._check_base(base)
        began = self._clock.monotonic()
        try:
            response = await self._send(call, base.rstrip("/") + call.target, grant.headers)
        except Lost as lost:
            error = call.lost(lost, origin(base)[1])
            self._tell.call(call, began, None, error, attempt.number)
        else:
            error = verdict(response, self._settings.classify, call.ok) or _unreadable(call, response)
            if error is not None:
                attempt.retry_after = retry_after(response, self._clock.now())
            self._tell.call(call, began, response, error, attempt.number)
            if self._purse is not None:
                await self._purse.heard(call.path, response)
            return response, error
        raise error

    async def _send(self, call: Call, url: str, credentials: Mapping[str, str]) -> Response:
        headers = {**call.headers, **credentials}
        received = await self._transport.send(call.method, url, headers, call.content, call.into)
        names = self._settings.request_id_headers
        request_id = next((received.headers[name] for name in names if name in received.headers), None)
        return Response(
            received.status,
            received.headers,
            received.content,
            method=call.method,
            path=call.path,
            request_id=shown_name(request_id) if request_id else None,
            repeatable=call.repeatable,
            connection=self._connection,
            problem=received.problem,
            passing=received.passing,
            taken=received.taken,
            private=call.endpoint == _TOKENS,
        )

    # ── what auth borrows ────────────────────────────────────────────────────────────────────────

    async def _post_form(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Response:
        """See :class:`~crmhub.http.auth.FormPost`. Repeating a token request is safe: nothing is created."""
        scheme, host, _ = origin(url)
        if scheme == "http" and self._origin[0] == "https":
            raise AuthError(f"credentials are not sent to {host} without TLS", hint="use its https:// URL")
        call = Call(
            method="POST",
            target=url,
            path=shown_path(urlsplit(url).path),
            headers={
                "accept": "application/json",
                "content-type": "application/x-www-form-urlencoded",
                **(headers or {}),
            },
            content=urlencode(form).encode(),
            repeatable=True,
            endpoint=_TOKENS,
            cost=1,
            ok=_TOKEN_REPLY,
            expected="any",
        )
        await self._limits.spend_at_once(call.endpoint)
        attempt = Attempt(number=1)
        began = self._clock.monotonic()
        try:
            response = await self._send(call, url, {})
        except Lost as lost:
            error = call.lost(lost, host)
            self._tell.call(call, began, None, error, attempt.number)
        else:
            error = verdict(response, None, call.ok)
            if isinstance(error, RateLimited):
                error.retry_after = retry_after(response, self._clock.now())
            self._tell.call(call, began, response, error, attempt.number)
            if error is None:
                return response
        error.applied = False  # the call that needs the token was not sent
        error.at(connection=self._connection)
        raise error

    def _check_base(self, base_url: str) -> None:
        """Raise ``AuthError`` unless credentials may be sent there: our origin, or an allowed host by TLS."""
        if base_url in self._good_bases:
            return
        try:
            scheme, host, port = base_origin(base_url)
        except BadRequest as error:
            raise AuthError(f"the base URL that came with the token is refused: {error.what}") from None
        if (scheme, host, port) != self._origin and not _is_below(
            scheme, host, port, self._settings.allow_hosts
        ):
            raise AuthError(
                f"the token names {host} as the place to call, which this connection does not allow",
                hint="check the region or instance URL in the configuration",
            )
        self._good_bases.add(base_url)

    def _file_base(self, base: str | None) -> str | None:
        """The base of one call; raises ``BadRequest`` unless credentials may be sent there."""
        if base is None:
            return None
        scheme, host, port = base_origin(base)
        if (scheme, host, port) == self._origin or _is_below(scheme, host, port, self._settings.file_hosts):
            return base
        raise BadRequest(
            f"refused to send credentials to {host}",
            hint="it is none of the hosts that the CRM's files are on",
            where=Where(connection=self._connection),
        )

    def _failed(self, call: Call, error: ConnectorError, attempt: Attempt, wait: float | None) -> None:
        if isinstance(error, RateLimited):
            if error.retry_after is None:
                error.retry_after = attempt.retry_after
            self._limits.pause(call.endpoint, wait if wait is not None else error.retry_after or 0.0)
        if wait is not None:
            self._tell.retry(call, error, attempt.number, wait)


def _is_below(scheme: str, host: str, port: int, suffixes: Collection[str]) -> bool:
    """Whether that is a host under one of the suffixes, by TLS."""
    return (scheme, port) == ("https", 443) and any(
        f".{host}".endswith(f".{suffix.lower().lstrip('.')}") for suffix in suffixes
    )


def _unreadable(call: Call, response: Response) -> ConnectorError | None:
    """Why a success cannot be used: something else was expected than what came."""
    if call.expected == "any" or not 200 <= response.status < 300:
        return None
    if not response.content and (call.method != "GET" or call.expected == "done"):
        return None
    if call.expected == "done":
        return response.unreadable("a page of HTML or XML") if response.is_page else None
    try:
        response.json()
    except ConnectorError as error:
        return error
    return None
