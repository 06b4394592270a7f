"""A process that appends to the audit log until it is told to end, or is killed in the middle.

    audit_worker.py URL NAME COUNT

It prints the number of each row once it is stored.
"""

from __future__ import annotations

import sys

import anyio

from crmhub.store import Store


async def main(url: str, name: str, count: int) -> None:
    async with await Store.open(url) as store:
        for number in range(count):
            waiting = store.audit.put({"kind": "call.intent", "id": f"{name}-{number}"})
            await store.audit.append(
                {"kind": "call.outcome", "id": f"{name}-{number}"}, durable=number % 9 == 0
            )
            assert waiting.is_stored
            print(number, flush=True)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], sys.argv[2], int(sys.argv[3]))
