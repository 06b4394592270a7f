"""``crmhub.yaml``: which connections there are, where state is kept, which jobs run.

The file is read with positions; a connection's own settings are checked by its connector's
``Config`` when the connection opens, so that one wrong connection does not stop the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast, get_args

from pydantic import BaseModel, SecretStr, ValidationError

from crmhub.connector import ConnectorConfig, Value
from crmhub.document import Document, Step, suggest
from crmhub.errors import ConfigError
from crmhub.mistakes import Mistakes
from crmhub.secrets import is_reference, resolve

__all__ = ["AGENTS_KEYS", "Config", "ConnectionSettings", "JobSettings", "load_config", "read_config"]

AGENTS_KEYS = frozenset({"agents", "policies", "serving"})
"""What :mod:`crmhub.agent` reads, here or in a file of its own."""
_TOP = frozenset({"store", "mappings", "models", "plain_secrets", "connections", "jobs", *AGENTS_KEYS})
_JOB = frozenset({"from", "to", "models", "owner", "stage", "page_size"})
_DEFAULT_STORE = "sqlite:///crmhub.db"
_TABLE = "a table of settings is expected"
_EXPECTED = {
    "tuple_type": "a list is expected",
    "list_type": "a list is expected",
    "string_type": "a text is expected: put it in quotes",
    "model_type": _TABLE,
    "model_attributes_type": _TABLE,
    "dict_type": _TABLE,
}
"""Complaints of pydantic's that speak of Python, in words of the file."""


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """One entry of ``connections``: its connector, and the settings that connector will check."""

    name: str
    connector: str
    values: Mapping[str, Value] = field(repr=False)
    document: Document | None = None
    plain_secrets: bool = False

    @property
    def path(self) -> tuple[Step, ...]:
        """Where the entry stands in its document."""
        return ("connections", self.name)

    @property
    def has_mapping(self) -> bool:
        """Whether the connection overrides fields of its mapping."""
        return self.document is not None and self.document.part((*self.path, "mapping")) is not None

    def check(
        self,
        model: type[ConnectorConfig],
        resolvers: Mapping[str, Callable[[str], str]] | None = None,
        folder: Path | None = None,
    ) -> ConnectorConfig:
        """The connector's own settings, secrets resolved.

        Raises :class:`ConfigError`, one line for each mistake, with its place.
        """
        values: dict[str, Value] = {}
        lines: dict[str, str] = {}
        for name, value in self.values.items():
            try:
                values[name] = self._resolved(
                    _part(model, name), (name,), value, resolvers or {}, folder or Path()
                )
            except ConfigError as error:
                lines[name] = str(error)
        try:
            checked = model.model_validate(values)
        except ValidationError as error:
            told = list(lines.values())
            told += [
                self._complaint(model, part["type"], part["loc"], part["msg"])
                for part in error.errors()
                # What was told already only seems to be missing, also to who looks at several settings.
                if not lines or (part["loc"] and part["loc"][0] not in lines)
            ]
            raise ConfigError("\n".join(told)) from None
        if lines:
            raise ConfigError("\n".join(lines.values()))
        return checked

    def at(self, *steps: Step) -> str:
        """``file:line:col`` of a setting, or the connection's name when there is no file."""
        if self.document is None:
            return f"connection {self.name!r}"
        return self.document.at((*self.path, *steps))

    def _resolved(
        self,
        wanted: object,
        place: tuple[Step, ...],
        value: Value,
        resolvers: Mapping[str, Callable[[str], str]],
        folder: Path,
    ) -> Value:
        """The value with its references resolved, also inside of it. ``wanted`` is its annotated type."""
        if isinstance(value, dict):
            return {
                key: self._resolved(_part(wanted, key), (*place, key), one, resolvers, folder)
                for key, one in value.items()
            }
        if isinstance(value, list):
            return [
                self._resolved(wanted, (*place, number), one, resolvers, folder)
                for number, one in enumerate(value)
            ]
        if not isinstance(value, str):
            return value
        if is_reference(value, resolvers):
            return resolve(value, self.at(*place), resolvers, folder)
        if _is_secret(wanted) and not self.plain_secrets and self.document is not None:
            name = ".".join(str(step) for step in place)
            variable = "_".join([self.name, *(str(step) for step in place)]).upper()
            raise ConfigError(
                f"{self.at(*place)}: {name}: a secret does not belong into the file",
                hint=f"write {place[-1]}: env:{variable} and set that variable, "
                "or plain_secrets: true at the top if you mean it",
            )
        return value

    def _complaint(
        self, model: type[ConnectorConfig], kind: str, place: tuple[int | str, ...], message: str
    ) -> str:
        key = ".".join(str(step) for step in place)
        at = self.at(*place)
        if kind == "extra_forbidden":
            return f"{at}: {key}: unknown setting; {suggest(str(place[-1]), _known(model, place[:-1]))}"
        if kind == "missing":
            return f"{at}: {key}: missing; connector {self.connector} needs it"
        said = _EXPECTED.get(kind, message.removeprefix("Value error, "))
        return f"{at}: {key or self.name}: {said}"


def _known(model: type[BaseModel], path: tuple[int | str, ...]) -> Mapping[str, object]:
    """The settings that there are at a place within the model."""
    wanted: object = model
    for step in path:
        wanted = _part(wanted, str(step))
    for one in (wanted, *get_args(wanted)):
        if isinstance(one, type) and issubclass(one, BaseModel):
            return one.model_fields
    return {}


def _part(wanted: object, key: str) -> object:
    """The annotated type of a part: of a model's field, or of what a dict holds."""
    for one in (wanted, *get_args(wanted)):
        if isinstance(one, type) and issubclass(one, BaseModel):
            found = one.model_fields.get(key)
            return None if found is None else found.annotation
    return wanted


def _is_secret(wanted: object) -> bool:
    return SecretStr.__name__ in str(wanted)


@dataclass(frozen=True, slots=True)
class JobSettings:
    """One entry of ``jobs``: a sync with a name."""

    name: str
    source: str
    target: str
    models: tuple[str, ...]
    owner: str = "default"
    stage: str = "outcome"
    page_size: int | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration. ``folder`` is what relative paths are relative to."""

    connections: Mapping[str, ConnectionSettings]
    store: str = field(default=_DEFAULT_STORE, repr=False)
    """A URL, or a secret reference to one: it may hold a password."""
    mappings: Path | None = None
    models: tuple[str, ...] = ()
    jobs: Mapping[str, JobSettings] = field(default_factory=dict[str, JobSettings])
    agents: Path | None = None
    """The file that says what agents may do: this one, or another that it names."""
    folder: Path = field(default_factory=Path)

    def store_url(self, resolvers: Mapping[str, Callable[[str], str]] | None = None) -> str:
        """The store's URL: a reference resolved, a relative SQLite file taken from the folder.

        Raises :class:`ConfigError` when the reference cannot be resolved.
        """
        url = self.store
        if is_reference(url, resolvers or {}):
            url = resolve(url, "store", resolvers or {}, self.folder)
        scheme, separator, file = url.partition(":///")
        if scheme == "sqlite" and separator and file != ":memory:" and not Path(file).is_absolute():
            return f"sqlite:///{self.folder / file}"
        return url


def load_config(path: Path) -> Config:
    """Read ``crmhub.yaml``. Raises :class:`ConfigError`, one line for each mistake, with its place."""
    config, problems = read_config(path)
    problems.fail()
    return config


def read_config(path: Path) -> tuple[Config, Mistakes]:
    """What could be understood of ``crmhub.yaml``, and its mistakes.

    Raises :class:`ConfigError` when nothing can be: no such file, no YAML, no table.
    """
    document = Document.load(path)
    data = document.data
    if not isinstance(data, dict):
        raise ConfigError(f"{document.at()}: a table with connections is expected")
    problems = Mistakes(document)
    problems.unknown((), data, _TOP)
    store = problems.text(("store",), data.get("store", _DEFAULT_STORE))
    plain = data.get("plain_secrets", False)
    if not isinstance(plain, bool):
        problems.add(("plain_secrets",), "true or false is expected")
    connections = _connections(problems, data.get("connections"), plain=plain is True)
    jobs = _jobs(problems, data.get("jobs"), connections)
    mappings = data.get("mappings")
    models = data.get("models") or []
    if not isinstance(models, list):
        problems.add(("models",), "list them: [package.module:Class]")
        models = []
    config = Config(
        connections,
        store,
        path.parent / problems.text(("mappings",), mappings) if mappings is not None else None,
        tuple(str(name) for name in models),
        jobs,
        _agents(problems, data, path),
        path.parent,
    )
    return config, problems


def _agents(problems: Mistakes, data: Mapping[str, Value], path: Path) -> Path | None:
    """Where agents and their policies are described; what is said there is checked by who reads it."""
    given = data.get("agents")
    if isinstance(given, str):
        for key in AGENTS_KEYS & data.keys() - {"agents"}:
            problems.add((key,), f"{key} stands beside the agents, in {given}", "move it there")
        return path.parent / given
    return path if AGENTS_KEYS & data.keys() else None


def _connections(problems: Mistakes, given: Value, *, plain: bool) -> dict[str, ConnectionSettings]:
    if not isinstance(given, dict) or not given:
        problems.add(("connections",), "name at least one connection", "zoho: {connector: zoho, …}")
        return {}
    found: dict[str, ConnectionSettings] = {}
    for name, entry in given.items():
        path = ("connections", name)
        connector = entry.get("connector") if isinstance(entry, dict) else None
        if not isinstance(entry, dict) or not isinstance(connector, str):
            problems.add(path, "say which connector it uses", "connector: zoho")
            continue
        problem = name_problem(name)
        if problem is not None:
            problems.add(path, problem)
        values = {key: value for key, value in entry.items() if key not in {"connector", "mapping"}}
        found[name] = ConnectionSettings(name, connector, values, problems.document, plain)
    return found


def name_problem(name: object) -> str | None:
    """What is wrong with a connection's name, if anything."""
    if (
        not isinstance(name, str)
        or name in {"all", "jobs"}
        or not name.replace("_", "").replace("-", "").isalnum()
    ):
        return "a connection's name is letters, digits, - and _ (and not 'all', not 'jobs')"
    return None


def _jobs(
    problems: Mistakes, given: Value, connections: Mapping[str, ConnectionSettings]
) -> dict[str, JobSettings]:
    jobs: dict[str, JobSettings] = {}
    if given is None:
        return jobs
    if not isinstance(given, dict):
        problems.add(("jobs",), "a table of jobs is expected")
        return jobs
    for name, entry in given.items():
        path = ("jobs", name)
        if not isinstance(entry, dict):
            problems.add(path, "a job is a table", "{from: zoho, to: salesforce, models: [accounts]}")
            continue
        problems.unknown(path, entry, _JOB)
        for side in ("from", "to"):
            if side not in entry:
                problems.add(path, f"say {side}: which connection", "{from: zoho, to: salesforce}")
            elif entry[side] not in connections:
                mend = suggest(str(entry.get(side)), connections)
                problems.add((*path, side), f"no connection {entry.get(side)!r}", mend)
        models = entry.get("models", [])
        size = entry.get("page_size")
        if not isinstance(models, list) or not (size is None or isinstance(size, int)):
            problems.add((*path, "models"), "list the models; page_size is a number")
            continue
        jobs[name] = JobSettings(
            name, str(entry.get("from")), str(entry.get("to")), tuple(str(model) for model in models),
            str(entry.get("owner", "default")), str(entry.get("stage", "outcome")), cast("int | None", size),
        )  # fmt: skip
    return jobs
