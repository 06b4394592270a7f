"""A process that commits pages to a store, and dies or fails where it is told to.

    store_worker.py URL JOB PAGES [--die-in PAGE --at STATEMENT|commit|done] [--limit BYTES] [--hold]

It goes on after the job's checkpoint, and prints a line for each page that is stored.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import sys

import anyio
from pydantic import SecretStr
from sqlalchemy import Connection, Engine, event

from crmhub.errors import StoreError
from crmhub.http.tokens import Token
from crmhub.store import Changes, DeadLetter, Intent, Link, RecordRef, Run, Store

SIZE = 20


class Death:
    """Kills this process with SIGKILL at one point of one page's transaction."""

    def __init__(self, page: int, at: str) -> None:
        self._page = page
        self._at = at
        self._seen = 0
        self.page = -1
        event.listen(Engine, "before_cursor_execute", self._statement)
        event.listen(Engine, "commit", self._commit)

    def _statement(self, _connection: Connection, _cursor: object, statement: str, *_rest: object) -> None:
        if self.page != self._page or statement.startswith("PRAGMA"):
            return
        self._seen += 1
        if self._at == str(self._seen):
            die()

    def _commit(self, _connection: Connection) -> None:
        if self.page == self._page and self._at == "commit":
            die()

    def stored(self) -> None:
        if self.page == self._page and self._at == "done":
            die()
        self.page = -1


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def record(job: str, page: int, n: int) -> RecordRef:
    return RecordRef("zoho", "Accounts", f"{job}-{page}-{n}")


async def commit_page(store: Store, run: Run, page: int, death: Death | None) -> None:
    job, now = run.job, run.started_at
    sources = [record(job, page, n) for n in range(SIZE)]
    intents = [
        Intent(f"{job}-{page}-{n}", job, run.id, source, "Account", "create", source.id, b"h", "{}", now)
        for n, source in enumerate(sources)
    ]
    await store.intents.plan(intents)
    if death:
        death.page = page
    await store.commit(
        Changes(
            job=job,
            run=run.id,
            links=[
                Link("account", s, RecordRef("sf", "Account", s.id), b"d", "x" * 500) for s in sources[1:]
            ],
            intents_settled=[intent.id for intent in intents],
            dead_letters=[DeadLetter(job, sources[0], "sf", "account", "rejected", "no")],
            checkpoint=("Accounts", {"page": page}),
            counts={"created": SIZE - 1, "rejected": 1},
        )
    )
    if death:
        death.stored()
    print("stored", page, flush=True)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("job")
    parser.add_argument("pages", type=int)
    parser.add_argument("--die-in", type=int)
    parser.add_argument("--at", default="")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--hold", action="store_true")
    args = parser.parse_args()
    death = Death(args.die_in, args.at) if args.die_in is not None else None

    async with await Store.open(args.url) as store:
        await store.tokens.save(args.job, Token(SecretStr(f"token of {args.job}")))
        run = await store.runs.start(args.job, "sync", "zoho", "sf", ["account"])
        print("started", flush=True)
        if args.hold:
            sys.stdin.readline()
        if args.limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (args.limit, resource.RLIM_INFINITY))
        checkpoint = await store.checkpoints.get(args.job, "Accounts")
        first = int(str(checkpoint["page"])) + 1 if checkpoint else 0
        try:
            for page in range(first, args.pages):
                await commit_page(store, run, page, death)
        except StoreError as error:
            print("failed", error, flush=True)
            if not args.limit:
                raise
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            return
        await store.runs.finish(run.id, "done")


if __name__ == "__main__":
    anyio.run(main)
