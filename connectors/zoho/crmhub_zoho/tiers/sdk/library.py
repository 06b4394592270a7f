"""The one file that imports Zoho's SDK (zohocrmsdk8-0 7.x), and all that is known of its inside.

Everything here runs in a worker's thread, between :func:`entered` and its end. The SDK's state is global
to the process (`Initializer.initialize`) or to a thread (`switch_user`): each job puts its own state on its
thread and takes it off again, so that organisations cannot meet.
"""
# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeStubs=false
# pyright: reportUntypedBaseClass=false, reportMissingParameterType=false
# pyright: reportIncompatibleMethodOverride=false, reportAttributeAccessIssue=false

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import zohocrmsdk
from requests import Response as Reply
from requests.structures import CaseInsensitiveDict
from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zohocrmsdk.src.com.zoho.api.authenticator.store.token_store import TokenStore
from zohocrmsdk.src.com.zoho.crm.api import HeaderMap, ParameterMap
from zohocrmsdk.src.com.zoho.crm.api.dc.data_center import DataCenter
from zohocrmsdk.src.com.zoho.crm.api.exception import SDKException
from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer
from zohocrmsdk.src.com.zoho.crm.api.record import (
    BodyWrapper,
    DeleteRecordsParam,
    GetRecordParam,
    GetRecordsHeader,
    GetRecordsParam,
    RecordOperations,
    SearchRecordsParam,
)
from zohocrmsdk.src.com.zoho.crm.api.sdk_config import SDKConfig
from zohocrmsdk.src.com.zoho.crm.api.util import Utility
from zohocrmsdk.src.com.zoho.crm.api.util.api_http_connector import APIHTTPConnector

from crmhub.connector import Native
from crmhub.errors import Unsupported
from crmhub.http import FormFile, Response
from crmhub_zoho.tiers.sdk.job import CURRENT, Job
from crmhub_zoho.tiers.sdk.values import Details, native, record_of

__all__ = [
    "create",
    "delete",
    "entered",
    "get",
    "learn",
    "listed",
    "read",
    "searched",
    "try_out",
    "update",
    "upsert",
]

_HOST = "https://crmhub"  # never called: the job's client knows the host
_PLACEHOLDER = "owned-by-crmhub" + "-" * 32
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_NOTHING_KNOWN = {"id": {"name": "id", "type": "Long"}}


class _Tokens(TokenStore):
    """A token store that always has a live token, so that the SDK never asks for one.

    The token itself is put on each request by the connection's client, which alone owns it.
    """

    def find_token(self, token: object) -> object:  # noqa: ARG002 - the SDK's shape
        return OAuthToken(access_token=_PLACEHOLDER, find_user=False)

    def find_token_by_id(self, id: object) -> object:  # noqa: ARG002
        return self.find_token(None)

    def save_token(self, token: object) -> None:
        """Nothing to keep."""

    def delete_token(self, id: object) -> None:
        """Nothing is kept."""

    def delete_tokens(self) -> None:
        """Nothing is kept."""

    def get_tokens(self) -> list[object]:
        return []


class _Exact(Reply):
    """A reply for the SDK, from ours. It reads fractions as floats: one that would change is refused."""

    def __init__(self, response: Response, job: Job) -> None:
        super().__init__()
        self.status_code = response.status
        self.headers = CaseInsensitiveDict(dict(response.headers))
        self._content = response.content
        self.encoding = "utf-8"
        self._job = job

    def json(self, **_: object) -> object:
        return json.loads(self.content, parse_float=self._fraction)

    def _fraction(self, text: str) -> float:
        number = float(text)
        if Decimal(repr(number)) != Decimal(text):
            raise self._job.refuse(Unsupported("a number has more digits than the SDK can hold"))
        return number


_TOKENS = _Tokens()
_CONFIG = SDKConfig(auto_refresh_fields=False, pick_list_validation=False, update_api_domain=False)
_begun = threading.Lock()
_fire_request = APIHTTPConnector.fire_request


def _fire(connector: Any, converter: Any) -> object:  # pyright: ignore[reportExplicitAny, reportAny]
    """In place of the SDK's own ``fire_request``."""
    job = CURRENT.get()
    if job is None:
        return _fire_request(connector, converter)
    method = str(connector.request_method)
    content = None
    if method in _WITH_BODY and connector.request_body is not None:
        content = cast("bytes", converter.append_to_request(connector, connector.request_body))
        if connector.file:  # a form: its one part was made as a whole form (files.py), and goes out as it is
            content = cast("list[tuple[str, FormFile]]", content)[0][1]
    return _Exact(job.exchange(method, connector.url, connector.parameters, connector.headers, content), job)


def _begin() -> None:
    """What the SDK's ``initialize`` loads, without the global state that it leaves behind."""
    with _begun:
        if APIHTTPConnector.fire_request is not _fire:
            APIHTTPConnector.fire_request = _fire
            # Its log shows parameters and errors, and breaks over its own messages.
            logging.getLogger("SDKLogger").addFilter(lambda _: CURRENT.get() is None)
        if not Initializer.json_details:
            file = Path(zohocrmsdk.__path__[0]) / "src" / "json_details.json"
            Initializer.json_details = json.loads(file.read_text("utf-8"))


@contextmanager
def entered(job: Job, folder: Path) -> Generator[None]:
    """Work for ``job`` on this thread, with the SDK's files in ``folder``."""
    _begin()
    state = Initializer()
    state.environment = DataCenter.Environment(_HOST, _HOST, _HOST)
    state.store = _TOKENS
    state.token = OAuthToken(access_token=_PLACEHOLDER, find_user=False)
    state.sdk_config = _CONFIG
    state.resource_path = str(folder)
    before = getattr(Initializer.LOCAL, "init", None)
    current = CURRENT.set(job)
    Initializer.LOCAL.init = state
    try:
        yield
    except SDKException as error:
        raise _said(error) from None
    finally:
        Initializer.LOCAL.init = before
        CURRENT.reset(current)


def learn(module: str) -> Details:
    """Have the SDK read a module's fields, and those that its look-ups lead to, into its folder."""
    Utility.get_fields(module)
    file = Path(Utility.get_file_name())
    details = cast("dict[str, dict[str, dict[str, object]]]", json.loads(file.read_text("utf-8")))
    # The SDK would take an empty entry out again while other threads read the file.
    file.write_text(json.dumps({name: found or _NOTHING_KNOWN for name, found in details.items()}))
    return details


def listed(
    module: str, params: Mapping[str, str | int | Sequence[str]], since: datetime | None
) -> Native | None:
    """A page of a list; ``params`` by Zoho's names."""
    headers = HeaderMap()
    if since is not None:
        headers.add(GetRecordsHeader.if_modified_since, since)
    return read(RecordOperations(module).get_records(_params(GetRecordsParam, params), headers))


def get(module: str, id: str, fields: Sequence[str]) -> Native | None:
    """One record, or none."""
    params = _params(GetRecordParam, {"fields": ",".join(fields)} if fields else {})
    return read(RecordOperations(module).get_record(int(id), params, HeaderMap()))


def searched(module: str, params: Mapping[str, str | int | Sequence[str]]) -> Native | None:
    """A page of a search."""
    return read(RecordOperations(module).search_records(_params(SearchRecordsParam, params), HeaderMap()))


def create(module: str, body: Native, details: Details) -> Native | None:
    """The answers for new records."""
    return read(RecordOperations(module).create_records(_body(module, body, details), HeaderMap()))


def update(module: str, body: Native, details: Details) -> Native | None:
    """The answers for changed records."""
    return read(RecordOperations(module).update_records(_body(module, body, details), HeaderMap()))


def upsert(module: str, body: Native, details: Details) -> Native | None:
    """The answers for new or changed records."""
    return read(RecordOperations(module).upsert_records(_body(module, body, details), HeaderMap()))


def delete(module: str, ids: Sequence[str], *, triggers: bool) -> Native | None:
    """The answers for records moved to the recycle bin."""
    params = _params(DeleteRecordsParam, {"ids": ids})
    if not triggers:
        params.add(DeleteRecordsParam.wf_trigger, False)
    return read(RecordOperations(module).delete_records(params, HeaderMap()))


def try_out(module: str, rows: Sequence[Native], details: Details) -> None:
    """Make the records that a write would send, and forget them; raises :class:`Unsupported`."""
    for row in rows:
        record_of(row, details, module)


def _params(kind: object, values: Mapping[str, str | int | Sequence[str]]) -> ParameterMap:
    params = ParameterMap()
    for name, value in values.items():
        several = [value] if isinstance(value, str | int) else value
        for one in several:
            params.add(getattr(kind, name), one)
    return params


def _body(module: str, body: Native, details: Details) -> BodyWrapper:
    made = BodyWrapper()
    rows = cast("list[Native]", body["data"])
    made.set_data([record_of(row, details, module) for row in rows])
    for name in ("trigger", "duplicate_check_fields"):
        if name in body:
            getattr(made, f"set_{name}")(body[name])
    return made


def read(answer: object) -> Native | None:
    """The object of an answer as the JSON that it was; ``None`` for an answer without a body."""
    found = cast("Any", answer)  # pyright: ignore[reportExplicitAny]
    held = None if found is None else found.get_object()
    return None if held is None else cast("Native", native(held))


def _said(error: SDKException) -> Unsupported:
    """What the SDK refused by itself. Its details can hold a record's values: only its code is told."""
    return Unsupported(
        f"the SDK cannot make this call ({error.code or 'no reason given'})",
        hint="another tier can: leave the tier out, or name rest",
    )
