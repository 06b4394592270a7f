"""What a description says by itself rightly, and cannot mean: told when it is loaded, with its place."""

from __future__ import annotations

import pytest

from crmhub.errors import ConfigError
from crmhub_rest.config import RestConfig
from crmhub_rest.language.load import parse
from crmhub_rest.language.sound import TAKEN

CRM = """\
crm: rolodex
version: 1
title: Rolodex
settings:
  key: {type: secret, about: The key.}
  size: {type: int, default: 5}
  place: {default: here, choices: [here, there]}
base_url: https://api.rolodex.example
hosts: [rolodex.example]
auth:
  - header: {x-key: "${key}"}
limits:
  - {rate: 10/s, of: [search]}
daily: {setting: size}
objects:
  people:
    name: name
    sync_key: place
    fields: {id: text read_only, name: text required, boss: ref people}
    list: {get: /v1/people, rows: data, limit: search}
"""
MISTAKES = {
    "a setting that connections have already": (
        "  size:",
        "  timeout:",
        "connections have 'timeout' already",
    ),
    "a setting that no class can have": ("  size:", "  model_config:", "connections have 'model_config'"),
    "a setting that no placeholder can name": ("  size:", "  Size-1:", "named in lower case"),
    "a default of another type": ("default: 5", "default: five", "its default is not of its type"),
    "a default that is no choice": ("default: here", "default: nowhere", "none of its choices"),
    "a host that is a whole domain": ("[rolodex.example]", "[example]", "'example' is no host with a dot"),
    "a host that is a URL": ("[rolodex.example]", '["https://a.example"]', "is no host with a dot"),
    "a limit for no call": ("of: [search]", "of: [serach]", "did you mean 'search'"),
    "a budget by no setting": ("setting: size", "setting: sise", "did you mean 'size'"),
    "a key by no setting": ("sync_key: place", "sync_key: plase", "did you mean 'place'"),
    "a reference to no object": ("ref people", "ref peple", "did you mean 'people'"),
    "a path that climbs": ("/v1/people", "/v1/../people", "a path has plain segments"),
    "a path to another host": ("/v1/people", "//evil.example/people", "a path has plain segments"),
    "a path with a space": ("/v1/people", "/v1/all people", "a path has plain segments"),
    "a path with a line break": ("/v1/people", '"/v1/people\\r\\nhost: evil"', "a path has plain segments"),
    "a placeholder without an end": ("/v1/people", '"/v1/${"', "a path has plain segments"),
}


def test_a_right_description_is_not_complained_about() -> None:
    assert parse(CRM, "rolodex.yaml").crm == "rolodex"


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_that_is_right_by_itself_is_told_with_its_place(mistake: str) -> None:
    right, wrong, told = MISTAKES[mistake]
    assert CRM.count(right) == 1 or right in {"[rolodex.example]", "/v1/people"}
    with pytest.raises(ConfigError) as caught:
        parse(CRM.replace(right, wrong, 1), "rolodex.yaml")
    lines = str(caught.value).splitlines()
    assert any(told in line for line in lines), lines
    assert all(line.startswith("rolodex.yaml:") for line in lines)


def test_shapes_within_shapes_cannot_make_a_file_blow_up() -> None:
    few = "".join(f"    k{number}: {number}\n" for number in range(2_000))
    doubled = "".join(f"  s{n}: {{one: {{like: s{n - 1}}}, two: {{like: s{n - 1}}}}}\n" for n in range(1, 30))
    with pytest.raises(ConfigError, match=r"rolodex\.yaml:\d+:\d+: shapes within shapes make the file too"):
        parse(f"{CRM}shapes:\n  s0:\n{few}{doubled}", "rolodex.yaml")


def test_all_that_connections_have_is_known_as_taken() -> None:
    own = set(RestConfig.model_fields) | {"values"}
    assert own == TAKEN
