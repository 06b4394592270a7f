"""Reading and writing a Salesforce org on a bad line: nothing lost, nothing twice."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest

from crmhub.clock import ManualClock
from crmhub.connector import Checkpoint, Context, ReadRequest, WriteItem, WriteRequest
from crmhub.errors import ConnectorError
from crmhub.events import Events
from crmhub.http import HttpClient, HttpSettings, asgi_transport
from crmhub.testing.simulator.options import Options
from crmhub_salesforce import Connector, SalesforceConfig
from crmhub_salesforce.simulator import SalesforceDouble, create

pytestmark = pytest.mark.anyio

FAULTS = (
    "503:4%",
    "cut:4%",
    "lost:4%",
    "truncated:4%",
    "html:4%",
    "empty:2%",
    "content_type:2%",
    "expire:4%",
)
ROUNDS = 12
TRIES = 40


class Line:
    """One org behind a bad line, one clock, one client."""

    def __init__(self, seed: int) -> None:
        self.clock = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))
        now = self.clock
        self.double: SalesforceDouble = create(
            Options(rows={"Account": 23}, seed=seed, faults=FAULTS, now=lambda: now.now().timestamp())
        )
        self.clients: list[HttpClient] = []
        credentials = self.double.credentials
        config = SalesforceConfig.model_validate(
            {
                "instance_url": "http://localhost:8081",
                "client_id": credentials["client_id"],
                "client_secret": credentials["client_secret"],
                "page_size": 5,
            }
        )
        self.connector = Connector(
            config, Context("sf", clock=self.clock, random=Random(seed), http=self._client)
        )

    def _client(self, settings: HttpSettings) -> HttpClient:
        client = HttpClient(
            settings,
            connection="sf",
            clock=self.clock,
            events=Events(self.clock),
            random=Random(1),
            transport=asgi_transport(self.double.app),
        )
        self.clients.append(client)
        return client

    def truth(self) -> dict[str, object]:
        return {str(row["Id"]): row.get("Name") for row in self.double.truth("Account")}

    async def close(self) -> None:
        for client in self.clients:
            await client.aclose()


class Follower:
    """Keeps a copy by reading on from its checkpoint, as often as it takes."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.rows: dict[str, object] = {}
        self.checkpoint: Checkpoint | None = None

    async def follow(self) -> None:
        for _ in range(TRIES):
            request = ReadRequest("Account", ("Name",), since=self.checkpoint)
            try:
                async for page in self.line.connector.read(request):
                    for row in page.upserts:
                        self.rows[str(row["Id"])] = row["Name"]
                    for gone in page.deletes:
                        self.rows.pop(gone.id, None)
                    self.checkpoint = page.checkpoint or self.checkpoint
            except ConnectorError:
                self.line.clock.advance(90)
                continue
            return
        raise AssertionError("the read never came to its end")


async def upserted(line: Line, names: dict[str, str]) -> None:
    """Each name under its key, sent until the org has said yes."""
    left = dict(names)
    for _ in range(TRIES):
        keys = list(left)
        items = [WriteItem({"Name": left[key]}, key=key) for key in keys]
        try:
            outcomes = await line.connector.write(WriteRequest("Account", "upsert", items, "External_Id__c"))
        except ConnectorError:
            line.clock.advance(90)
            continue
        left = {key: left[key] for key, outcome in zip(keys, outcomes, strict=True) if not outcome.ok}
        if not left:
            return
    raise AssertionError("some records were never written")


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_follower_on_a_bad_line_ends_with_the_truth_and_no_duplicates(seed: int) -> None:
    line, random = Line(seed), Random(seed)
    follower = Follower(line)
    expected: dict[str, str] = {}
    await follower.follow()
    for turn in range(ROUNDS):
        line.clock.advance(random.choice([1, 60, 4000]))
        batch = {f"k-{random.randrange(60)}": f"turn {turn}" for _ in range(random.randrange(1, 30))}
        expected |= batch
        await upserted(line, batch)
        await follower.follow()
    line.double.faults.replace([])
    line.clock.advance(600)
    await follower.follow()
    assert follower.rows == line.truth()
    assert len(line.truth()) == 23 + len(expected)
    written = {
        row["External_Id__c"]: row["Name"] for row in line.double.truth("Account") if row["External_Id__c"]
    }
    assert written == expected
    await line.close()
