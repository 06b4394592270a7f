"""A project's own CRM is a file beside its configuration; a third party's is a distribution with one."""

from __future__ import annotations

import json
import sys
from importlib import metadata
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crmhub.cli.app import app
from crmhub.connector_files import read_connector
from crmhub.doctor import Finding, examine
from crmhub.errors import ConfigError, MappingError, UnknownConnector
from crmhub.hub import Hub
from tests.integration.rest.desk import DESK, KEY, MAPS, Desk, hub_of

pytestmark = pytest.mark.anyio
CONFIG = f"plain_secrets: true\nconnections:\n  desk: {{connector: ./desk.yaml, key: {KEY}}}\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose file has its mapping too."""
    (tmp_path / "desk.yaml").write_text(DESK + MAPS)
    (tmp_path / "crmhub.yaml").write_text(CONFIG)
    return tmp_path


async def names(hub: Hub) -> list[str | None]:
    async with hub:
        return [contact.full_name async for contact in hub["desk"].contacts.list()]


async def test_a_connection_names_a_file_which_also_has_the_mapping(project: Path) -> None:
    assert await names(hub_of(project, Desk(3))) == ["Person 0", "Person 1", "Person 2"]


async def test_the_mapping_can_be_among_the_projects_own_under_the_crms_name(project: Path) -> None:
    (project / "desk.yaml").write_text(DESK)
    (project / "maps").mkdir()
    (project / "maps" / "desk.yaml").write_text(f"crm: desk\nversion: 1\n{MAPS}")
    (project / "crmhub.yaml").write_text(f"mappings: ./maps\n{CONFIG}")
    assert await names(hub_of(project, Desk(1))) == ["Person 0"]


async def test_without_any_mapping_it_says_where_one_is_looked_for(project: Path) -> None:
    (project / "desk.yaml").write_text(DESK)
    with pytest.raises(MappingError, match=r"no mapping for 'desk'.*mappings/desk\.yaml"):
        _ = hub_of(project, Desk())["desk"].spec


async def test_a_mistake_in_the_mapping_is_told_by_its_place_in_that_file(project: Path) -> None:
    (project / "desk.yaml").write_text(DESK + MAPS.replace("full_name", "ful_name"))
    line = DESK.count("\n") + MAPS[: MAPS.index("full_name")].count("\n") + 1
    with pytest.raises(MappingError, match=rf"desk\.yaml:{line}:7: .*did you mean 'full_name'"):
        _ = hub_of(project, Desk())["desk"].spec


async def test_mistakes_of_the_file_are_told_by_their_place(project: Path) -> None:
    (project / "desk.yaml").write_text(DESK.replace("modified:", "modifed:"))
    with pytest.raises(ConfigError, match=r"desk\.yaml:13:5: .*did you mean 'modified'"):
        _ = hub_of(project, Desk())["desk"].connector


async def test_a_file_that_is_not_there_is_told_by_its_place_in_the_configuration(project: Path) -> None:
    (project / "crmhub.yaml").write_text(CONFIG.replace("./desk.yaml", "./desc.yaml"))
    with pytest.raises(UnknownConnector, match=r"crmhub\.yaml:3:10: .*desc\.yaml: no such file"):
        _ = hub_of(project, Desk())["desk"].connector


def test_where_nothing_reads_such_files_it_says_what_to_install(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnknownConnector, match=r"'desk\.toml' · files that can be read end in \.yaml, \.yml"):
        read_connector("desk.toml", project)

    def nothing(group: str, name: str = "") -> list[metadata.EntryPoint]:
        return []

    monkeypatch.setattr("crmhub.connector_files.entry_points", nothing)
    with pytest.raises(UnknownConnector, match=r"pip install 'crmhub\[rest\]'"):
        read_connector("./desk.yaml", project)


async def test_the_doctor_looks_at_it(project: Path) -> None:
    found: list[Finding] = []
    await examine(project / "crmhub.yaml", found.append, transports={"desk": Desk().transport})
    told = "\n".join(map(str, found))
    assert "ok    connection desk: people: readable" in told
    assert "mapping: fits the fields of 1 objects" in told
    assert "fail" not in told


def test_the_schema_of_the_configuration_has_its_settings(project: Path) -> None:
    printed = CliRunner().invoke(app, ["schema", "config", "--config", str(project / "crmhub.yaml")])
    schema = json.loads(printed.stdout)
    assert "key" in schema["$defs"]["connector.._desk.yaml"]["properties"]


def test_its_mapping_can_be_checked_and_proved(project: Path) -> None:
    for command in ("check", "prove"):
        arguments = ["mapping", command, str(project / "desk.yaml"), "--config", str(project / "no.yaml")]
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.output


async def test_a_third_party_ships_the_same_as_its_own_distribution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package, about = tmp_path / "crmhub_acmedesk", tmp_path / "crmhub_acmedesk-1.dist-info"
    package.mkdir()
    about.mkdir()
    (package / "__init__.py").write_text(
        "from pathlib import Path\n\nimport crmhub_rest\n\n"
        'Acme = crmhub_rest.connector(Path(__file__).with_name("acmedesk.yaml"))\n'
    )
    (package / "hooks.py").write_text(
        "from pathlib import Path\n\nfrom crmhub import hookimpl\n\n\n@hookimpl\ndef crmhub_mappings():\n"
        '    return {"acmedesk": Path(__file__).with_name("acmedesk.yaml")}\n'
    )
    (package / "acmedesk.yaml").write_text((DESK + MAPS).replace("crm: desk", "crm: acmedesk"))
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: crmhub-acmedesk\nVersion: 1\n")
    (about / "entry_points.txt").write_text(
        "[crmhub.connectors]\nacmedesk = crmhub_acmedesk:Acme\n[crmhub]\nacmedesk = crmhub_acmedesk.hooks\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    hub = Hub(transports={"desk": Desk(2).transport})
    hub.add("desk", "acmedesk", key=KEY)
    assert await names(hub) == ["Person 0", "Person 1"]
    for module in [name for name in sys.modules if name.startswith("crmhub_acmedesk")]:
        monkeypatch.delitem(sys.modules, module)
