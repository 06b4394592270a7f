"""Search in v2: by kind, over all kinds, and of the values of one field.

Source: Pipedrive's API v2 file (`/persons/search`, `/itemSearch`, `/itemSearch/field`): a term has two
characters at least, or one where it must match as a whole; case does not matter.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Final, cast

from starlette.responses import Response

from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.pipedrive.call import Call, Endpoint, done
from crmhub_rest.simulators.pipedrive.company import Change, Company
from crmhub_rest.simulators.pipedrive.errors import invalid
from crmhub_rest.simulators.pipedrive.listing import simple_page

Texts = tuple[tuple[str, str], ...]
"""What can be found of a record: groups of fields (`name`, `email`, …) and texts without case."""
FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "deal": ("title", "notes", "custom_fields"),
    "person": ("name", "email", "phone", "notes", "custom_fields"),
    "organization": ("name", "address", "notes", "custom_fields"),
    "lead": ("title", "notes", "custom_fields"),
}
_ALL_FIELDS: Final = (
    "address",
    "code",
    "custom_fields",
    "email",
    "name",
    "notes",
    "phone",
    "title",
    "description",
)
_ITEM_TYPES: Final = (
    "deal",
    "person",
    "organization",
    "product",
    "lead",
    "file",
    "mail_attachment",
    "project",
)
_SEARCHABLE: Final = ("address", "varchar", "text", "varchar_auto", "double", "monetary", "phone")
_NOTE_LINK: Final = {"deal": "deal_id", "person": "person_id", "organization": "org_id", "lead": "lead_id"}
_NAME: Final = {"deal": "title", "person": "name", "organization": "name", "lead": "title"}


class SearchBook:
    """The texts of all records, kept by kind from the first search on."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self._kept: dict[str, dict[int, Texts]] = {}
        company.listeners.append(self._note)

    def find(
        self, kind: str, term: str, fields: tuple[str, ...], *, exact: bool
    ) -> Iterator[tuple[float, Row]]:
        """The live records in which the term is found, each with how well it fits."""
        table = self._company.tables[kind]
        wanted, term = set(fields), term.casefold()
        scores: dict[int, float] = {}
        for place, texts in self._texts(kind).items():
            score = max(
                (_score(term, text, exact=exact) for group, text in texts if group in wanted), default=0
            )
            if score:
                scores[place] = score
        if "notes" in wanted:
            for place in self._by_notes(kind, term, exact=exact):
                scores.setdefault(place, 0.1)
        return ((score, table.row(place)) for place, score in scores.items() if table.is_live(place))

    def _by_notes(self, kind: str, term: str, *, exact: bool) -> Iterator[int]:
        notes, table = self._company.tables["note"], self._company.tables[kind]
        for place, texts in self._texts("note").items():
            if any(_score(term, text, exact=exact) for _, text in texts):
                found = table.place_of(str(notes.row(place)[_NOTE_LINK[kind]]))
                if found is not None:
                    yield found

    def _texts(self, kind: str) -> dict[int, Texts]:
        kept = self._kept.get(kind)
        if kept is None:
            table = self._company.tables[kind]
            kept = self._kept[kind] = {
                place: _texts_of(self._company, kind, table.row(place)) for place in table.places()
            }
        return kept

    def _note(self, change: Change) -> None:
        kept = self._kept.get(change.kind)
        if kept is None:
            return
        table = self._company.tables[change.kind]
        place = table.place_of(str(change.ident))
        gone = table.deleted_by_id(str(change.ident))
        if change.row is not None and place is not None:
            kept[place] = _texts_of(self._company, change.kind, change.row)
        elif gone is not None:
            kept.pop(gone.place, None)


def _score(term: str, text: str, *, exact: bool) -> float:
    if exact:
        return 1.0 if term == text else 0.0
    return len(term) / len(text) if term in text else 0.0


def _texts_of(company: Company, kind: str, row: Row) -> Texts:
    return tuple((group, text.casefold()) for group, text in _raw_texts(company, kind, row) if text)


def _raw_texts(company: Company, kind: str, row: Row) -> Iterator[tuple[str, str]]:
    if kind == "note":
        yield "notes", str(row["content"])
        return
    yield _NAME[kind], str(row[_NAME[kind]])
    if kind == "person":
        for group in ("emails", "phones"):
            for item in cast("list[dict[str, str]]", row[group]):
                yield group.removesuffix("s"), item["value"]
    if kind == "organization" and isinstance(row["address"], dict):
        yield "address", str(cast("Row", row["address"])["value"])
    book = company.fields["deal" if kind == "lead" else kind]
    for code, value in cast("dict[str, object]", row["custom_fields"]).items():
        field = book.get(code)
        if field is not None and field.type in _SEARCHABLE and value is not None:
            yield "custom_fields", str(cast("Row", value).get("value") if isinstance(value, dict) else value)


def search_kind(book: SearchBook, kind: str, call: Call) -> Response:
    """`GET /persons/search` and the like."""
    term, exact = _term(call)
    fields = call.some_of("fields", FIELDS[kind]) or FIELDS[kind]
    same = {"person_id": call.whole("person_id"), _org_key(kind): call.whole("organization_id")}
    status = call.one_of("status", ("open", "won", "lost", ""), "")

    def wanted(row: Row) -> bool:
        fits = all(value is None or row.get(name) == value for name, value in same.items())
        return fits and (not status or row["status"] == status)

    found = ((kind, score, row) for score, row in book.find(kind, term, fields, exact=exact) if wanted(row))
    return _paged(call, found, call.limit())


def search_all(book: SearchBook, call: Call) -> Response:
    """`GET /itemSearch`."""
    term, exact = _term(call)
    types = call.some_of("item_types", _ITEM_TYPES) or _ITEM_TYPES
    asked = call.some_of("fields", _ALL_FIELDS) or _ALL_FIELDS
    call.flag("search_for_related_items")
    kinds = [kind for kind in FIELDS if kind in types]
    found = ((kind, score, row) for kind in kinds for score, row in book.find(kind, term, asked, exact=exact))
    return _paged(call, found, call.limit(most=100), related_items=list[object]())


def search_field(company: Company, call: Call) -> Response:
    """`GET /itemSearch/field`: the different values of one field that hold the term."""
    term = call.params.get("term", "").casefold()
    kind = call.one_of("entity_type", ("deal", "lead", "person", "organization", "product", "project"), "")
    way = call.one_of("match", ("exact", "beginning", "middle"), "exact")
    name = call.params.get("field", "")
    if len(term) < (1 if way == "exact" else 2):
        raise invalid("term", "must NOT have fewer than 2 characters")
    book = company.fields["deal" if kind == "lead" else kind] if kind in FIELDS else ()
    field = next((one for one in book if one.code == name), None)
    if field is None:
        raise invalid("field", "is not a field of this kind")
    fits: dict[str, Callable[[str], bool]] = {
        "exact": lambda text: text == term,
        "beginning": lambda text: text.startswith(term),
        "middle": lambda text: term in text,
    }
    items: list[Row] = []
    for row in company.tables[kind].rows():
        value = cast("Row", row["custom_fields"]).get(name) if field.custom else row.get(name)
        found = (text for text in _plain(value) if fits[way](text.casefold()))
        items.extend({"result_score": 1, "item": {"id": row["id"], name: text}} for text in found)
    page = simple_page(call, items)
    return done(page.rows, {"next_cursor": page.next_cursor})


def _plain(value: object) -> Iterable[str]:
    if isinstance(value, list):
        items = cast("list[object]", value)
        return [str(cast("Row", item).get("value", "")) for item in items if isinstance(item, dict)]
    if isinstance(value, dict):
        return [str(cast("Row", value).get("value", ""))]
    return [] if value is None else [str(value)]


def _term(call: Call) -> tuple[str, bool]:
    term, exact = call.params.get("term", "").strip(), call.flag("exact_match")
    if not term:
        raise invalid("term", "is required")
    if len(term) < 2 and not exact:
        raise invalid("term", "must NOT have fewer than 2 characters")
    return term, exact


def _org_key(kind: str) -> str:
    return "organization_id" if kind == "lead" else "org_id"


def _paged(call: Call, found: Iterable[tuple[str, float, Row]], limit: int, **more: object) -> Response:
    ranked = sorted(found, key=lambda one: (-one[1], one[0], str(one[2]["id"]).rjust(15)))
    items = [{"result_score": round(score, 6), "item": (kind, row)} for kind, score, row in ranked]
    page = simple_page(call, cast("list[Row]", items), limit)
    for one in page.rows:
        kind, row = cast("tuple[str, Row]", one["item"])
        one["item"] = _item(call.company, kind, row)
    return done({"items": page.rows, **more}, {"next_cursor": page.next_cursor})


def _item(company: Company, kind: str, row: Row) -> Row:
    told: Row = {"id": row["id"], "type": kind, _NAME[kind]: row[_NAME[kind]]}
    owner = {"id": row["owner_id"]}
    custom = [text for group, text in _raw_texts(company, kind, row) if group == "custom_fields"]
    tail: Row = {
        "visible_to": int(str(row["visible_to"])),
        "owner": owner,
        "custom_fields": custom,
        "notes": [],
    }
    if kind == "organization":
        address = row["address"]
        return told | {"address": cast("Row", address)["value"] if address else None} | tail
    organization = company.any("organization", row[_org_key(kind)])
    linked: Row = {
        "organization": organization
        and {
            "id": organization["id"],
            "name": organization["name"],
            "address": cast("Row", organization["address"] or {}).get("value"),
        }
    }
    if kind == "person":
        values = {
            group: [item["value"] for item in cast("list[Row]", row[group])] for group in ("phones", "emails")
        }
        return told | values | linked | tail
    person = company.any("person", row["person_id"])
    linked["person"] = person and {"id": person["id"], "name": person["name"]}
    if kind == "lead":
        amount = cast("Row", row["value"] or {})
        values = {"value": amount.get("amount"), "currency": amount.get("currency")}
        return told | values | linked | tail | {"is_archived": row["is_archived"]}
    stage = company.any("stage", row["stage_id"])
    values = {
        **{name: row[name] for name in ("value", "currency", "status")},
        "stage": stage and {"id": stage["id"], "name": stage["name"]},
    }
    return told | values | linked | tail | {"is_archived": row["is_archived"]}


def endpoints(company: Company) -> list[Endpoint]:
    """What this module answers."""
    book = SearchBook(company)
    scopes = {"deal": "deals", "lead": "leads"}
    found = [
        Endpoint("v2", "GET", "/itemSearch", partial(search_all, book), 20, ("search:read",), search=True),
        Endpoint(
            "v2",
            "GET",
            "/itemSearch/field",
            partial(search_field, company),
            20,
            ("search:read",),
            search=True,
        ),
    ]
    for kind in FIELDS:
        scope = scopes.get(kind, "contacts")
        read = (f"{scope}:read", f"{scope}:full", "search:read")
        handler = partial(search_kind, book, kind)
        found.append(Endpoint("v2", "GET", f"/{kind}s/search", handler, 20, read, search=True))
    return found
