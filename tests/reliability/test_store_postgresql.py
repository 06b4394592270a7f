"""The store among what a server can do to it: refuse, go away, come back, undo, and be shared."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import anyio
import psycopg
import pytest
from pydantic import SecretStr

from crmhub.clock import Clock, ManualClock
from crmhub.config import Config
from crmhub.errors import StoreError, SyncError
from crmhub.http import Limit, Token
from crmhub.hub import Hub
from crmhub.store import Changes, DeadLetter, Link, RecordRef, Store
from tests.postgres import PASSWORD, Server
from tests.stores import KEY

pytestmark = [pytest.mark.anyio, pytest.mark.pg]

JOB = "zoho-sf"


@pytest.fixture
def url(postgres_url: str) -> str:
    return postgres_url


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    async with await Store.open(url) as opened:
        yield opened


def behind_its_back(url: str) -> psycopg.Connection:
    """A connection of one's own, where each statement is a transaction."""
    return psycopg.connect(url, autocommit=True)


async def refusal(url: str, **options: float) -> str:
    with pytest.raises(StoreError) as raised:
        await Store.open(url, **options)  # pyright: ignore[reportArgumentType]
    assert raised.value.hint
    assert "\n" not in str(raised.value)
    assert PASSWORD not in str(raised.value)
    return str(raised.value)


# ── opening ──────────────────────────────────────────────────────────────────────────────────────


async def test_a_hub_keeps_its_state_where_the_url_says(url: str) -> None:
    async with Hub(Config({}, store=url)) as hub:
        await (await hub.store()).checkpoints.put(JOB, "Accounts", {"page": 1})

    with behind_its_back(url) as connection:
        assert connection.execute("SELECT job, stream FROM checkpoint").fetchall() == [(JOB, "Accounts")]


async def test_a_wrong_password_is_told_from_a_missing_database(postgres: Server, url: str) -> None:
    assert "refuses the user or its password" in await refusal(url.replace(PASSWORD, "wrong"))
    text = await refusal(postgres.url("nowhere"))
    assert f"postgresql://crmhub@127.0.0.1:{postgres.port}/nowhere does not exist" in text


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("sslmode=require", "encryption"),
        ("cheese=1", "with such an option"),
        ("sslmode=cheese", "has no such sslmode"),
        ("options=-csearch_path%3Dnowhere", "no schema"),
    ],
)
async def test_options_go_to_the_server_and_their_mistakes_come_back(
    new_postgres_url: str, option: str, says: str
) -> None:
    assert says in await refusal(f"{new_postgres_url}?{option}")


async def test_a_server_that_is_not_there_is_named(url: str) -> None:
    port = urlsplit(url).port

    assert "cannot be reached (Connection refused" in " ".join(
        (await refusal(url.replace(f":{port}", ":1"))).split()
    )
    assert "host that is not known" in await refusal(url.replace("127.0.0.1", "nowhere.invalid"))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://crmhub:canary@tail@host/crmhub", "%40"),
        ("postgresql://crmhub:canary@ta/il@host/crmhub", "%40"),
        ("postgresql://crmhub:canary", "its port is not a number"),
        ("postgresql://crmhub:canary@host", "names no database"),
    ],
)
async def test_a_url_with_a_mistake_is_not_repeated(url: str, says: str) -> None:
    text = await refusal(url)

    assert says in text
    assert "canary" not in text
    assert "il@" not in text


async def test_a_database_that_cannot_hold_every_text_is_refused(postgres: Server, url: str) -> None:
    name = postgres.make_database(encoding="LATIN1")

    assert "keeps text as LATIN1" in await refusal(postgres.url(name))

    postgres.drop_database(name)


async def test_a_user_who_may_not_make_tables_is_told_what_is_needed(new_postgres_url: str) -> None:
    with behind_its_back(new_postgres_url) as connection:
        connection.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")

        text = await refusal(new_postgres_url.replace(f"crmhub:{PASSWORD}", "guest:guest"))

        connection.execute("DROP ROLE guest")
    assert "GRANT the user USAGE and CREATE" in text


async def test_a_key_must_be_given_and_nothing_is_made_without_it(
    new_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CRMHUB_KEY")

    text = await refusal(new_postgres_url)

    assert "CRMHUB_KEY" in text
    with behind_its_back(new_postgres_url) as connection:
        assert connection.execute("SELECT * FROM pg_tables WHERE schemaname = 'public'").fetchall() == []


def test_a_missing_driver_is_named_by_its_extra() -> None:
    script = (
        "import anyio, sys; sys.modules['psycopg'] = None; from crmhub.store import Store; "
        "anyio.run(Store.open, 'postgresql://host/crmhub')"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], env={"CRMHUB_KEY": KEY}, capture_output=True, text=True, check=False
    )

    assert "pip install 'crmhub[postgres]'" in done.stderr.splitlines()[-1]


# ── gone and back ────────────────────────────────────────────────────────────────────────────────


async def test_a_server_that_goes_away_and_comes_back_loses_nothing(postgres: Server, store: Store) -> None:
    await store.checkpoints.put(JOB, "Accounts", {"page": 1})
    await store.tokens.save("zoho", Token(SecretStr("access")))

    postgres.pause()
    try:
        for _ in range(2):
            with pytest.raises(StoreError, match=r"lost the connection|cannot be reached") as raised:
                await store.checkpoints.put(JOB, "Accounts", {"page": 2})
            assert raised.value.hint
            with pytest.raises(StoreError, match=r"lost the connection|cannot be reached"):
                await store.checkpoints.get(JOB, "Accounts")
    finally:
        postgres.resume()

    assert await store.checkpoints.get(JOB, "Accounts") == {"page": 1}
    await store.checkpoints.put(JOB, "Accounts", {"page": 2})
    assert await store.checkpoints.get(JOB, "Accounts") == {"page": 2}
    assert await store.tokens.load("zoho") == Token(SecretStr("access"))


async def test_claims_and_limits_fail_clearly_while_the_server_is_away_and_go_on_after_it(
    postgres: Server, store: Store
) -> None:
    limits = [Limit("heavy", rate=1, per=60.0, concurrency=1)]
    slot = (await store.quotas.book("crm", limits, 1, 300.0)).slot
    claim = await store.tokens.claim("crm", 300.0)
    assert slot
    assert claim

    postgres.pause()
    try:
        for work in (
            lambda: store.quotas.book("crm", limits, 1, 300.0),
            lambda: store.quotas.free("crm", [slot]),
            lambda: store.tokens.claim("crm", 300.0),
            lambda: store.tokens.save("crm", Token(SecretStr("access")), claim),
            store.rotate_key,
        ):
            with pytest.raises(StoreError, match=r"lost the connection|cannot be reached"):
                await work()
    finally:
        postgres.resume()

    assert (await store.quotas.book("crm", limits, 1, 300.0)).full, "it is still held"
    await store.quotas.free("crm", [slot])
    assert (await store.quotas.book("crm", limits, 1, 300.0)).wait > 50.0
    assert await store.tokens.save("crm", Token(SecretStr("access")), claim)
    await store.rotate_key()
    assert await store.tokens.load("crm") == Token(SecretStr("access"))


async def test_a_machine_with_a_wrong_clock_keeps_to_the_limit_and_takes_no_claim(
    store: Store, url: str
) -> None:
    limits = [Limit("minute", rate=1, per=60.0)]
    await store.quotas.book("crm", limits, 1)
    await store.tokens.claim("crm", 300.0)
    with behind_its_back(url) as connection:
        connection.execute("UPDATE token_claim SET machine = 'another'")  # its process cannot be seen

    async with await Store.open(url, clock=Fast()) as fast:
        assert 50.0 < (await fast.quotas.book("crm", limits, 1)).wait <= 60.0
        assert await fast.tokens.claim("crm", 300.0) is None


async def test_connections_that_went_while_idle_are_replaced_unnoticed(store: Store, url: str) -> None:
    await store.checkpoints.put(JOB, "Accounts", {"page": 1})
    await store.checkpoints.get(JOB, "Accounts")
    with behind_its_back(url) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    await store.checkpoints.put(JOB, "Accounts", {"page": 2})

    assert await store.checkpoints.get(JOB, "Accounts") == {"page": 2}


def on_checkpoints(url: str, body: str) -> None:
    """Have the server run this at each write of a checkpoint; ``calls`` counts, also what is undone."""
    with behind_its_back(url) as connection:
        connection.execute("CREATE SEQUENCE calls")
        connection.execute(
            f"CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql "
            f"AS $$ BEGIN {body} RETURN NEW; END $$".encode()
        )
        connection.execute(
            "CREATE TRIGGER meddle BEFORE INSERT ON checkpoint FOR EACH ROW EXECUTE FUNCTION meddle()"
        )


async def test_a_connection_that_breaks_in_a_page_leaves_nothing_of_it(store: Store, url: str) -> None:
    on_checkpoints(
        url, "IF nextval('calls') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;"
    )
    source, target = RecordRef("zoho", "Accounts", "1"), RecordRef("sf", "Account", "2")
    page = Changes(job=JOB, links=[Link("account", source, target)], checkpoint=("Accounts", {"page": 1}))

    with pytest.raises(StoreError, match="lost the connection"):
        await store.commit(page)

    assert await store.links.of_record("zoho", "Accounts", "1") == []
    await store.commit(page)
    assert await store.checkpoints.get(JOB, "Accounts") == {"page": 1}


# ── others ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("code", ["40001", "40P01"])
async def test_a_transaction_undone_for_anothers_sake_is_run_again(store: Store, url: str, code: str) -> None:
    on_checkpoints(url, f"IF nextval('calls') < 3 THEN RAISE EXCEPTION USING ERRCODE = '{code}'; END IF;")

    await store.checkpoints.put(JOB, "Accounts", {"page": 1})

    assert await store.checkpoints.get(JOB, "Accounts") == {"page": 1}


async def test_a_transaction_undone_again_and_again_is_explained(store: Store, url: str) -> None:
    on_checkpoints(url, "PERFORM nextval('calls'); RAISE EXCEPTION USING ERRCODE = '40P01';")

    with pytest.raises(StoreError, match="changed by others at the same moment"):
        await store.checkpoints.put(JOB, "Accounts", {"page": 1})

    with behind_its_back(url) as connection:
        assert connection.execute("SELECT last_value FROM calls").fetchone() == (5,)


async def test_what_another_program_holds_is_waited_for_and_then_named(url: str) -> None:
    async with await Store.open(url, busy_timeout=0.05) as store:
        with psycopg.connect(url) as other:
            other.execute("LOCK TABLE checkpoint IN EXCLUSIVE MODE")

            with pytest.raises(StoreError, match="locked by another process"):
                await store.checkpoints.put(JOB, "Accounts", {})
            assert await store.checkpoints.all(JOB) == {}  # readers do not wait

        await store.checkpoints.put(JOB, "Accounts", {"now": "free"})


async def test_of_many_that_start_a_job_at_once_one_runs_it(url: str) -> None:
    started: list[str] = []
    refused: list[str] = []

    async def start() -> None:
        async with await Store.open(url) as another:
            try:
                started.append((await another.runs.start(JOB, "sync", "zoho", "sf", ["account"])).id)
            except SyncError as error:
                refused.append(str(error))
            if len(started) + len(refused) == 4:
                everybody.set()
            await everybody.wait()

    everybody = anyio.Event()
    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(start)

    assert len(started) == 1
    assert all("already running" in text for text in refused)


class Fast(Clock):
    """The clock of a machine that believes it is tomorrow."""

    def now(self) -> datetime:
        return super().now() + timedelta(days=1)


async def test_a_machine_with_a_wrong_clock_takes_no_living_run_over(store: Store, url: str) -> None:
    await store.runs.start(JOB, "sync", "zoho", "sf", ["account"])
    with behind_its_back(url) as connection:
        connection.execute("UPDATE run SET machine = 'another'")  # its process cannot be seen

    async with await Store.open(url, clock=Fast()) as fast:
        with pytest.raises(SyncError, match="already running"):
            await fast.runs.start(JOB, "sync", "zoho", "sf", ["account"])
        with behind_its_back(url) as connection:
            connection.execute("UPDATE run SET lease_until = now() - interval '1 second'")
        await fast.runs.start(JOB, "sync", "zoho", "sf", ["account"])


async def test_intents_reach_the_disk_before_they_are_sent_and_pages_do_not_wait_for_it(
    store: Store, url: str
) -> None:
    note = "INSERT INTO noted VALUES (TG_TABLE_NAME, current_setting('synchronous_commit'));"
    with behind_its_back(url) as connection:
        connection.execute("CREATE TABLE noted (name text, setting text)")
    on_checkpoints(url, note)
    with behind_its_back(url) as connection:
        connection.execute(
            "CREATE TRIGGER meddle BEFORE INSERT ON token FOR EACH ROW EXECUTE FUNCTION meddle()"
        )
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET synchronous_commit = off".encode())

    async with await Store.open(url) as careless:
        for opened in (store, careless):
            await opened.tokens.save("zoho", Token(SecretStr("access")))
            await opened.checkpoints.put(JOB, "Accounts", {})

    with behind_its_back(url) as connection:
        noted = connection.execute("SELECT DISTINCT name, setting FROM noted ORDER BY name").fetchall()
    assert noted == [("checkpoint", "off"), ("token", "on")]


async def test_a_message_with_a_nul_is_kept_without_it(url: str) -> None:
    async with await Store.open(url, clock=ManualClock()) as store:
        letter = DeadLetter(JOB, RecordRef("zoho", "Deals", "1"), "sf", "deal", "rejected", "bad\0name")

        await store.commit(Changes(job=JOB, dead_letters=[letter]))

        (kept,) = await store.dead_letters.open(JOB)
        assert kept.message == "bad\ufffdname"
