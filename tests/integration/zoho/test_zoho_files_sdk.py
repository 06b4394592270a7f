"""Files of records by Zoho's SDK: the same files, names and errors as by REST, a piece at a time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from crmhub.connector import WriteItem, WriteRequest
from crmhub.errors import BadRequest, ConnectorError, NotFound, UnknownOutcome
from crmhub.powers import Attachment
from crmhub.routing import routed

if TYPE_CHECKING:
    from crmhub_zoho import Connector
    from tests.integration.zoho.conftest import Org, World

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(find_spec("zohocrmsdk") is None, reason="the SDK is not installed"),
]

MB = 1024 * 1024
TIERS = ("rest", "sdk")


class Bytes:
    """Some bytes, given a piece at a time; how many times they were asked for."""

    def __init__(self, size: int, piece: bytes = b"") -> None:
        self.size = size
        self.opened = 0
        self._piece = piece or bytes(range(256)) * 256

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[AsyncIterator[bytes]]:
        self.opened += 1
        yield self._pieces()

    async def _pieces(self) -> AsyncIterator[bytes]:
        left = self.size
        while left:
            yield self._piece[:left]
            left -= min(left, len(self._piece))


class Kept:
    """A sink that keeps what comes."""

    content = b""

    async def begin(self) -> None:
        self.content = b""

    async def write(self, chunk: bytes) -> None:
        self.content += chunk


def by(org: Org) -> list[tuple[object, object]]:
    told = (event.detail for event in org.heard if event.name == "tier.served")
    return [(detail["operation"], detail["tier"]) for detail in told]


async def account(connector: Connector) -> str:
    (made,) = await connector.write(WriteRequest("Accounts", "create", [WriteItem({"Account_Name": "Acme"})]))
    return str(made.id)


async def listed(connector: Connector, record: str) -> Sequence[Attachment]:
    return [file async for page in connector.files("Accounts", record) for file in page]


async def failure(
    connector: Connector, tier: str, call: str, given: Sequence[object]
) -> Mapping[str, object]:
    """How a call fails by a tier: all that a caller can see."""
    with routed(tier=tier), pytest.raises(ConnectorError) as caught:
        await getattr(connector, call)(*given)
    error = caught.value
    return {
        "type": type(error),
        "what": error.what,
        "code": error.code,
        "status": error.status,
        "where": error.where,
        "hint": error.hint,
    }


@pytest.mark.parametrize("content", [b"", b"\r\n--crmhub-", bytes(range(256)) * 1024])
@pytest.mark.parametrize(
    "name", ["offer.txt", "Angebot März 日本.bin", 'a"b\r\nX: y.txt', "../../etc/passwd"]
)
async def test_files_are_the_same_by_either_tier(make_org: World, content: bytes, name: str) -> None:
    org = make_org()
    connector = org.connect()
    record = await account(connector)
    org.heard.clear()
    seen: dict[str, object] = {}
    for tier in TIERS:
        with routed(tier=tier):
            made = await connector.upload("Accounts", record, name, Bytes(len(content), content or b"x"))
            (file,) = await listed(connector, record)
            sink = Kept()
            await connector.download("Accounts", record, file.id, sink)
            await connector.delete_file("Accounts", record, made)
            assert await listed(connector, record) == []
        assert (file.id, sink.content) == (made, content)
        seen[tier] = (file.name, file.size, file.link, sink.content)
    assert seen["sdk"] == seen["rest"]
    assert by(org) == [
        (operation, tier)
        for tier in TIERS
        for operation in ("upload", "files", "download", "delete_file", "files")
    ]


@pytest.mark.parametrize(
    ("context", "tier"),
    [("bulk", "sdk"), ("background", "sdk"), ("interactive", "rest"), ("agent", "rest"), (None, "rest")],
)
async def test_the_context_says_which_tier_moves_files(make_org: World, context: str, tier: str) -> None:
    org = make_org()
    connector = org.connect()
    record = await account(connector)
    org.heard.clear()
    with routed(context):  # pyright: ignore[reportArgumentType]
        await connector.upload("Accounts", record, "a", Bytes(1))
    assert by(org) == [("upload", tier)]


async def test_what_the_sink_raises_ends_the_download_and_comes_through(make_org: World) -> None:
    class Full(Kept):
        async def write(self, chunk: bytes) -> None:
            raise OSError(28, "No space left on device")

    connector = make_org().connect()
    record = await account(connector)
    made = await connector.upload("Accounts", record, "a", Bytes(1))
    for tier in TIERS:
        with routed(tier=tier), pytest.raises(OSError, match="No space left"):
            await connector.download("Accounts", record, made, Full())


async def test_errors_are_the_same_by_either_tier(make_org: World) -> None:
    connector = make_org().connect()
    record = await account(connector)
    wrong: Sequence[tuple[str, tuple[object, ...]]] = (
        ("upload", ("Accounts", "554023110000099999", "a", Bytes(1))),
        ("upload", ("Accounts", record, "a", Bytes(20 * MB + 1))),
        ("upload", ("Nonsense", record, "a", Bytes(1))),
        ("upload", ("Accounts/../Deals", record, "a", Bytes(1))),
        ("upload", ("Accounts?x=1", record, "a", Bytes(1))),
        ("download", ("Accounts", record, "554023110000099999", Kept())),
        ("delete_file", ("Accounts", record, "554023110000099999")),
        ("delete_file", ("Accounts", record, "../1")),
    )
    for call, given in wrong:
        by_rest = await failure(connector, "rest", call, given)
        assert await failure(connector, "sdk", call, given) == by_rest
        assert by_rest["type"] in {NotFound, BadRequest}


async def test_a_file_that_is_too_large_is_refused_before_it_is_read(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    record = await account(connector)
    large, calls = Bytes(20 * MB + 1), len(org.calls(""))
    with routed(tier="sdk"), pytest.raises(BadRequest, match="at most 20971520 bytes"):
        await connector.upload("Accounts", record, "a", large)
    assert (large.opened, len(org.calls(""))) == (0, calls)


async def test_an_upload_whose_reply_is_lost_is_unknown_and_made_by_nobody_again(make_org: World) -> None:
    org = make_org(faults=("lost@POST /Attachments:1x",))
    connector = org.connect()
    record = await account(connector)
    with routed("bulk"), pytest.raises(UnknownOutcome):
        await connector.upload("Accounts", record, "a", Bytes(1))
    assert len(await listed(connector, record)) == 1
    assert len(org.calls("POST /crm/v8/Accounts/")) == 1


async def test_a_download_that_fails_by_the_sdk_is_made_by_rest(make_org: World) -> None:
    org = make_org()
    connector = org.connect()
    record = await account(connector)
    made = await connector.upload("Accounts", record, "a", Bytes(1 * MB))
    org.double.faults.replace((f"cut@GET {made}:5x",))
    sink = Kept()
    with routed("bulk"):
        await connector.download("Accounts", record, made, sink)
    assert by(org)[-1] == ("download", "rest")
    assert sink.content == bytes(range(256)) * (MB // 256)
