"""Pages of lists: those after `startAfter` and `startAfterId`, both of which are needed, and their `meta`."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.gohighlevel.call import Call
from crmhub_rest.simulators.gohighlevel.ordering import Ordered
from crmhub_rest.simulators.gohighlevel.shapes import Values, text_of


@dataclass(frozen=True)
class Page:
    """The rows of a page, what leads on from its last one (time of creation in milliseconds, and id), whether
    there are more rows, and how many in all.
    """

    rows: list[Row]
    after: object
    after_id: object
    more: bool
    total: int

    def meta(self, url: str, asked: Mapping[str, object], number: int = 1) -> dict[str, object]:
        """What a list tells of the page that was asked for; `url` is the list's address."""
        asked = {**asked, "startAfter": self.after, "startAfterId": self.after_id}
        texts = {name: str(one).lower() if isinstance(one, bool) else one for name, one in asked.items()}
        return {
            "total": self.total,
            "nextPageUrl": f"{url}?{urlencode(texts)}" if self.more else None,
            "startAfterId": self.after_id,
            "startAfter": self.after,
            "currentPage": number,
            "nextPage": number + 1 if self.more else None,
            "prevPage": number - 1 if number > 1 else None,
        }


def page_of(call: Call, ordered: Ordered, given: Values, size: int, start: int = 0) -> Page:
    """The page that the query asks for; without both halves of the keyset the one at `start`."""
    after, after_id = given.get("startAfter"), text_of(given, "startAfterId")
    if after is not None and after_id:
        start = ordered.after([after], after_id) or 0
    rows = [ordered.row(place) for place in ordered.places[start : start + size]]
    more, total = start + size < len(ordered.places), len(ordered.places)
    if not rows:
        return Page(rows, None, None, more, total)
    ends_with = rows[-1]
    if call.fault("loop_token"):
        ends_with = ordered.row(ordered.places[start - 1]) if start else rows[0]
    if call.fault("duplicate_ids"):
        rows = [rows[0], *rows]
    return Page(rows, ends_with["dateAdded"], ends_with["id"], more, total)
