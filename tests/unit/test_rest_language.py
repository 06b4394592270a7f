"""The language in which REST CRMs are described: mistakes have a place, shapes are laid under."""

from __future__ import annotations

import pytest

from crmhub.errors import ConfigError
from crmhub_rest.language.load import parse

CRM = """\
crm: rolodex
version: 1
title: Rolodex
settings:
  key: {type: secret, about: The key.}
base_url: https://api.rolodex.example
auth:
  - header: {x-key: "${key}"}
limits:
  - {rate: 10/s}
shapes:
  paged:
    name: name
    modified: changed
    list: {get: "/v1/${object}", rows: data, page: {next: {cursor: next}, size: {limit: 50}}}
    changes: {get: "/v1/${object}", query: {since: "${since}"}, rows: data, page: {next: {cursor: next}}}
objects:
  people:
    like: paged
    fields: {id: text read_only, name: text required}
    write:
      create: {post: /v1/people, row: data}
"""


def test_a_shape_is_laid_under_the_object_that_is_like_it() -> None:
    people = parse(CRM, "rolodex.yaml").objects["people"]
    assert people.name == "name"
    assert people.list.path.text == "/v1/${object}"
    assert people.list.page is not None
    assert people.list.page.size == {"limit": 50}
    assert people.write is not None
    assert people.write.operations == {"create"}


def test_a_key_that_is_null_is_taken_out_of_the_shape() -> None:
    text = CRM.replace("    like: paged\n", "    like: paged\n    name: null\n    changes: null\n")
    people = parse(text, "rolodex.yaml").objects["people"]
    assert people.name is None
    assert people.changes is None


LISTINGS = """\
    list: {get: /v1/people, query: {sort: id}, rows: data, page: {next: {cursor: next}, size: {limit: 50}}}
    changes: {query: {since: "${since}", sort: changed}}
    search: {post: /v1/find, body: {words: "${text}"}}
    filter: {get: /v1/people, by: {name: name}, page: null}
    deletes: {list: {get: /v1/gone, rows: gone}}
"""


def test_other_listings_are_like_the_list_or_have_at_least_its_rows_and_pages() -> None:
    people = parse(CRM.replace("    like: paged\n", f"    modified: changed\n{LISTINGS}"), "x").objects[
        "people"
    ]
    changes, search, filtered = people.changes, people.search, people.filter
    assert not isinstance(changes, str)
    assert changes is not None
    assert search is not None
    assert filtered is not None
    assert people.deletes is not None
    assert people.deletes.list is not None
    assert changes.path.text == "/v1/people"
    assert {name: value.value for name, value in changes.query.items()} == {
        "since": "${since}",
        "sort": "changed",
    }
    assert changes.page == search.page == people.list.page
    assert search.query == {}
    assert [found.rows and found.rows.text for found in (search, people.deletes.list)] == ["data", "gone"]
    assert filtered.page is None
    assert people.deletes.list.page is None


def test_a_mistake_in_the_list_is_told_once_and_one_of_another_listing_at_its_place() -> None:
    text = CRM.replace("    like: paged\n", f"    modified: changed\n{LISTINGS}")
    with pytest.raises(ConfigError) as caught:
        parse(text.replace("{next: {cursor", "{nxt: {cursor"), "x")
    assert str(caught.value).count("unknown key 'nxt'") == 1
    with pytest.raises(ConfigError, match=r"^x:23:\d+: objects\.people\.filter\.bye: unknown key 'bye'"):
        parse(text.replace("by: {name", "bye: {name"), "x")


TYPOS = {
    "a misspelt key of a page": (
        "{next: {cursor",
        "{nxt: {cursor",
        "unknown key 'nxt'; did you mean 'next'?",
    ),
    "a misspelt key of an object": (
        "    write:",
        "    writes:",
        "unknown key 'writes'; did you mean 'write'?",
    ),
    "a misspelt key of the CRM": (
        "base_url:",
        "base_ulr:",
        "unknown key 'base_ulr'; did you mean 'base_url'?",
    ),
    "a misspelt placeholder": (
        '"${since}"',
        '"${sinse}"',
        "${sinse} means nothing here; did you mean 'since'?",
    ),
    "a setting that is not declared": (
        '"${key}"',
        '"${kee}"',
        "${kee} means nothing here; did you mean 'key'?",
    ),
    "a shape that is not there": ("like: paged", "like: pagd", "no shape 'pagd' stands before it"),
    "a field of no known type": (
        "text required",
        "txt required",
        "'txt' is no type of field; did you mean 'text'?",
    ),
    "a flag that means nothing": ("text required", "text requird", "did you mean 'required'?"),
    "a rate of a setting that is none": (
        "rate: 10/s",
        'rate: "${key}"',
        "${key} is no setting of the type rate",
    ),
    "a rate that is none": ("rate: 10/s", "rate: 10 per s", "a rate is written like 5/s"),
    "two methods in a call": ("{post: /v1/people", "{post: /v1/people, put: /v1/people", "not 2"),
    "no method in a call": ("{post: /v1/people, row", "{row", "not 0"),
    "a path with a query in it": ("post: /v1/people", "post: /v1/people?x=1", "write parameters under query"),
    "a key that stands twice": ("title: Rolodex", "title: Rolodex\ntitle: R", "key 'title' stands twice"),
    "no way to sign in": ('  - header: {x-key: "${key}"}', "  - {}", "bearer, header, basic, oauth, jwt"),
    "an address that is none": ("https://api.rolodex", "api.rolodex", "a URL must be http"),
    "changes since no time": (', query: {since: "${since}"}', "", "the call has no ${since}"),
    "a deletion of nothing that is named": (
        "{post: /v1/people, row: data}",
        "{post: /v1/people, row: data}\n      delete: {delete: /v1/people}",
        "the call has no ${id}, which says what it is about",
    ),
    "a list without rows": (
        "rows: data, page: {next: {cursor: next}, size",
        "page: {next: {cursor: next}, size",
        "say where the records are",
    ),
}


@pytest.mark.parametrize("typo", TYPOS)
def test_a_mistake_is_one_line_with_its_place_and_what_was_meant(typo: str) -> None:
    right, wrong, told = TYPOS[typo]
    assert right in CRM
    with pytest.raises(ConfigError) as caught:
        parse(CRM.replace(right, wrong, 1), "rolodex.yaml")
    lines = str(caught.value).splitlines()
    assert any(told in line for line in lines), lines
    assert all(line.startswith("rolodex.yaml:") for line in lines)
    expected = CRM[: CRM.index(right)].count("\n") + 1
    places = [int(line.split(":")[1]) for line in lines if told in line]
    assert any(abs(place - expected) <= 1 for place in places), (lines, expected)


def test_all_mistakes_are_told_at_once() -> None:
    text = CRM.replace("base_url:", "base_ulr:").replace("text required", "txt required")
    with pytest.raises(ConfigError) as caught:
        parse(text, "rolodex.yaml")
    told = str(caught.value)
    assert "base_ulr" in told
    assert "txt" in told


def test_a_mistake_in_a_shape_is_told_once_however_many_are_like_it() -> None:
    text = (
        CRM.replace("{next: {cursor: next}}}", "{nxt: {cursor: next}}}")
        + "  firms: {like: paged, fields: {id: text}}\n"
    )
    with pytest.raises(ConfigError) as caught:
        parse(text, "rolodex.yaml")
    assert str(caught.value).count("unknown key 'nxt'") == 1
    assert "Input should be" not in str(caught.value)


def test_a_refusal_about_an_object_that_is_not_there_is_a_mistake() -> None:
    text = CRM.replace(
        "shapes:", 'errors:\n  - {status: 400, message: "^No user", is: not_found, of: usres}\nshapes:'
    )
    with pytest.raises(ConfigError, match=r"rolodex\.yaml:12:\d+: errors\.0\.of: no object 'usres'"):
        parse(text, "rolodex.yaml")


def test_a_second_step_of_signing_in_is_only_gone_with_all_its_settings() -> None:
    oauth = "token_url: /token, client_id: a, client_secret: b, grant: client_credentials"
    step = 'exchange: {url: /part, form: {part: "${key}"}}'
    crm = parse(
        CRM.replace('  - header: {x-key: "${key}"}', f"  - oauth: {{{oauth}, {step}}}"), "rolodex.yaml"
    )
    assert crm.auth[0].names == {"key"}
