"""Actions of plugins: found by name, their arguments checked, the hub passed in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from pydantic import BaseModel, Field
from typer.testing import CliRunner

from crmhub import Hub, Meeting, Record, hookimpl
from crmhub.actions import Action, action
from crmhub.cli.app import app
from crmhub.connector import Value
from crmhub.errors import ConfigError, PluginError, UsageError
from crmhub.plugins import Plugins

pytestmark = pytest.mark.anyio


class Greeting(BaseModel):
    who: str = Field(alias="toWhom")
    times: int = Field(default=1, ge=1)


class Said(BaseModel):
    words: str
    connections: int


@action(Greeting)
async def greet(hub: Hub, call: Greeting) -> Said:
    """Greet somebody.

    More than once if that is wanted.
    """
    return Said(words=" ".join([f"hello {call.who}"] * call.times), connections=len(hub))


class Visit(Record):
    model = "visit"

    title: str | None = None


class Plugin:
    """A plugin with an action, and a model that is mapped beside the CRM's own."""

    def __init__(self, mapping: Path, actions: Sequence[Action[Hub]]) -> None:
        self._mapping = mapping
        self._actions = actions

    @hookimpl
    def crmhub_actions(self) -> Sequence[Action[Hub]]:
        return self._actions

    @hookimpl
    def crmhub_models(self) -> Sequence[type[Record]]:
        return [Visit]

    @hookimpl
    def crmhub_added_mappings(self) -> Mapping[str, Path]:
        return {"memory": self._mapping}


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a plugin that every hub finds."""
    (tmp_path / "added.yaml").write_text(
        "crm: memory\nversion: 1\nmaps:\n"
        "  - {model: visit, object: events, fields: {title: subject}}\n"
        "  - {model: activity, object: events, set: {type: meeting}, fields: {body: subject}}\n"
    )
    (tmp_path / "memory.yaml").write_text(
        "crm: memory\nversion: 1\nmaps:\n"
        "  - {model: activity, object: events, set: {type: meeting}, fields: {subject: subject}}\n"
    )
    found = Plugins.__init__

    def with_ours(self: Plugins) -> None:
        found(self, [])
        self.register(Plugin(tmp_path / "added.yaml", [greet]), "ours")

    monkeypatch.setattr(Plugins, "__init__", with_ours)
    return tmp_path


async def test_the_hub_passes_itself_into_an_action(plugin: Path) -> None:
    async with Hub() as hub:
        hub.add("crm", "memory", mapping=plugin / "memory.yaml")
        said = await hub.act("greet", {"toWhom": "Ada", "times": 2})
        assert said == Said(words="hello Ada hello Ada", connections=1)
        assert await hub.act("greet", Greeting(toWhom="Bo")) == Said(words="hello Bo", connections=1)


async def test_wrong_arguments_are_named_all_at_once_and_never_shown(plugin: Path) -> None:
    async with Hub() as hub:
        with pytest.raises(UsageError) as caught:
            await hub.act("greet", {"toWhom": 5, "times": -77})
        assert "toWhom: " in str(caught.value)
        assert "times: " in str(caught.value)
        assert "-77" not in str(caught.value)
        with pytest.raises(UsageError, match="did you mean 'greet'"):
            await hub.act("gret", {})


def test_an_action_says_what_it_does() -> None:
    assert (greet.name, greet.about.splitlines()[0]) == ("greet", "Greet somebody.")

    async def silent(hub: Hub, call: Greeting) -> Said:
        return Said(words=call.who, connections=len(hub))

    with pytest.raises(PluginError, match="no docstring"):
        action(Greeting)(silent)


def test_two_actions_of_one_name_are_refused() -> None:
    plugins = Plugins([])
    plugins.register(Plugin(Path("x.yaml"), [greet, greet]), "twice")
    with pytest.raises(PluginError, match="greet"):
        plugins.actions()


async def test_a_model_that_a_plugin_adds_is_mapped_beside_the_crms_own(plugin: Path) -> None:
    async with Hub() as hub:
        settings: dict[str, Value] = {"objects": {"events": {"subject": "text"}}}
        crm = hub.add("crm", "memory", mapping=plugin / "memory.yaml", **settings)
        made = await crm.of(Visit).create(Visit(title="Showing"))
        assert (await crm.of(Visit).get(made.id)).title == "Showing"
        assert (await crm.of(Meeting).get(made.id)).subject == "Showing"
        assert [visit.title for visit in await crm.of(Visit).list()] == ["Showing"]
        assert await crm.of(Visit).count() == await crm.activities.count() == 1


def test_the_command_line_lists_actions_and_does_them(plugin: Path) -> None:
    config = plugin / "crmhub.yaml"
    config.write_text("store: 'sqlite:///:memory:'\nconnections: {crm: {connector: memory}}\n")
    (plugin / "call.json").write_text('{"toWhom": "Cy"}')
    assert CliRunner().invoke(app, ["actions", "list"]).stdout.split() == ["greet", "Greet", "somebody."]
    told = json.loads(CliRunner().invoke(app, ["actions", "list", "--json"]).stdout)
    assert set(told["arguments"]["properties"]) == {"toWhom", "times"}
    for given in ('{"toWhom": "Cy"}', f"@{plugin / 'call.json'}"):
        done = CliRunner().invoke(app, ["actions", "run", "greet", given, "--config", str(config)])
        assert json.loads(done.stdout) == {"words": "hello Cy", "connections": 1}
    for given in ("{", "[]", f"@{plugin / 'nowhere.json'}"):
        failed = CliRunner().invoke(app, ["actions", "run", "greet", given, "--config", str(config)])
        assert isinstance(failed.exception, ConfigError)
