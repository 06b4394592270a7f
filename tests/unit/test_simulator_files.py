"""The schema and users files of simulators, and what is said when they are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.schema_file import Choice, load_schema
from crmhub.testing.simulator.users_file import load_users


def file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_schema_may_use_our_words_or_a_vendors(tmp_path: Path) -> None:
    ours = load_schema(
        file(
            tmp_path,
            "schema.yaml",
            "Accounts:\n  - name: Sector\n    type: picklist\n    choices: [a, {value: b, label: B}]\n"
            "  - {name: Key, type: text, unique: yes, required: true, length: 20}\n",
        )
    )
    vendors = load_schema(
        file(
            tmp_path,
            "schema.json",
            '{"modules": {"Accounts": [{"api_name": "Sector", "data_type": "picklist", "pick_list_values":'
            ' [{"actual_value": "a", "display_value": "a"}, {"actual_value": "b", "display_value": "B"}]},'
            ' {"api_name": "Key", "data_type": "text", "unique": {"casesensitive": false}, "length": 20,'
            ' "system_mandatory": true, "lookup": {}}]}}',
        )
    )
    for schema in (ours, vendors):
        sector, key = schema["Accounts"]
        assert sector.choices == (Choice("a", "a"), Choice("b", "B"))
        assert (key.unique, key.required, key.length, key.reference_to) == (True, True, 20, ())
    assert load_schema(None) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Accounts: 5", ":1: Accounts: expected a list"),
        ("Accounts:\n  - type: text", ":2: Accounts[0]: a field needs a name"),
        ("Accounts:\n  - name: A", ":2: Accounts[0]: a field needs a type"),
        (
            "Accounts:\n  - {name: A, type: text, length: long}",
            ":2: Accounts[0].length: expected a whole number",
        ),
        (
            "Accounts:\n  - {name: A, type: text}\n  - {name: a, type: text}",
            ":3: Accounts[1]: the field a is",
        ),
        ("Accounts:\n  - {name: A, type: text, unique: perhaps}", "expected true or false"),
        ("Accounts: [", "not YAML"),
        ("- x", "expected a mapping"),
        ("", "expected a mapping, found nothing"),
    ],
)
def test_a_wrong_schema_is_named_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    path = file(tmp_path, "schema.yaml", text)
    with pytest.raises(SimulatorError) as caught:
        load_schema(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


def test_a_missing_or_strange_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SimulatorError, match="no such file"):
        load_schema(tmp_path / "none.yaml")
    with pytest.raises(SimulatorError, match="must end in"):
        load_schema(file(tmp_path, "schema.txt", "x"))
    with pytest.raises(SimulatorError, match=r"schema\.json:2: not JSON"):
        load_schema(file(tmp_path, "schema.json", "{\n,}"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "u.yaml",
            "users:\n  - {first_name: Ann, last_name: Lee, email: ann@x.io, active: false, role: Boss}",
        ),
        ("u.json", '[{"name": "Ann Lee", "email": "ann@x.io", "status": "inactive", "role": "Boss"}]'),
        ("u.csv", "full_name,email,status,role\nAnn Lee,ann@x.io,disabled,Boss\n"),
    ],
)
def test_users_come_from_three_kinds_of_files(tmp_path: Path, name: str, text: str) -> None:
    (user,) = load_users(file(tmp_path, name, text))
    assert (user.first_name, user.last_name, user.full_name) == ("Ann", "Lee", "Ann Lee")
    assert (user.email, user.active, user.role) == ("ann@x.io", False, "Boss")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- {name: Ann Lee}", "needs an email"),
        ("- {email: ann@x.io}", "needs a name"),
        ("- {name: Ann, email: a@x.io, status: resting}", "neither active nor inactive"),
        ("- {name: Ann, email: a@x.io}\n- {name: Bo, email: A@x.io}", "already taken"),
        ("people: []", "expected a list of users"),
    ],
)
def test_wrong_users_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SimulatorError, match=message):
        load_users(file(tmp_path, "users.yaml", text))
