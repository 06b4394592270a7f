"""``crmhub.yaml`` as JSON Schema (draft 2020-12), for editors: completion, and mistakes as one types.

The reader (:mod:`crmhub.config`) and each connector's ``Config`` are the judges. A schema cannot see
what they look up: whether a job's connections exist, whether a variable is set.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import cast

from crmhub.connector import ConnectorConfig
from crmhub.mapping.codecs import CODECS, Factory
from crmhub.mapping.json_schema import DRAFT, rule_definitions
from crmhub.mapping.rules import ModelOf
from crmhub.models.registry import BUILT_IN
from crmhub.native import Native, Value

__all__ = ["config_schema"]

_ID = "https://crmhub.readthedocs.io/en/latest/schemas/crmhub.v1.json"
# All ASCII but letters, digits, - and _ is kept out; letters of other scripts pass, as they do when read.
_NAME = r"^(?!(all|jobs)$)(?=.*[^_-])[^\x00-,./:-@\[-^`{-\x7f]+$"
_SECRET = "A secret: env:NAME, file:PATH, or another reference; as it is only with plain_secrets: true."  # noqa: S105


def config_schema(
    connectors: Mapping[str, type[ConnectorConfig]],
    *,
    models: ModelOf = BUILT_IN,
    codecs: Mapping[str, Factory] = CODECS,
    schemes: Iterable[str] = (),
) -> Native:
    """The schema of configurations that use these connectors.

    Connections of other connectors pass with whatever settings they have. ``schemes`` are those of
    secret references that plugins resolve, besides ``env`` and ``file``.
    """
    reference: Native = {
        "type": "string",
        "pattern": f"^({'|'.join(sorted({'env', 'file', *schemes}))}):",
        "description": "A reference, resolved when the connection opens: env:NAME or file:PATH.",
    }
    settings: Native = {}
    for name, config in connectors.items():
        settings |= _settings(name, config)
    return {
        "$schema": DRAFT,
        "$id": _ID,
        "title": "crmhub configuration",
        "type": "object",
        "properties": {
            "store": {
                "type": "string",
                "default": "sqlite:///crmhub.db",
                "description": "Where state is kept: a URL of SQLite or PostgreSQL, or a reference to one.",
            },
            "mappings": {
                "type": ["string", "null"],
                "description": "A folder of mapping files, named after connectors.",
            },
            "models": {
                "type": ["array", "null"],
                "items": {"type": "string"},
                "description": "Models of your own: [package.module:Class].",
            },
            "plain_secrets": {
                "type": "boolean",
                "description": "Lets secrets stand in the file as they are.",
            },
            "agents": {
                "type": ["string", "object"],
                "description": "The agents, by name, or the file that has them and their policies.",
            },
            "policies": {
                "type": "object",
                "description": "What agents may do, by the policy's name; see crmhub schema agents.",
            },
            "serving": {
                "type": "object",
                "description": "How the MCP server is reached over HTTP; see crmhub schema agents.",
            },
            "connections": {
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"pattern": _NAME},
                "additionalProperties": {"$ref": "#/$defs/connection"},
                "description": "The connections, by name.",
            },
            "jobs": {
                "type": ["object", "null"],
                "additionalProperties": {"$ref": "#/$defs/job"},
                "description": "Syncs with a name.",
            },
        },
        "required": ["connections"],
        "additionalProperties": False,
        "$defs": {
            "connection": _connection(connectors),
            "job": _job(),
            "mapping": _mapping(),
            "reference": reference,
            **rule_definitions(models, codecs),
            **settings,
        },
    }


def _connection(connectors: Iterable[str]) -> Native:
    names = sorted(connectors)
    known: list[Value] = [
        {
            "if": {"properties": {"connector": {"const": name}}, "required": ["connector"]},
            "then": {"$ref": f"#/$defs/{_place(name)}"},
        }
        for name in names
    ]
    return {
        "type": "object",
        "properties": {
            "connector": {
                "anyOf": [{"enum": [*names]}, {"type": "string"}],
                "description": "An installed connector (see crmhub plugins), or the file that describes one.",
            },
            "mapping": {"$ref": "#/$defs/mapping"},
        },
        "required": ["connector"],
        **({"allOf": known} if known else {}),
    }


def _mapping() -> Native:
    rule: Native = {"$ref": "#/$defs/rule"}
    element: Native = {"type": ["object", "null"], "additionalProperties": rule}
    rules: Native = {
        "type": "object",
        "patternProperties": {r"\]$": element},
        "additionalProperties": rule,
    }
    return {
        "description": "Rules that go before those of the mapping file: object: {canonical path: rule}.",
        "anyOf": [{"type": "object", "additionalProperties": rules}, {"type": "null"}],
    }


def _job() -> Native:
    return {
        "type": "object",
        "properties": {
            "from": {"type": "string", "description": "The connection to read."},
            "to": {"type": "string", "description": "The connection to write."},
            "models": {"type": "array", "items": {"type": "string"}, "description": "Which models."},
            "owner": {
                "type": "string",
                "pattern": "^(default|reject|default:.*)$",
                "description": "Owners that the target lacks: default, default:<e-mail> or reject.",
            },
            "stage": {
                "enum": ["outcome", "reject"],
                "description": "Stages that the target lacks.",
            },
            "page_size": {"type": ["integer", "null"], "description": "Records a page."},
        },
        "required": ["from", "to"],
        "additionalProperties": False,
    }


def _settings(name: str, config: type[ConnectorConfig]) -> Native:
    """The definitions of one connector's settings; each may be written as a reference."""
    place = _place(name)
    schema = cast("Native", config.model_json_schema(ref_template=f"#/$defs/{place}.{{model}}"))
    inner = cast("Native", schema.pop("$defs", {}))
    given = cast("Mapping[str, Native]", schema.get("properties", {}))
    properties: Native = {"connector": {"const": name}, "mapping": True}
    properties |= {key: _setting(setting) for key, setting in given.items()}
    return {
        place: {**schema, "title": name, "properties": properties},
        **{f"{place}.{model}": part for model, part in inner.items()},
    }


def _place(connector: str) -> str:
    """The name of a connector's definition: a file may have a path that no JSON pointer can say."""
    return f"connector.{re.sub(r'[^A-Za-z0-9._-]+', '_', connector)}"


def _setting(setting: Native) -> Native:
    described = {key: setting[key] for key in ("description", "default") if key in setting}
    shape = {key: value for key, value in setting.items() if key not in {"title", "description", "default"}}
    if _is_secret(shape):
        return {"description": _SECRET, **described, **shape}
    alternatives: list[Value] = [shape]
    if set(shape) == {"anyOf"}:
        alternatives = cast("list[Value]", shape["anyOf"])
    if {"type": "string"} in alternatives:  # a reference is a text as any other
        return {**described, **shape}
    return {**described, "anyOf": [*alternatives, {"$ref": "#/$defs/reference"}]}


def _is_secret(shape: Native) -> bool:
    parts = [shape, *cast("list[Value]", shape.get("anyOf", []))]
    return any(isinstance(part, dict) and part.get("format") == "password" for part in parts)
