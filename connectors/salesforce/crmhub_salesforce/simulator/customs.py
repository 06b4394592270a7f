"""What administrators have added to the org, off unless switched on: validation rules, duplicate rules,
and records that other transactions hold.

Sources: Salesforce Help, "Validation Rules", "Duplicate Rules"; SOAP API Developer Guide, "DuplicateResult";
REST API Developer Guide, "Duplicate Rule Header".
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from crmhub.testing.simulator.table import Row
from crmhub_salesforce.simulator.catalog.sobject import SObject
from crmhub_salesforce.simulator.errors import ApiError

Duplicates = Literal["off", "alert", "block"]

_SHOWN = 3
"""Matches named by a refusal; the service names some of them, not all."""


@dataclass(frozen=True)
class _Validation:
    """What must hold, the administrator's text, and the field beside which it is shown (None: on top)."""

    holds: Callable[[Row], bool]
    text: str
    field: str | None = None


def _is_at_least_zero(name: str) -> Callable[[Row], bool]:
    def holds(row: Row) -> bool:
        value = row.get(name)
        return value is None or not str(value).startswith("-")

    return holds


_VALIDATIONS: Mapping[str, tuple[_Validation, ...]] = {
    "Account": (
        _Validation(
            _is_at_least_zero("AnnualRevenue"), "Annual Revenue must not be negative.", "AnnualRevenue"
        ),
    ),
    "Contact": (
        _Validation(
            lambda row: bool(row.get("Email") or row.get("Phone") or row.get("MobilePhone")),
            "Give an e-mail address or a phone number.",
        ),
    ),
    "Opportunity": (
        _Validation(_is_at_least_zero("Amount"), "Amount must not be negative.", "Amount"),
        _Validation(
            lambda row: not row.get("IsWon") or row.get("Amount") is not None,
            "A won opportunity needs an amount.",
            "Amount",
        ),
    ),
}
_MATCHED_BY = {"Account": "Name", "Contact": "Email", "Lead": "Email"}
_PARENTS = ("AccountId", "ParentId", "WhatId", "OpportunityId")


@dataclass
class Customs:
    """The rules in force."""

    validations: bool = False
    duplicates: Duplicates = "off"
    held: int = 0
    """So many writes each parent record refuses first."""
    allow_save: bool = False
    """Whether the present call takes duplicates upon itself."""
    pending: set[str] = field(default_factory=set[str])
    """Records whose approval is pending: nobody may change them until it is decided."""
    _locks: dict[str, int] = field(default_factory=dict[str, int])

    def hold(self, record_id: str, writes: int) -> None:
        """Let a record, as another transaction holds it, refuse the next writes to it and to its children."""
        self._locks[record_id] = writes

    def check(
        self, sobject: SObject, row: Row, before: Row | None, others: Callable[[], Iterable[Row]]
    ) -> None:
        """Raise ApiError where a record about to be saved breaks a rule or meets a held one.

        `others` gives all live records of its object.
        """
        self.check_locks(row)
        if self.duplicates != "off" and not (self.duplicates == "alert" and self.allow_save):
            self._check_duplicates(sobject, row, before, others)
        if self.validations:
            for rule in _VALIDATIONS.get(sobject.name, ()):
                if not rule.holds(row):
                    fields = () if rule.field is None else (rule.field,)
                    raise ApiError("FIELD_CUSTOM_VALIDATION_EXCEPTION", rule.text, fields=fields)

    def check_locks(self, row: Row) -> None:
        """Raise ApiError where the record's approval is pending, or it or a parent of it is held."""
        if row.get("Id") in self.pending:
            raise ApiError("ENTITY_IS_LOCKED", "the entity is locked for editing", fields=())
        parents = [str(row[name]) for name in _PARENTS if row.get(name)]
        for record_id in parents:
            if self.held:
                self._locks.setdefault(record_id, self.held)
        for record_id in [str(row.get("Id")), *parents]:
            if self._locks.get(record_id, 0) > 0:
                self._locks[record_id] -= 1
                message = "unable to obtain exclusive access to this record or 1 records: " + record_id
                raise ApiError("UNABLE_TO_LOCK_ROW", message, fields=())

    def _check_duplicates(
        self, sobject: SObject, row: Row, before: Row | None, others: Callable[[], Iterable[Row]]
    ) -> None:
        name = _MATCHED_BY.get(sobject.name)
        value = str(row.get(name or "") or "").casefold()
        if not value or (before is not None and str(before.get(name or "")).casefold() == value):
            return
        matches = [
            str(other["Id"])
            for other in others()
            if other["Id"] != row.get("Id") and str(other.get(name or "")).casefold() == value
        ]
        if matches:
            text = "Use one of these records?"
            shown = _result(sobject.name, matches[:_SHOWN], text, may_save=self.duplicates == "alert")
            # The service spells it so (seen in its replies; its SOAP types say duplicateResult).
            raise ApiError("DUPLICATES_DETECTED", text, fields=(), extra={"duplicateResut": shown})


def _result(name: str, ids: list[str], text: str, *, may_save: bool) -> Row:
    rule = f"Standard_{name}_Duplicate_Rule"
    records: list[Row] = [
        {
            "additionalInformation": [],
            "fieldDiffs": [],
            "matchConfidence": 100.0,
            "record": {
                "attributes": {"type": name, "url": f"/services/data/v62.0/sobjects/{name}/{id_}"},
                "Id": id_,
            },
        }
        for id_ in ids
    ]
    found: Row = {
        "entityType": name,
        "errors": [],
        "matchEngine": "FuzzyMatchEngine",
        "matchRecords": records,
        "rule": f"Standard_{name}_Match_Rule_v1_0",
        "size": len(ids),
        "success": True,
    }
    return {
        "allowSave": may_save,
        "duplicateRule": rule,
        "duplicateRuleEntityType": name,
        "errorMessage": text,
        "matchResults": [found],
    }
