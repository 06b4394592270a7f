"""Finding plugins: connectors by name, cross-cutting hooks through pluggy.

Everything is lazy and isolated: a connector is imported when a connection names it, and one broken
plugin is reported by ``crmhub plugins`` and stops nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Never, TypeVar, cast

import pluggy

from crmhub import hookspecs
from crmhub.connector import Connector
from crmhub.document import suggest
from crmhub.errors import PluginError, UnknownConnector

if TYPE_CHECKING:
    from crmhub.actions import Action

__all__ = [
    "CONNECTORS",
    "HOOKS",
    "PluginReport",
    "Plugins",
    "connector_names",
    "find_connector",
    "load_connector",
    "report",
]

CONNECTORS = "crmhub.connectors"
HOOKS = "crmhub"

_INSTALLABLE = {
    "csv": "pip install 'crmhub[csv]'",
    "lofty": "pip install 'crmhub[rest]'",
    "rollout": "pip install 'crmhub[rollout]'",
    "gohighlevel": "pip install 'crmhub[rest]'",
    "hubspot": "pip install 'crmhub[rest]'",
    "pipedrive": "pip install 'crmhub[rest]'",
    "salesforce": "pip install 'crmhub[salesforce]'",
    "zoho": "pip install 'crmhub[zoho]'",
}
"""Connectors of this project that may not be installed, and how to get them."""

_Item = TypeVar("_Item")


def connector_names() -> Sequence[str]:
    """Names of the installed connectors; nothing is imported."""
    return sorted({entry.name for entry in entry_points(group=CONNECTORS)})


def find_connector(name: str) -> Sequence[EntryPoint]:
    """The entry points of that name; nothing is imported.

    Raises :class:`UnknownConnector` saying what is installed and what could be.
    """
    found = list(entry_points(group=CONNECTORS, name=name))
    if not found:
        raise _unknown(name)
    return found


def load_connector(name: str) -> type[Connector]:
    """The connector class of that name.

    Raises :class:`UnknownConnector`, and :class:`PluginError` when it cannot be imported or two
    distributions claim the name.
    """
    found = find_connector(name)
    owners = sorted({_owner(entry) for entry in found})
    if len(owners) > 1:
        raise PluginError(
            f"connector {name!r} is claimed by {' and '.join(owners)}", hint="uninstall one of them"
        )
    try:
        loaded = cast("object", found[0].load())
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"connector {name!r} ({owners[0]}) cannot be imported: {type(error).__name__}: {error}",
            hint="run crmhub plugins; reinstall or update the distribution",
        ) from error
    missing = [part for part in ("Config", "read", "get", "write", "describe") if not hasattr(loaded, part)]
    if missing:
        raise PluginError(f"connector {name!r} ({owners[0]}) lacks {', '.join(missing)}")
    return cast("type[Connector]", loaded)


def _unknown(name: str) -> UnknownConnector:
    installed = connector_names()
    if name in _INSTALLABLE:
        return UnknownConnector(f"connector {name!r} is not installed", hint=_INSTALLABLE[name])
    others = [known for known in _INSTALLABLE if known not in installed]
    hint = suggest(name, {*installed, *_INSTALLABLE})
    available = f"; could be installed: {', '.join(others)}" if others else ""
    return UnknownConnector(
        f"no connector {name!r}", hint=f"{hint}; installed: {', '.join(installed)}{available}"
    )


def _owner(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else entry.module


@dataclass(frozen=True, slots=True)
class PluginReport:
    """One line of ``crmhub plugins``: what it is, whose it is, and what is wrong with it."""

    kind: str
    name: str
    distribution: str
    version: str
    error: str | None = None
    left_out: bool = False
    """Not loaded, because ``CRMHUB_LOAD_PLUGINS`` does not name it."""


class Plugins:
    """The cross-cutting plugins, loaded once. ``broken`` tells which could not be."""

    def __init__(self, entries: Iterable[EntryPoint] | None = None) -> None:
        self._manager = pluggy.PluginManager("crmhub")
        self._manager.add_hookspecs(hookspecs)
        self.broken: list[PluginReport] = []
        self.loaded: set[str] = set()
        chosen = os.environ.get("CRMHUB_LOAD_PLUGINS")
        names = None if chosen is None else {name.strip() for name in chosen.split(",")}
        for entry in entry_points(group=HOOKS) if entries is None else entries:
            if names is None or entry.name in names:
                self._load(entry)

    def register(self, plugin: object, name: str) -> None:
        """Register a plugin object. Raises :class:`PluginError` for a hook that does not exist."""
        try:
            self._manager.register(plugin, name)
            self._refuse_unknown_hooks(plugin)
        except pluggy.PluginValidationError as error:
            self._manager.unregister(plugin)
            raise PluginError(f"plugin {name!r}: {error}") from None
        except PluginError:
            self._manager.unregister(plugin)
            raise

    def codecs(self) -> Mapping[str, object]:
        """Codec factories that plugins bring."""
        return self._merged("crmhub_codecs")

    def mappings(self) -> Mapping[str, object]:
        """Mapping files that plugins bring."""
        return self._merged("crmhub_mappings")

    def secrets(self) -> Mapping[str, object]:
        """Secret resolvers that plugins bring."""
        return self._merged("crmhub_secrets")

    def commands(self) -> Mapping[str, object]:
        """Command groups that plugins bring."""
        return self._merged("crmhub_commands")

    def added_mappings(self) -> Mapping[str, Sequence[object]]:
        """Mapping files that add models to those of CRMs, by connector name."""
        added: dict[str, list[object]] = {}
        for answer in self._call("crmhub_added_mappings"):
            for name, path in cast("Mapping[str, object]", answer).items():
                added.setdefault(name, []).append(path)
        return added

    def actions(self) -> Mapping[str, Action[Never]]:
        """Actions that plugins bring, by name."""
        groups = self._call("crmhub_actions")
        found = [each for group in groups for each in cast("Sequence[Action[Never]]", group)]
        named = {each.name: each for each in found}
        if len(named) < len(found):
            twice = sorted(name for name in named if sum(each.name == name for each in found) > 1)
            raise PluginError(
                f"two actions are called {', '.join(twice)}", hint="uninstall one of the plugins"
            )
        return dict(sorted(named.items()))

    def tools(self) -> Sequence[object]:
        """Packs of tools that plugins bring."""
        return [pack for packs in self._call("crmhub_tools") for pack in cast("Sequence[object]", packs)]

    def models(self) -> Sequence[object]:
        """Models that plugins bring."""
        return [model for models in self._call("crmhub_models") for model in cast("Sequence[object]", models)]

    def observers(self) -> Sequence[object]:
        """Observers that plugins bring."""
        return [each for group in self._call("crmhub_observers") for each in cast("Sequence[object]", group)]

    def _load(self, entry: EntryPoint) -> None:
        try:
            self.register(entry.load(), entry.name)
            self.loaded.add(entry.name)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a broken plugin stops nothing else
            text = str(error) if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
            self.broken.append(_report("plugin", entry, text))

    def _refuse_unknown_hooks(self, plugin: object) -> None:
        known = [name for name in vars(hookspecs) if name.startswith("crmhub_")]
        for name in dir(plugin):
            if hasattr(getattr(plugin, name), "crmhub_impl") and name not in known:
                raise PluginError(f"unknown hook {name!r}; {suggest(name, known)}")

    def _call(self, hook: str) -> list[object]:
        """What each plugin answers; one that raises is reported as broken and left out."""
        answers: list[object] = []
        caller = cast("pluggy.HookCaller", getattr(self._manager.hook, hook))
        for implementation in caller.get_hookimpls():
            try:
                answers.append(cast("object", implementation.function()))
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a broken plugin stops nothing else
                name = implementation.plugin_name
                text = f"{hook}: {type(error).__name__}: {error}"
                self.broken.append(PluginReport("plugin", name, name, "", text))
        return answers

    def _merged(self, hook: str) -> Mapping[str, object]:
        merged: dict[str, object] = {}
        for answer in self._call(hook):
            for name, item in cast("Mapping[str, object]", answer).items():
                if name in merged:
                    raise PluginError(
                        f"{hook}: {name!r} comes from two plugins", hint="uninstall one of them"
                    )
                merged[name] = item
        return merged


def report() -> Sequence[PluginReport]:
    """Every connector and plugin that is installed, each tried."""
    lines: list[PluginReport] = []
    for entry in sorted(entry_points(group=CONNECTORS), key=lambda entry: entry.name):
        try:
            load_connector(entry.name)
        except PluginError as error:
            lines.append(_report("connector", entry, str(error)))
        else:
            lines.append(_report("connector", entry))
    plugins = Plugins()
    broken = {line.name for line in plugins.broken}
    others = [entry for entry in entry_points(group=HOOKS) if entry.name not in broken]
    lines += [_report("plugin", entry, left_out=entry.name not in plugins.loaded) for entry in others]
    return [*lines, *plugins.broken]


def _report(
    kind: str, entry: EntryPoint, error: str | None = None, *, left_out: bool = False
) -> PluginReport:
    version = entry.dist.version if entry.dist else ""
    return PluginReport(kind, entry.name, _owner(entry), version, error, left_out)
