"""The CRM's own modules: what the contract asks about their records."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from crmhub.connector import (
    Condition,
    Context,
    Missing,
    Native,
    ObjectCapabilities,
    ObjectSchema,
    Outcome,
    Page,
    ReadRequest,
    WriteRequest,
)
from crmhub.errors import BadRequest, Where
from crmhub.tiers import Served
from crmhub.usage import Estimate, Planned
from crmhub_zoho import modules
from crmhub_zoho.asking import Asker
from crmhub_zoho.bulk.reading import BulkReader
from crmhub_zoho.config import ZohoConfig
from crmhub_zoho.deletions import Deletions
from crmhub_zoho.estimating import Estimator
from crmhub_zoho.fetching import Fetcher
from crmhub_zoho.files import Files
from crmhub_zoho.limits import Limits
from crmhub_zoho.listing import ListReader
from crmhub_zoho.reading import CoqlReader
from crmhub_zoho.records import ID, is_record_id
from crmhub_zoho.routes import Tiers
from crmhub_zoho.schema import ModuleSchema, Schemas
from crmhub_zoho.tiers.calls import RecordCalls
from crmhub_zoho.tiers.rest import MOST_FIELDS, Rest

__all__ = ["Crm"]


class Crm:
    """All modules of one organisation. What is beside them: :class:`crmhub_zoho.suite.beside.Beside`."""

    def __init__(
        self, rest: Rest, schemas: Schemas, tiers: Tiers, limits: Limits, config: ZohoConfig, context: Context
    ) -> None:
        fetcher = Fetcher(rest, limits.at_once)
        deletions = Deletions(rest, context)
        bulk = BulkReader(tiers, rest, config, context)
        self._config = config
        self._schemas = schemas
        self._tiers = tiers
        self._coql = CoqlReader(rest, fetcher, deletions, bulk, config, context.clock, limits.at_once)
        self._listed = ListReader(rest, fetcher, deletions, config, context.clock)
        self._asker = Asker(rest, schemas)
        self._estimator = Estimator(limits, schemas, config, rest.count)
        self._files = Files(tiers, context.random)

    async def able(self, name: str) -> ObjectCapabilities:
        """What can be done with one module; its fields are all that is asked for."""
        return modules.able(name, self._config, await self._schemas.of(name))

    async def describe(self, name: str) -> ObjectSchema:
        """The module's fields, at most a minute old; raises ``NotFound`` for an unknown one."""
        return (await self._schemas.of(name, fresh=True)).schema

    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        """Pages of records, with deletions once a full read is done."""
        schema = await self._schemas.of(request.object)
        reader = self._listed if request.object in modules.NOT_IN_COQL else self._coql
        pages = self._tiers.pages("read", {"rest": lambda _: reader.read(request, schema)}, request.object)
        async with aclosing(pages):
            async for page in pages:
                yield page
                del page  # the caller alone holds it while the next one comes

    async def get(self, name: str, ids: Sequence[str], fields: Sequence[str]) -> Sequence[Native | Missing]:
        """The records of the ids, in order."""
        schema = await self._known(name, fields)
        asked = list(dict.fromkeys(one for one in ids if is_record_id(one)))
        found = (await self._tiers.get(name, schema, asked, fields)).value if asked else {}
        return [found.get(one) or Missing(one) for one in ids]

    async def newest(self, name: str, fields: Sequence[str], limit: int) -> Served[Sequence[Native]]:
        """The newest records, at most ``limit`` of them and 2,000, and which tier gave them."""
        return await self._tiers.list(name, await self._known(name, fields), fields, limit)

    async def write(self, request: WriteRequest) -> Sequence[Outcome]:
        """One outcome for each item, in order."""
        schema = await self._schemas.of(request.object)
        if not all(schema.takes(name) for item in request.items for name in item.fields):
            schema = await self._schemas.of(request.object, fresh=True)
        keys = modules.able(request.object, self._config, schema).upsert_keys
        return await self._tiers.write(request, schema, keys)

    async def search(self, name: str, text: str, fields: Sequence[str], limit: int) -> AsyncGenerator[Page]:
        """Records in which the word occurs; see :meth:`crmhub_zoho.asking.Asker.search`."""
        whole = len(set(fields)) <= MOST_FIELDS
        shown = fields if whole else ()

        def found(calls: RecordCalls) -> AsyncGenerator[Page]:
            return self._asker.search(name, text, shown, limit, calls)

        async with aclosing(
            self._tiers.pages("search", dict.fromkeys(("mcp", "sdk", "rest"), found), name)
        ) as pages:
            async for page in pages:
                yield page if whole else await self._filled(name, page, fields)

    async def count(self, name: str, filter: Sequence[Condition]) -> int:
        """How many live records meet the conditions."""
        return await self._tiers.count(name, lambda: self._asker.count(name, filter))

    async def query(self, text: str) -> AsyncGenerator[Page]:
        """The rows of a COQL query; see :meth:`crmhub_zoho.asking.Asker.query`."""
        async with aclosing(self._tiers.pages("query", {"rest": lambda _: self._asker.query(text)})) as pages:
            async for page in pages:
                yield page

    async def estimate(self, planned: Planned) -> Estimate:
        """Calls and credits of an operation; see :mod:`crmhub_zoho.estimating`."""
        return await self._estimator.estimate(planned)

    def files(self, name: str) -> Files:
        """The files of its records; every module may have some."""
        del name
        return self._files

    async def _filled(self, name: str, page: Page, fields: Sequence[str]) -> Page:
        """The page's records with more fields than a search shows; what is gone by now is left out."""
        records = await self.get(name, [str(row[ID]) for row in page.upserts], fields)
        return Page([record for record in records if not isinstance(record, Missing)])

    async def _known(self, name: str, fields: Sequence[str]) -> ModuleSchema:
        schema = await self._schemas.of(name)
        for field in fields:
            schema.check(field)
            if "." in field:
                raise BadRequest(
                    f"{field}: only a query can go through a lookup", where=Where(object=name, field=field)
                )
        return schema
