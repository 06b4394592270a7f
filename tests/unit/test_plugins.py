"""Plugins: lazy, isolated, and clear about what is wrong."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import crmhub
from crmhub.config import Config
from crmhub.errors import ConfigError, PluginError, UnknownConnector
from crmhub.events import Event
from crmhub.hub import Hub
from crmhub.models import Record
from crmhub.plugins import Plugins, connector_names, load_connector, report


def entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, source: str) -> EntryPoint:
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, name, raising=False)
    return EntryPoint(name, name, "crmhub")


def test_the_memory_connector_is_found_by_its_entry_point() -> None:
    assert "memory" in connector_names()
    assert load_connector("memory").__name__ == "MemoryConnector"


def test_an_unknown_connector_says_what_is_installed() -> None:
    with pytest.raises(UnknownConnector, match=r"did you mean 'memory'\?.*installed: .*memory"):
        load_connector("memoryy")


def test_a_plugin_brings_models_mappings_codecs_secrets_and_observers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = """
from pathlib import Path
from crmhub import Record, hookimpl

class Property(Record):
    model = "property"

seen = []

@hookimpl
def crmhub_models():
    return [Property]

@hookimpl
def crmhub_mappings():
    return {"estate": Path("estate.yaml")}

@hookimpl
def crmhub_secrets():
    return {"vault": lambda path: f"from {path}"}

@hookimpl
def crmhub_observers():
    return [seen.append]
"""
    plugins = Plugins([entry(tmp_path, monkeypatch, "estate_plugin", source)])
    assert plugins.broken == []
    (model,) = plugins.models()
    assert isinstance(model, type)
    assert issubclass(model, Record)
    assert plugins.mappings() == {"estate": Path("estate.yaml")}
    assert list(plugins.secrets()) == ["vault"]
    assert len(plugins.observers()) == 1
    assert plugins.codecs() == {}


def test_one_broken_plugin_is_reported_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = "from crmhub import hookimpl\n\n@hookimpl\ndef crmhub_codecs():\n    return {'x': None}\n"
    plugins = Plugins(
        [
            entry(tmp_path, monkeypatch, "cannot_import", "import no_such_module_anywhere\n"),
            entry(tmp_path, monkeypatch, "good_plugin", good),
        ]
    )
    assert list(plugins.codecs()) == ["x"]
    (broken,) = plugins.broken
    assert broken.name == "cannot_import"
    assert "no_such_module_anywhere" in str(broken.error)


def test_a_hook_that_raises_is_reported_and_the_others_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = "from crmhub import hookimpl\n\n@hookimpl\ndef crmhub_codecs():\n    raise ValueError('boom')\n"
    good = "from crmhub import hookimpl\n\n@hookimpl\ndef crmhub_codecs():\n    return {'x': None}\n"
    plugins = Plugins(
        [entry(tmp_path, monkeypatch, "raising", bad), entry(tmp_path, monkeypatch, "answering", good)]
    )
    assert list(plugins.codecs()) == ["x"]
    assert [line.name for line in plugins.broken] == ["raising"]


def test_a_misspelt_hook_is_an_error_with_a_suggestion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "from crmhub import hookimpl\n\n@hookimpl\ndef crmhub_codec():\n    return {}\n"
    plugins = Plugins([entry(tmp_path, monkeypatch, "misspelt", source)])
    (broken,) = plugins.broken
    assert "crmhub_codec" in str(broken.error)
    assert "did you mean 'crmhub_codecs'?" in str(broken.error)


def test_a_plugin_that_is_registered_by_hand_is_refused_at_once() -> None:
    class Misspelt:
        @crmhub.hookimpl
        def crmhub_observer(self) -> list[object]:
            return []

    with pytest.raises(PluginError, match="did you mean 'crmhub_observers'"):
        Plugins([]).register(Misspelt(), "misspelt")


def test_which_plugins_load_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRMHUB_LOAD_PLUGINS", "")
    source = "from crmhub import hookimpl\n\n@hookimpl\ndef crmhub_codecs():\n    return {'x': None}\n"
    assert Plugins([entry(tmp_path, monkeypatch, "unchosen", source)]).codecs() == {}


def test_the_report_tries_every_connector() -> None:
    lines = {line.name: line for line in report() if line.kind == "connector"}
    assert lines["memory"].error is None
    assert lines["memory"].distribution == "crmhub"


def test_importing_the_package_loads_no_connector_and_no_store() -> None:
    import subprocess

    code = (
        "import sys, crmhub; from crmhub import Hub; "
        "print([m for m in ('sqlalchemy','alembic','crmhub_zoho','httpx') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_an_observer_that_raises_does_not_stop_the_others() -> None:
    from crmhub.events import Events

    heard: list[Event] = []

    def broken(event: Event) -> None:
        raise RuntimeError(event.name)

    events = Events()
    events.subscribe(broken)
    events.subscribe(heard.append)
    events.emit("something.happened", connection="a", count=1)
    assert [event.name for event in heard] == ["something.happened"]


def test_a_plugin_that_ends_the_process_is_only_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaving = entry(tmp_path, monkeypatch, "leaving", "raise SystemExit(3)")
    late = "from crmhub import hookimpl\n\n@hookimpl\ndef crmhub_codecs():\n    raise SystemExit(3)\n"
    plugins = Plugins([leaving, entry(tmp_path, monkeypatch, "leaving_late", late)])
    assert list(plugins.codecs()) == []
    assert [line.name for line in plugins.broken] == ["leaving", "leaving_late"]


def test_a_model_without_a_name_of_its_own_is_refused_with_what_to_write() -> None:
    class Ticket(Record):
        subject: str | None = None

    with pytest.raises(ConfigError, match=r'Ticket has no model name.*model = "ticket"'):
        Hub(Config({}), models=[Ticket])


def test_a_plugin_that_is_left_out_on_purpose_is_listed_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = EntryPoint("extras", "no_such_module_anywhere", "crmhub")

    def found(group: str) -> list[EntryPoint]:
        return [absent] if group == "crmhub" else []

    monkeypatch.setattr("crmhub.plugins.entry_points", found)
    monkeypatch.setenv("CRMHUB_LOAD_PLUGINS", "other")
    assert [(line.name, line.left_out, line.error) for line in report()] == [("extras", True, None)]
    monkeypatch.delenv("CRMHUB_LOAD_PLUGINS")
    (line,) = report()
    assert not line.left_out
    assert line.error is not None
