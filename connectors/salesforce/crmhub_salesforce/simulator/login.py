"""Everything that is not the REST API: OAuth's endpoints, SOAP `login()`, and who somebody is."""

from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from crmhub.testing.simulator.jsons import dump_json
from crmhub.testing.simulator.stats import Stats
from crmhub.testing.simulator.table import Row
from crmhub_salesforce.simulator import soap
from crmhub_salesforce.simulator.calls import Reply
from crmhub_salesforce.simulator.errors import ApiError
from crmhub_salesforce.simulator.org import Org
from crmhub_salesforce.simulator.sessions import SHARED_HOSTS, Sessions, instance_url

OAUTH = "/services/oauth2/"


class Login:
    """The places at which one signs in to an org."""

    def __init__(self, org: Org, sessions: Sessions, stats: Stats) -> None:
        self._org = org
        self._sessions = sessions
        self._stats = stats

    def pattern(self, path: str) -> str | None:
        """The route that a path leads to, for statistics; None if it is not one of these."""
        lower = path.lower()
        if lower.startswith("/id/"):
            return "/id/{org}/{user}"
        if soap.is_soap(lower):
            return "/services/soap/{api}/{version}"
        return lower if lower.startswith(OAUTH) else None

    async def answer(self, request: Request, path: str, base_url: str) -> Response:
        """Answer a call to one of these places."""
        body = await request.body()
        if soap.is_soap(path):
            return self._soap(path, body, base_url) if request.method == "POST" else _response(_nothing())
        query = dict(parse_qsl(request.scope["query_string"].decode("ascii", "replace")))
        form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        authorization = request.headers.get("authorization")
        return _response(self._answered(request.method, path.lower(), (query, form), authorization, base_url))

    def refused(self, authorization: str, base_url: str) -> Reply | None:
        """Why a call may not be made; None if it may."""
        kind, _, token = authorization.partition(" ")
        if kind and kind.lower() not in {"bearer", "oauth"}:
            return Reply(401, ApiError("INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE").rest())
        if not self._sessions.live(token.strip()) or urlsplit(base_url).hostname in SHARED_HOSTS:
            return Reply(401, ApiError("INVALID_SESSION_ID", "Session expired or invalid").rest())
        if not self._sessions.may_call(token.strip()):
            message = "This session is not valid for use with the REST API"
            return Reply(401, ApiError("INVALID_SESSION_ID", message).rest())
        return None

    def _answered(
        self,
        method: str,
        path: str,
        given: tuple[dict[str, str], dict[str, str]],
        authorization: str | None,
        base_url: str,
    ) -> Reply:
        query, form = given
        match method, path.removeprefix(OAUTH):
            case "POST", "token":
                reply = self._sessions.token(form, authorization, base_url)
                self._stats.tokens_issued = self._sessions.issued
                return reply
            case (("GET" | "POST"), "authorize"):
                return self._sessions.codes.authorize({**query, **form})
            case "GET", "success":
                return Reply(200)  # a page that says so; its address holds the code
            case (("GET" | "POST"), "revoke"):
                return self._sessions.revoke(form.get("token") or query.get("token", ""))
            case "POST", "introspect":
                return self._sessions.introspect(form, authorization, base_url)
            case (("GET" | "POST"), rest) if rest == "userinfo" or path.startswith("/id/"):
                shown = self._identity(base_url)
                if rest == "userinfo":
                    shown = _by_openid(shown)
                return self.refused(authorization or "", base_url) or Reply(200, shown)
            case _:
                return _nothing()

    def _soap(self, path: str, body: bytes, base_url: str) -> Response:
        ids = (self._org.id, self._org.user_id)
        try:
            text, status = soap.login(path, body, self._sessions.login, instance_url(base_url), ids), 200
        except soap.Fault as fault:
            text, status = fault.xml(), 500
        self._stats.tokens_issued = self._sessions.issued
        return Response(text, status, media_type="text/xml")

    def _identity(self, base_url: str) -> Row:
        user = self._org.live(self._org.user_id) or {}
        rest = f"{base_url}/services/data/v{{version}}/"
        return {
            "id": f"{base_url}/id/{self._org.id}/{self._org.user_id}",
            "asserted_user": True,
            "user_id": self._org.user_id,
            "organization_id": self._org.id,
            "username": user.get("Username"),
            "nick_name": user.get("CommunityNickname"),
            "display_name": user.get("Name"),
            "email": user.get("Email"),
            "active": True,
            "user_type": "STANDARD",
            "language": "en_US",
            "locale": "en_US",
            "utcOffset": 0,
            "urls": {"rest": rest, "sobjects": f"{rest}sobjects/", "query": f"{rest}query/"},
            "last_modified_date": user.get("LastModifiedDate"),
        }


_OPENID = {"id": "sub", "username": "preferred_username", "nick_name": "nickname", "display_name": "name"}


def _by_openid(identity: Row) -> Row:
    """An identity in the names of OpenID Connect, as `/userinfo` has it."""
    found = {_OPENID.get(name, name): value for name, value in identity.items() if name != "asserted_user"}
    updated = found.pop("last_modified_date")
    return {**found, "email_verified": True, "zoneinfo": "GMT", "updated_at": updated}


def _nothing() -> Reply:
    return Reply(404, ApiError("NOT_FOUND", "The requested resource does not exist").rest())


def _response(reply: Reply) -> Response:
    if reply.body is None:
        return Response(b"", reply.status, dict(reply.headers))
    return Response(
        dump_json(reply.body), reply.status, dict(reply.headers), "application/json;charset=UTF-8"
    )
