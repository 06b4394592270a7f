"""An org that a simulator's double plays, mounted in process: no socket, and time is turned by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

import msgspec
from starlette.types import Receive, Scope, Send

from crmhub.connector import Native
from crmhub.http import asgi_transport
from crmhub.testing.conformance.target import Org
from crmhub.testing.simulator.app import Double
from crmhub.testing.simulator.jsons import dump_json
from crmhub.testing.simulator.options import Options

__all__ = ["DoubleOrg", "native"]

_decode = msgspec.json.Decoder(dict[str, object], float_hook=Decimal).decode


class DoubleOrg(Org):
    """An org over a :class:`~crmhub.testing.simulator.app.Double`; a subclass says who edits records.

    Truth, faults, token expiry and the list of calls are the double's.
    """

    base_url = "http://localhost"

    def __init__(self, create: Callable[[Options], Double], options: Options | None = None) -> None:
        super().__init__()
        self.double = create(
            replace(options or Options(seed=5), now=lambda: self.clock.now().timestamp()),
        )
        self.transport = asgi_transport(self._gate)

    async def truth(self, object: str) -> Sequence[Native]:
        """All live records, in the vendor's shape; numbers with a fraction are ``Decimal``."""
        return [native(row) for row in self.double.truth(object)]

    async def insert_late(self, object: str, row: Native, seconds: float) -> str:
        """A record that carries a time which has passed when it shows."""
        clock = self.double.clock
        clock.advance(-seconds)
        try:
            return (await self.insert(object, [row]))[0]
        finally:
            clock.advance(seconds)

    def fault(self, *rules: str) -> None:
        """The double's own fault rules."""
        self.double.faults.replace(rules)

    def expire_tokens(self) -> None:
        """All access tokens of the double expire."""
        self.double.expire_tokens()

    async def _gate(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Each call passes here before the double sees it."""
        await self.called(f"{scope['method']} {scope['path']}")
        await self.double.app(scope, receive, send)


def native(row: Mapping[str, object]) -> Native:
    """A double's row as it would come off the wire."""
    return _decode(dump_json(dict(row)))  # pyright: ignore[reportReturnType] - JSON values are native ones
