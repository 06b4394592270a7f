"""API calls: told by every reply, priced before they are spent, kept for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from crmhub.connector import NOT_SENT, Value, WriteItem, WriteRequest
from crmhub.errors import BadRequest, QuotaExceeded
from crmhub.http import Allowance
from crmhub.routing import routed
from crmhub.usage import Planned
from crmhub_salesforce.limits import allowance_of

if TYPE_CHECKING:
    from tests.integration.salesforce.conftest import Org, World

pytestmark = pytest.mark.anyio


def marks(org: Org) -> list[object]:
    return [event.detail["percent"] for event in org.heard if event.name == "quota.used"]


def small(make_org: World, calls: int, rows: int = 1) -> Org:
    return make_org({"Account": rows}, settings={"daily_api_requests": str(calls)})


async def test_a_reply_tells_what_is_granted_and_nobody_asks(make_org: World) -> None:
    org = small(make_org, 15_000)
    connector = org.connect()
    await connector.count("Account")
    usage = await connector.usage()
    assert (usage.used, usage.most, usage.reserve, usage.others) == (2, 15_000, 3_000, 0)  # with the describe
    assert (usage.unit, usage.left, usage.concurrency) == ("API calls", 11_998, 10)
    assert usage.why == "as the org's replies tell"
    assert org.calls("/limits") == []


async def test_before_the_first_reply_the_limits_are_asked_for_once(make_org: World) -> None:
    org = small(make_org, 15_000)
    connector = org.connect()
    assert [(await connector.usage()).used for _ in range(2)] == [1, 1]
    assert (await connector.usage()).most == 15_000
    assert len(org.calls("/limits")) == 1


async def test_calls_of_other_applications_are_told_apart(make_org: World) -> None:
    org = small(make_org, 15_000)
    connector, other = org.connect(), org.connect()
    await connector.count("Account")
    for _ in range(5):
        await other.count("Account")
    await connector.count("Account")
    usage = await connector.usage()
    assert (usage.used, usage.others) == (9, 6)


async def test_jobs_end_before_the_reserve_and_people_go_on(make_org: World) -> None:
    org = small(make_org, 20)
    connector = org.connect()
    for _ in range(15):  # the describe is the sixteenth
        await connector.count("Account")
    with pytest.raises(QuotaExceeded, match=r"16 of 20 API calls of .*4 are kept for people"):
        await connector.count("Account")
    assert org.double.used == 16
    with routed(context="interactive"):
        for _ in range(4):
            await connector.count("Account")
        with pytest.raises(QuotaExceeded, match="20 of 20"):
            await connector.count("Account")
    assert org.double.used == 20
    assert marks(org) == [50, 80, 100]


async def test_a_share_can_be_set_below_what_the_org_is_granted(make_org: World) -> None:
    org = small(make_org, 15_000)
    connector = org.connect(daily_calls=10, reserve=0.5)
    for _ in range(4):
        await connector.count("Account")
    with pytest.raises(QuotaExceeded, match="nothing was sent"):
        await connector.count("Account")
    usage = await connector.usage()
    assert (usage.most, usage.reserve, usage.used, usage.why) == (10, 5, 5, "configured")


async def test_calls_come_back_after_a_day(make_org: World) -> None:
    org = small(make_org, 10)
    connector = org.connect(reserve=0.0)
    for _ in range(9):
        await connector.count("Account")
    with pytest.raises(QuotaExceeded) as caught:
        await connector.count("Account")
    assert caught.value.retry_after is not None
    assert 86_400 <= caught.value.retry_after <= 87_300
    org.clock.advance(caught.value.retry_after + 1)
    assert await connector.count("Account") == 1


async def test_a_read_that_ends_for_the_day_goes_on_from_its_last_checkpoint(make_org: World) -> None:
    org = small(make_org, 10, rows=50)
    connector, mirror = org.connect(page_size=5, reserve=0.0), org.mirror("Name")
    with pytest.raises(QuotaExceeded):
        await mirror.follow(connector)
    assert len(mirror.rows) == 45  # nine pages and the describe
    org.clock.advance(90_000)
    await mirror.follow(connector)
    assert mirror.rows == org.truth("Account", "Name")


async def test_a_write_that_ends_for_the_day_says_what_was_not_sent(make_org: World) -> None:
    org = small(make_org, 3)
    items = [WriteItem({"Name": f"A {number}"}) for number in range(600)]
    outcomes = await org.connect(reserve=0.0).write(WriteRequest("Account", "create", items))
    assert [outcome.status for outcome in outcomes] == ["created"] * 400 + ["rejected"] * 200
    assert {outcome.problem.code for outcome in outcomes if outcome.problem} == {NOT_SENT}


@pytest.mark.parametrize(
    "body", [None, [], {}, {"DailyApiRequests": {}}, {"DailyApiRequests": {"Max": True}}, {"Max": 5}]
)
def test_limits_that_cannot_be_read_grant_nothing_that_is_known(body: Value) -> None:
    assert allowance_of(body) == Allowance(why="not known: the org does not tell")


async def test_estimates_name_calls_and_what_is_left(make_org: World) -> None:
    org = make_org({"Account": 40}, settings={"daily_api_requests": "1000"})
    connector = org.connect(page_size=10)
    whole = await connector.estimate(Planned("read", "Account"))
    assert (whole.calls, whole.cost, whole.unit, whole.how) == (5, 5, "API calls", "queries of 10 rows")
    assert (whole.left, whole.fits) == (798, True)  # the describe and the count are spent
    some = [
        await connector.estimate(Planned("list", "Account", 25)),
        await connector.estimate(Planned("get", "Account", 201)),
        await connector.estimate(Planned("upsert", "Account", 401)),
        await connector.estimate(Planned("newest", "Account", 50)),
    ]
    assert [one.calls for one in some] == [3, 2, 3, 1]
    with pytest.raises(BadRequest, match="say how many"):
        await connector.estimate(Planned("delete", "Account"))
    with pytest.raises(BadRequest, match="does not allow create"):
        await connector.estimate(Planned("create", "OpportunityStage", 1))
    with pytest.raises(BadRequest, match="no field 'Nmae'"):
        await connector.estimate(Planned("read", "Account", 1, ("Nmae",)))


@pytest.mark.parametrize(
    ("rows", "by_job"),
    [(9, False), (10, False), (19, False), (59, False), (60, True), (75, True)],
)
async def test_reads_that_end_in_a_job_are_priced_as_they_go(
    make_org: World, rows: int, by_job: bool
) -> None:
    org = make_org({"Account": rows})
    connector = org.connect(page_size=10, bulk_read_from=50)
    told = await connector.estimate(Planned("read", "Account", None, ("Name",)))
    before = org.double.used
    await org.pages(connector, "Account", "Name")
    spent = org.double.used - before
    assert ("a query job" in told.how) is by_job
    asked = len(org.calls("GET /services/data/v62.0/jobs/query/")) - len(org.calls("/results"))
    if by_job:
        assert told.calls - 5 == spent - asked
    else:
        assert told.calls == spent


async def test_the_newest_come_first_and_cost_one_call(make_org: World) -> None:
    org = make_org({"Account": 30})
    org.clock.advance(60)
    made = await org.add(2)
    connector = org.connect()
    served = await connector.newest("Account", ("Name",), 3)
    assert {str(row["Id"]) for row in served.value[:2]} == set(made)
    assert len(served.value) == 3
    assert served.tier == "rest"
    assert len(org.calls("/query")) == 1
