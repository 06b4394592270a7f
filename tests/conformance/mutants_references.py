"""Mistakes in references that are given by a key."""

from __future__ import annotations

from dataclasses import replace

from crmhub.connector import Outcome, Problem, WriteItem, WriteRequest
from tests.conformance.baselines import Keyed, keyed
from tests.conformance.mutant import mutant


@mutant(56, "a reference by a key is dropped", keyed)
class Dropped(Keyed):
    def refer(self, request: WriteRequest, item: WriteItem, parent: str | None) -> Outcome:
        del parent
        return self._write(request, item)


@mutant(56, "a key that nobody has is nothing", keyed)
class Nothing(Keyed):
    def unknown(self, request: WriteRequest, item: WriteItem) -> Outcome:
        fields = {name: value for name, value in item.fields.items() if name != "parent.code"}
        return self.refer(request, replace(item, fields=fields), None)


@mutant(56, "a record is made before its parent is looked for", keyed)
class MadeBefore(Keyed):
    def unknown(self, request: WriteRequest, item: WriteItem) -> Outcome:
        if request.operation == "create":
            fields = {name: value for name, value in item.fields.items() if name != "parent.code"}
            self._write(request, replace(item, fields=fields))
        return super().unknown(request, item)


@mutant(56, "the refusal of a key names another field", keyed)
class NamesAnother(Keyed):
    def unknown(self, request: WriteRequest, item: WriteItem) -> Outcome:
        return Outcome("rejected", problem=Problem("no_such_reference", "nobody has this code", "parent"))


@mutant(56, "the first record is everybody's parent", keyed)
class FirstIsParent(Keyed):
    def parent_of(self, object: str, code: str) -> str | None:
        return next(iter(self.crm.records[object]), None)


@mutant(56, "a reference by a key is for new records only", keyed)
class ForNewOnly(Keyed):
    def refer(self, request: WriteRequest, item: WriteItem, parent: str | None) -> Outcome:
        if request.operation == "create":
            return super().refer(request, item, parent)
        return self._write(request, item)


@mutant(56, "a key cannot be cleared", keyed)
class NotCleared(Keyed):
    def refer(self, request: WriteRequest, item: WriteItem, parent: str | None) -> Outcome:
        return self._write(request, item) if parent is None else super().refer(request, item, parent)
