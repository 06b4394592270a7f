"""Mistakes in what a connector says of its objects."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace

from crmhub.connector import Context, FieldSpec, ObjectSchema, Page, ReadRequest
from crmhub.testing.memory import MemoryConfig, MemoryConnector, MemoryCrm
from crmhub.testing.memory.conformance import MemoryTarget
from tests.conformance.mutant import mutant


class Described(MemoryConnector):
    """Gives its fields through ``fields``, for mutants to spoil."""

    async def describe(self, object: str) -> ObjectSchema:
        schema = await super().describe(object)
        return replace(schema, fields=self.fields(dict(schema.fields)))

    def fields(self, fields: dict[str, FieldSpec]) -> Mapping[str, FieldSpec]:
        return fields


@mutant(10, "a field is not described", MemoryTarget)
class FieldMissing(Described):
    def fields(self, fields: dict[str, FieldSpec]) -> Mapping[str, FieldSpec]:
        return {name: one for name, one in fields.items() if name != "amount"}


@mutant(10, "the key is not described", MemoryTarget)
class KeyMissing(Described):
    def fields(self, fields: dict[str, FieldSpec]) -> Mapping[str, FieldSpec]:
        return {name: one for name, one in fields.items() if name != "id"}


@mutant(10, "all fields are text", MemoryTarget)
class AllText(Described):
    def fields(self, fields: dict[str, FieldSpec]) -> Mapping[str, FieldSpec]:
        return {name: replace(one, type="text") for name, one in fields.items()}


@mutant(10, "a read-only field can be written", MemoryTarget)
class AllWritable(Described):
    def fields(self, fields: dict[str, FieldSpec]) -> Mapping[str, FieldSpec]:
        return {name: replace(one, creatable=True, updatable=True) for name, one in fields.items()}


@mutant(10, "a reference leads nowhere", MemoryTarget)
class RefersToNothing(Described):
    def fields(self, fields: dict[str, FieldSpec]) -> Mapping[str, FieldSpec]:
        return {name: replace(one, refers_to=()) for name, one in fields.items()}


@mutant(10, "every object exists", MemoryTarget)
class EveryObjectExists(MemoryConnector):
    async def describe(self, object: str) -> ObjectSchema:
        if object not in self.crm.fields:
            return ObjectSchema(object, {})
        return await super().describe(object)


@mutant(11, "custom fields are left out", MemoryTarget)
class NoCustomFields(Described):
    def fields(self, fields: dict[str, FieldSpec]) -> Mapping[str, FieldSpec]:
        return {name: one for name, one in fields.items() if not one.custom}


@mutant(11, "custom fields are not marked", MemoryTarget)
class CustomUnmarked(Described):
    def fields(self, fields: dict[str, FieldSpec]) -> Mapping[str, FieldSpec]:
        return {name: replace(one, custom=False) for name, one in fields.items()}


@mutant(11, "all fields are custom", MemoryTarget)
class AllCustom(Described):
    def fields(self, fields: dict[str, FieldSpec]) -> Mapping[str, FieldSpec]:
        return {name: replace(one, custom=True) for name, one in fields.items()}


@mutant(12, "choices are not fetched", MemoryTarget)
class NoChoices(Described):
    def fields(self, fields: dict[str, FieldSpec]) -> Mapping[str, FieldSpec]:
        return {name: replace(one, choices=()) for name, one in fields.items()}


@mutant(12, "choices come twice", MemoryTarget)
class ChoicesTwice(Described):
    def fields(self, fields: dict[str, FieldSpec]) -> Mapping[str, FieldSpec]:
        return {name: replace(one, choices=one.choices * 2) for name, one in fields.items()}


class Reading(MemoryConnector):
    """Gives its pages through ``page``, for mutants to spoil."""

    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        async with aclosing(super().read(request)) as pages:
            async for page in pages:
                yield self.page(page)

    def page(self, page: Page) -> Page:
        return page


@mutant(13, "a record has a field that is not described", MemoryTarget)
class UndescribedField(Reading):
    def page(self, page: Page) -> Page:
        return replace(page, upserts=[{**row, "attributes": {}} for row in page.upserts])


@mutant(13, "numbers come as text", MemoryTarget)
class NumbersAsText(Reading):
    def page(self, page: Page) -> Page:
        return replace(page, upserts=[{**row, "seats": str(row.get("seats"))} for row in page.upserts])


@mutant(13, "amounts come as floats", MemoryTarget)
class AmountsAsFloats(Reading):
    def page(self, page: Page) -> Page:
        return replace(page, upserts=[{**row, "amount": 12.5} for row in page.upserts])


@mutant(13, "a field never has a value", MemoryTarget)
class FieldAlwaysEmpty(Reading):
    def page(self, page: Page) -> Page:
        return replace(page, upserts=[{**row, "stage": None} for row in page.upserts])


class Remembering(MemoryConnector):
    """Asks for the schema once and never again."""

    def __init__(self, config: MemoryConfig, context: Context, crm: MemoryCrm | None = None) -> None:
        super().__init__(config, context, crm)
        self.known: dict[str, ObjectSchema] = {}

    async def describe(self, object: str) -> ObjectSchema:
        if object not in self.known:
            self.known[object] = await super().describe(object)
        return self.known[object]


mutant(14, "the schema is never asked for again", MemoryTarget)(Remembering)


@mutant(14, "a dropped field crashes the read", MemoryTarget, raises=KeyError)
class DroppedFieldCrashes(MemoryConnector):
    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        specs = self.crm.specs(request.object)
        assert all(specs[name] for name in request.fields)
        async with aclosing(super().read(request)) as pages:
            async for page in pages:
                yield page
