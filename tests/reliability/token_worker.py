"""token_worker.py FOLDER CONNECTION CALLS: calls a connection of FOLDER/crmhub.yaml again and again.

Prints what became of each call, until it has made them all or has had to wait.
"""

from __future__ import annotations

import sys
from pathlib import Path

import anyio

from crmhub import Hub
from crmhub.errors import ConnectorError

_PATIENCE = 5.0


async def main(folder: str, connection: str, calls: str) -> None:
    async with Hub.load(Path(folder) / "crmhub.yaml") as hub:
        for _ in range(int(calls)):
            said = "waiting"
            with anyio.move_on_after(_PATIENCE):
                try:
                    await hub[connection].request("GET", "/crm/v8/users", params={"type": "CurrentUser"})
                    said = "done"
                except ConnectorError as error:
                    said = type(error).__name__
            print(said, flush=True)
            if said == "waiting":
                return


_, first, second, third = sys.argv
anyio.run(main, first, second, third)
