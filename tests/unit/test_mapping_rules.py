"""Every mistake in a mapping file is one line: file:line:col, the key, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmhub.document import Document
from crmhub.errors import MappingError
from crmhub.mapping.codecs import CODECS
from crmhub.mapping.load import Override, find_mapping, load_mapping, shipped_mappings
from crmhub.mapping.parse import parse_mapping
from crmhub.mapping.rules import MappingSpec
from crmhub.models.registry import BUILT_IN

HEAD = "crm: test\nversion: 1\nmaps:\n"


def parsed(text: str) -> MappingSpec:
    return parse_mapping(Document.parse(text, "test.yaml"), BUILT_IN, CODECS)


def mistakes(text: str) -> list[str]:
    with pytest.raises(MappingError) as caught:
        parsed(text)
    return caught.value.what.splitlines()


def in_deal(rule: str) -> list[str]:
    """The mistakes of one rule, which stands in line 7, column 7."""
    return mistakes(f"{HEAD}  - model: deal\n    object: Deals\n    fields:\n      {rule}\n")


RULES = [
    (
        "account: {ref: account, to: A, prefixes: {'1': account}}",
        "test.yaml:7:38",
        "account.prefixes",
        "prefixes say which of several models",
        "ref: [account, deal]",
    ),
    (
        "account: {ref: [account, contact], to: A, prefixes: {'1': deal}}",
        "test.yaml:7:60",
        "account.prefixes.1",
        "'deal' is none of ref: account, contact",
        "",
    ),
    ("nam: Name", "test.yaml:7:7", "nam", "Deal has no field 'nam'", "did you mean 'name'?"),
    ("name: {to: Name, form: date}", "test.yaml:7:24", "name.form", "unknown key 'form'", "known: "),
    (
        "name: {to: Name, lossi: true}",
        "test.yaml:7:24",
        "name.lossi",
        "unknown key 'lossi'",
        "did you mean 'lossy'?",
    ),
    ("name: 7", "test.yaml:7:7", "name", "a rule is a native field or a table", ""),
    ("name: {as: trim}", "test.yaml:7:7", "name.to", "say which native field", "to: <field>"),
    ('name: {to: "a;b"}', "test.yaml:7:14", "name.to", "'a;b' is not a native field name", ""),
    ("phones: Phone", "test.yaml:7:7", "phones", "Deal has no field 'phones'", ""),
    ("name.first: Name", "test.yaml:7:7", "name.first", "name is a single value, so it has no .first", ""),
    ("Name!: Name", "test.yaml:7:7", "Name!", "not a path: write it as", "phones[role=mobile].raw"),
    ("custom: X", "test.yaml:7:7", "custom", "name the custom field", "custom.year"),
    (
        "amount: Amount",
        "test.yaml:7:7",
        "amount",
        "type mismatch: amount is money, not text",
        "add as: money",
    ),
    ("expected_close: Close", "test.yaml:7:7", "expected_close", "is date, not text", "add as: date"),
    ("amount: {to: A, as: date}", "test.yaml:7:23", "amount.as", "amount is money, the codec gives date", ""),
    (
        "amount: {to: A, as: mony}",
        "test.yaml:7:23",
        "amount.as",
        "codec 'mony' unknown",
        "did you mean 'money'?",
    ),
    ("name: {to: A, as: {prefix: ''}}", "test.yaml:7:21", "name.as", "prefix: its parameter is a text", ""),
    (
        "name: {to: [A, B]}",
        "test.yaml:7:14",
        "name.to",
        "several native fields are not invertible",
        "pick: first_set",
    ),
    (
        "name: {to: [A, B], as: trim}",
        "test.yaml:7:14",
        "name.to",
        "several native fields are not",
        "pick: first_set",
    ),
    ("name: {to: [A, B], pick: last}", "test.yaml:7:26", "name.pick", "pick knows only first_set", ""),
    ("name: {to: A, as: html_text}", "test.yaml:7:21", "name.as", "not invertible", "add dir: read"),
    (
        "name: {to: [A, B], as: join}",
        "test.yaml:7:26",
        "name.as",
        "the codec loses something",
        "add lossy: true",
    ),
    (
        "type: {to: T, as: {enum: {A: new, B: new}}}",
        "test.yaml:7:21",
        "type.as",
        "enum not one-to-one: new",
        "add dir: read",
    ),
    (
        "type: {to: T, unknown: keep}",
        "test.yaml:7:21",
        "type.unknown",
        "unknown belongs to as: {enum: …}",
        "",
    ),
    (
        "name: {to: T, as: trim, unknown: keep}",
        "test.yaml:7:31",
        "name.unknown",
        "unknown belongs to as: {enum: …}",
        "",
    ),
    ("name: {to: A, pick: [first_set]}", "test.yaml:7:21", "name.pick", "pick knows only first_set", ""),
    ("name: {to: A, lossy: [true]}", "test.yaml:7:21", "name.lossy", "lossy is true or false", ""),
    (
        "type: {to: T, as: {enum: {A: new}}, unknown: kep}",
        "test.yaml:7:21",
        "type.as",
        "unknown",
        "did you mean 'keep'?",
    ),
    ("name: {to: A, dir: reed}", "test.yaml:7:21", "name.dir", "unknown dir 'reed'", "did you mean 'read'?"),
    (
        "name: {to: A, write: if_empti}",
        "test.yaml:7:21",
        "name.write",
        "unknown write 'if_empti'",
        "did you mean 'if_empty'?",
    ),
    (
        "name: {to: A, compare: sett}",
        "test.yaml:7:21",
        "name.compare",
        "unknown compare 'sett'",
        "did you mean 'set'?",
    ),
    ("name: {to: A, lossy: maybe}", "test.yaml:7:21", "name.lossy", "lossy is true or false", ""),
    (
        "name: {to: A, default: x}",
        "test.yaml:7:21",
        "name.default",
        "default needs a direction",
        "add dir: read or dir: write",
    ),
    ("name: {to: A, dir: write, default: 7}", "test.yaml:7:33", "name.default", "is not a text", ""),
    (
        "expected_close: {to: A, as: date, dir: read, default: 2026-01-31}",
        "test.yaml:7:52",
        "default",
        "takes no default",
        "",
    ),
    (
        "name: {to: A, dir: read, default_on_create: x}",
        "test.yaml:7:32",
        "name.default_on_create",
        "only read",
        "remove it",
    ),
    ("owner: Owner", "test.yaml:7:7", "owner", "points to another record", "say which: ref: <model>"),
    (
        "owner: {to: Owner, ref: usr}",
        "test.yaml:7:26",
        "owner.ref",
        "unknown model 'usr'",
        "did you mean 'user'?",
    ),
    (
        "name: {to: A, ref: user}",
        "test.yaml:7:21",
        "name.ref",
        "name is a plain text, not a reference",
        "remove ref",
    ),
    (
        "owner: {to: O, ref: user, by: emial}",
        "test.yaml:7:33",
        "owner.by",
        "user has no field 'emial'",
        "did you mean 'email'?",
    ),
    (
        "stage: {to: S, ref: stage, by: label, within: pipline}",
        "test.yaml:7:45",
        "stage.within",
        "no field 'pipline'",
        "'pipeline'",
    ),
    (
        "stage: {to: S, ref: stage, within: pipeline}",
        "test.yaml:7:34",
        "stage.within",
        "within narrows by",
        "add by",
    ),
    ("name: {to: A, by: email}", "test.yaml:7:21", "name.by", "by belongs to a reference", "remove it"),
    (
        "owner: {to: O, ref: user, type: T}",
        "test.yaml:7:33",
        "owner.type",
        "type is for references to several models",
        "",
    ),
    (
        "owner: {to: O, ref: user, as: int}",
        "test.yaml:7:33",
        "owner.as",
        "a reference's codec must give text",
        "",
    ),
]


@pytest.mark.parametrize(("rule", "place", "key", "what", "mend"), RULES, ids=[rule[0] for rule in RULES])
def test_a_mistake_in_a_rule_says_where_what_and_how_to_mend_it(
    rule: str, place: str, key: str, what: str, mend: str
) -> None:
    (line,) = in_deal(rule)
    assert line.startswith(f"{place}: maps.0.fields.")
    assert key in line.split(" ")[1]
    assert what in line
    assert mend in line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- x", "test.yaml:1:1: a mapping file is a table with crm, version and maps"),
        (
            "version: 1\nmaps: [{model: deal, object: D, fields: {}}]",
            "crm: name the CRM; for example crm: zoho",
        ),
        (
            "crm: x\nversion: 2\nmaps: [{model: deal, object: D, fields: {}}]",
            "test.yaml:2:1: version: the version",
        ),
        (
            "crm: x\nversion: 1\nmap: []\nmaps: []",
            "test.yaml:3:1: map: unknown key 'map'; did you mean 'maps'?",
        ),
        ("crm: x\nversion: 1\n", "maps: list at least one map"),
        (f"{HEAD}  - 7", "test.yaml:4:5: maps.0: a map is a table with model, object and fields"),
        (
            f"{HEAD}  - {{model: dael, object: D, fields: {{}}}}",
            "maps.0.model: unknown model 'dael'; did you mean 'deal'?",
        ),
        (f"{HEAD}  - {{model: deal, fields: {{}}}}", "maps.0.object: name the CRM's object"),
        (f"{HEAD}  - {{model: deal, object: D}}", "maps.0.fields: fields is a table of canonical path: rule"),
        (
            f"{HEAD}  - {{model: deal, object: D, fields: {{}}, wher: {{}}}}",
            "unknown key 'wher'; did you mean 'where'?",
        ),
        (
            f"{HEAD}  - {{model: deal, object: D, fields: {{}}, set: 7}}",
            "set and where are tables of constants",
        ),
        (
            f"{HEAD}  - {{model: activity, object: D, fields: {{}}, set: {{type: cal}}}}",
            "no activity has {'type': 'cal'}; known: ",
        ),
        (f"{HEAD}  - {{model: deal, object: D, fields: {{}}, custom: 7}}", "custom is a table with match"),
        (
            f"{HEAD}  - {{model: deal, object: D, fields: {{}}, custom: {{match: '('}}}}",
            "match: not a regular expression",
        ),
        (
            f"{HEAD}  - {{model: deal, object: D, fields: {{}}, custom: {{to: x}}}}",
            "custom.to: custom fields go to custom",
        ),
    ],
)
def test_a_mistake_in_a_map_says_where_what_and_how_to_mend_it(text: str, said: str) -> None:
    assert any(said in line for line in mistakes(text))


TWO = """
  - model: contact
    object: People
    {more}
    fields:
      first_name: Name
      {second}
"""


@pytest.mark.parametrize(
    ("second", "more", "said"),
    [
        ("last_name: Name", "", "last_name: Name is written by first_name too; make one of them dir: read"),
        ("last_name: Name.last", "", "last_name: Name.last is written by first_name too"),
        ("last_name: Kind", "where: {Kind: x}", "last_name: Kind is a constant of where; make it dir: read"),
        ("kind: K", "set: {kind: lead}", "kind: kind is a constant of set; remove one of them"),
    ],
)
def test_no_native_field_is_written_twice(second: str, more: str, said: str) -> None:
    (line,) = mistakes(HEAD + TWO.format(second=second, more=more))
    assert line.startswith("test.yaml:")
    assert said in line


def test_a_native_field_may_be_read_twice_and_two_parts_of_one_may_be_written() -> None:
    spec = parsed(HEAD + TWO.format(second="last_name: {to: Name, dir: read}", more=""))
    assert len(spec.maps[0].rules) == 2
    spec = parsed(HEAD + TWO.replace("Name\n", "Name.first\n").format(second="last_name: Name.last", more=""))
    assert len(spec.maps[0].rules) == 2


def test_two_maps_of_one_object_must_be_told_apart() -> None:
    one = "  - {model: contact, object: People, set: {kind: lead}, fields: {first_name: Name}}\n"
    (line,) = mistakes(HEAD + one + one.replace("lead", "person"))
    assert line.startswith(
        "test.yaml:5:5: maps.1: no record of People gets here: the map at test.yaml:4:5 takes"
    )
    assert "where" in line


def test_all_mistakes_are_told_at_once() -> None:
    lines = mistakes(
        f"{HEAD}  - model: deal\n    object: D\n    fields:\n      nam: A\n      amount: B\n      owner: C\n"
    )
    assert [line.split(": ")[0] for line in lines] == ["test.yaml:7:7", "test.yaml:8:7", "test.yaml:9:7"]


def test_a_rule_that_is_null_is_no_rule() -> None:
    assert parsed(f"{HEAD}  - {{model: deal, object: D, fields: {{name: null, source: S}}}}").maps[0].rules[
        0
    ].to == ("S",)


SHAPED = """\
crm: test
version: 1
shapes:
  record:
    fields:
      owner: {ref: user, to: Owner, by: email}
    custom: {match: "^cf_", to: custom}
  work:
    like: record
    model: activity
    fields:
      subject: {to: Title, as: trim}
      body: Text
maps:
  - {like: work, object: Tasks, set: {type: task}, fields: {due_at: {to: Due, as: date}}}
  - {like: work, object: Notes, set: {type: note}, fields: {subject: Head, body: null}, custom: null}
"""


def test_a_map_has_what_its_shape_has_and_its_own_rules_go_before() -> None:
    tasks, notes = parsed(SHAPED).maps
    assert {rule.path.text: rule.to for rule in tasks.rules} == {
        "owner": ("Owner",),
        "subject": ("Title",),
        "body": ("Text",),
        "due_at": ("Due",),
    }
    assert tasks.custom is not None
    assert {rule.path.text: (rule.to, rule.spelled) for rule in notes.rules} == {
        "owner": (("Owner",), ""),
        "subject": (("Head",), ""),
    }
    assert notes.custom is None
    assert (tasks.at, notes.at) == ("test.yaml:15:5", "test.yaml:16:5")


def test_a_mistake_in_a_shape_is_told_once_at_its_place() -> None:
    (line,) = mistakes(SHAPED.replace("body: Text", "body: {to: Text, as: trm}"))
    assert line.startswith("test.yaml:13:24: maps.0.fields.body.as: codec 'trm' unknown")
    (line,) = mistakes(SHAPED.replace("like: record", "like: recrod"))
    assert line == "test.yaml:9:5: no shape 'recrod' stands before it; did you mean 'record'?"


FIRM = f"{HEAD}  - model: account\n    object: Firms\n    fields:\n      name: Name\n      "


def test_the_fields_of_one_element_of_a_list_can_stand_in_a_table() -> None:
    text = f"{FIRM}addresses[role=billing]: {{city: Town, country: {{to: Land, as: country}}}}\n"
    assert {rule.path.text: rule.to for rule in parsed(text).maps[0].rules} == {
        "name": ("Name",),
        "addresses[role=billing].city": ("Town",),
        "addresses[role=billing].country": ("Land",),
    }
    (line,) = mistakes(text.replace("city:", "town:"))
    assert line.startswith("test.yaml:8:33: maps.0.fields.addresses[role=billing].town: Address has no field")
    (line,) = mistakes(f"{text}      addresses[role=billing].city: City\n")
    assert line == (
        "test.yaml:9:7: maps.0.fields.addresses[role=billing].city: there is a rule for "
        "addresses[role=billing].city already; remove one of them"
    )


def test_an_override_meets_the_fields_of_an_element_either_way(tmp_path: Path) -> None:
    file = tmp_path / "test.yaml"
    file.write_text(f"{FIRM}addresses[role=billing]: {{city: Town, country: Land}}\n")
    for rules in (
        '{"addresses[role=billing].city": City, "addresses[role=billing].country": null}',
        '{"addresses[role=billing]": {city: City, country: null}}',
    ):
        own = Document.parse(f"mapping: {{Firms: {rules}}}\n", "crmhub.yaml")
        spec = load_mapping(file, override=Override(own, ("mapping",)))
        assert [rule.to for rule in spec.maps[0].rules] == [("Name",), ("City",)]


def test_an_override_of_an_object_or_path_that_does_not_exist_says_where_it_stands() -> None:
    zoho = shipped_mappings()["zoho"]
    own = Document.parse("mapping:\n  Deal: {name: X}\n", "crmhub.yaml")
    with pytest.raises(
        MappingError, match=r"crmhub\.yaml:2:3: Deal: no map of that object; did you mean 'Deals'\?"
    ):
        load_mapping(zoho, override=Override(own, ("mapping",)))
    own = Document.parse("mapping:\n  Deals:\n    nmae: X\n", "crmhub.yaml")
    with pytest.raises(MappingError, match=r"crmhub\.yaml:3:5: .*nmae: .*did you mean 'name'\?"):
        load_mapping(zoho, override=Override(own, ("mapping",)))


def test_a_crm_without_a_mapping_says_which_have_one(tmp_path: Path) -> None:
    with pytest.raises(MappingError) as caught:
        find_mapping("hubspt", tmp_path, {})
    assert "no mapping for 'hubspt'" in str(caught.value)
    assert "salesforce, zoho" in str(caught.value)


def test_the_project_s_own_mapping_comes_first(tmp_path: Path) -> None:
    (tmp_path / "zoho.yaml").write_text("")
    assert find_mapping("zoho", tmp_path, {}) == tmp_path / "zoho.yaml"
    assert find_mapping("zoho", None, {"zoho": Path("plugged.yaml")}) == Path("plugged.yaml")
    assert find_mapping("zoho", None, {}) == shipped_mappings()["zoho"]


@pytest.mark.parametrize("crm", ["zoho", "salesforce"])
def test_the_shipped_mappings_cover_all_four_models(crm: str) -> None:
    spec = load_mapping(shipped_mappings()[crm])
    assert {"account", "contact", "deal", "activity", "user", "stage"} <= {entry.model for entry in spec.maps}
    assert all(rule.at.split(":")[0].endswith(f"{crm}.yaml") for entry in spec.maps for rule in entry.rules)


def test_a_map_that_needs_a_setting_is_there_for_connections_that_have_it() -> None:
    spec = parsed(
        f"{HEAD}  - {{model: deal, object: D, needs: books, fields: {{name: N}}}}\n"
        "  - {model: account, object: A, fields: {name: N}}\n"
    )
    assert [entry.object for entry in spec.having({"books": {}}).maps] == ["D", "A"]
    for settings in ({}, {"books": None}):
        assert [entry.object for entry in spec.having(settings).maps] == ["A"]
    (line,) = mistakes(f"{HEAD}  - {{model: deal, object: D, needs: [a, b], fields: {{name: N}}}}\n")
    assert "needs: name one setting of the connection" in line
