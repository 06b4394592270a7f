"""What was changed in the fields of deals, persons and organizations, as v1 lists it: the latest first.

Source: Pipedrive's API v1 file (`/deals/{id}/changelog`); kept from the moment the double starts.
"""

from functools import partial
from typing import Final, cast

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.pipedrive.call import Call, Endpoint, done
from crmhub_rest.simulators.pipedrive.company import PLURAL, Change, Company
from crmhub_rest.simulators.pipedrive.custom import flatten
from crmhub_rest.simulators.pipedrive.errors import not_found
from crmhub_rest.simulators.pipedrive.listing import simple_page
from crmhub_rest.simulators.pipedrive.v1_pages import v1_time

_KINDS: Final = ("deal", "person", "organization")
_UNTOLD: Final = ("update_time", "custom_fields")


class Changelog:
    """The changes of each record's fields."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self._held: dict[tuple[str, int | str], list[Row]] = {}
        company.listeners.append(self._note)

    def list_them(self, kind: str, call: Call) -> Response:
        """`GET /v1/deals/{id}/changelog` and the like."""
        ident = call.id(what=kind.capitalize())
        if self._company.any(kind, ident) is None:
            raise not_found(kind.capitalize())
        page = simple_page(call, self._held.get((kind, ident), [])[::-1])
        return done(page.rows, {"next_cursor": page.next_cursor})

    def _note(self, change: Change) -> None:
        if change.kind not in _KINDS or change.row is None or change.previous is None:
            return
        before, after = (self._flat(change.kind, row) for row in (change.previous, change.row))
        self._held.setdefault((change.kind, change.ident), []).extend(
            {
                "field_key": key,
                "old_value": _text(before.get(key)),
                "new_value": _text(value),
                "actor_user_id": change.user.id,
                "time": v1_time(self._company.now_text()),
                "change_source": "api",
                "change_source_user_agent": None,
                "is_bulk_update_flag": False,
            }
            for key, value in after.items()
            if value != before.get(key)
        )

    def _flat(self, kind: str, row: Row) -> Row:
        told = {key: value for key, value in row.items() if key not in _UNTOLD}
        for code, value in cast("dict[str, object]", row["custom_fields"]).items():
            field = self._company.fields[kind].get(code)
            told |= {} if field is None else flatten(field, value)
        return told

    def endpoints(self) -> list[Endpoint]:
        """What this module answers."""
        return [
            Endpoint(
                "v1",
                "GET",
                f"/{PLURAL[kind]}/{{id}}/changelog",
                partial(self.list_them, kind),
                20,
                ("recents:read",),
            )
            for kind in _KINDS
        ]


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, list):
        return ",".join(
            str(cast("Row", one).get("value")) if isinstance(one, dict) else str(one)
            for one in cast("list[object]", value)
        )
    if isinstance(value, dict):
        return str(cast("Row", value).get("value"))
    return str(int(value)) if isinstance(value, bool) else str(value)
