"""A process that shares a store with others.

sharing_worker.py call URL CRM       for each line read: call the CRM, and print the status or error
sharing_worker.py book URL CRM N     make N calls under the limit that the test knows
sharing_worker.py hold URL CRM       let a call in, print it, and keep its slot
sharing_worker.py rotate URL N       rotate the keys, and die at the Nth statement after the beginning
sharing_worker.py work URL NAME      save and load NAME's token until told to stop

"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from random import Random

import anyio
import anyio.lowlevel
import anyio.to_thread
from pydantic import SecretStr
from sqlalchemy import Connection, Engine, event

from crmhub.clock import Clock
from crmhub.errors import ConnectorError
from crmhub.events import Events
from crmhub.http import HttpClient, HttpSend, HttpSettings, Limit, OAuth, Token, read_token
from crmhub.store import Store

LIMITS = (
    Limit("rate", rate=50, burst=10, endpoints=frozenset({"rated"})),
    Limit("heavy", concurrency=3, endpoints=frozenset({"heavy"})),
)


def client(crm: str, store: Store) -> HttpClient:
    clock = Clock()

    async def fetch(send: HttpSend, previous: Token | None) -> Token:
        known = previous.refresh.get_secret_value() if previous and previous.refresh else "refresh-0"
        return read_token(await send({"refresh_token": known}), now=clock.now())

    auth = OAuth(fetch, token_url=f"{crm}/token", connection="crm", tokens=store.tokens)
    return HttpClient(
        HttpSettings(crm, auth=auth, limits=LIMITS, retries=0),
        connection="crm",
        clock=clock,
        events=Events(),
        random=Random(),
        quotas=store.quotas,
    )


async def heard() -> str:
    return (await anyio.to_thread.run_sync(sys.stdin.readline)).strip()


async def call(url: str, crm: str) -> None:
    async with await Store.open(url) as store:
        http = client(crm, store)
        print("ready", flush=True)
        while await heard():
            try:
                print((await http.request("GET", "/v1/x")).status, flush=True)
            except ConnectorError as error:
                print(f"{type(error).__name__}: {error}", flush=True)
        await http.aclose()


async def book(url: str, crm: str, calls: str, endpoint: str) -> None:
    async with await Store.open(url) as store:
        http = client(crm, store)
        await http.request("GET", "/v1/x")  # the token is there before the race begins
        print("ready", flush=True)
        await heard()

        async def one() -> None:
            await http.request("GET", f"/v1/{endpoint}", endpoint=endpoint)

        async with anyio.create_task_group() as tasks:
            for _ in range(int(calls)):
                tasks.start_soon(one)
        await http.aclose()


async def hold(url: str, _: str) -> None:
    async with await Store.open(url) as store:
        for _turn in range(3):
            print((await store.quotas.book("crm", LIMITS[1:], 1, 300.0)).full, flush=True)
        print(await store.tokens.claim("crm", 300.0) is not None, flush=True)
        await heard()


async def rotate(url: str, at: str, new: str = "") -> None:
    seen = {"statement": 0, "commit": 0}

    def count(what: str) -> None:
        seen[what] += 1
        if at == f"{what[0]}{seen[what]}":
            os.kill(os.getpid(), signal.SIGKILL)

    async with await Store.open(url) as store:

        def statement(_connection: Connection, _cursor: object, text: str, *_rest: object) -> None:
            if text.startswith(("INSERT", "UPDATE", "DELETE")):
                count("statement")

        event.listen(Engine, "before_cursor_execute", statement)

        def commit(_connection: Connection) -> None:
            count("commit")

        event.listen(Engine, "commit", commit)
        rotation = await store.rotate_key(SecretStr(new) if new else None)
        print(rotation.resealed, rotation.unreadable, rotation.replaced, flush=True)


async def work(url: str, name: str) -> None:
    stop = anyio.Event()

    async def listen() -> None:
        await heard()
        stop.set()

    async with await Store.open(url) as store, anyio.create_task_group() as tasks:
        tasks.start_soon(listen)
        turn = 0
        while not stop.is_set() or turn < 5:
            turn += 1
            await store.tokens.save(name, Token(SecretStr(f"{name} {turn}")))
            token = await store.tokens.load(name)
            assert token is not None
            assert token.access.get_secret_value() == f"{name} {turn}"
            if turn == 1:
                print("ready", flush=True)
            await anyio.lowlevel.checkpoint()
        print("worked", flush=True)


if __name__ == "__main__":
    roles: dict[str, Callable[..., Awaitable[None]]] = {
        "call": call,
        "book": book,
        "hold": hold,
        "rotate": rotate,
        "work": work,
    }
    anyio.run(roles[sys.argv[1]], *sys.argv[2:])
