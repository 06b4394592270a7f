"""Secret references: ``env:NAME`` and ``file:PATH``, more by plugin.

A reference is resolved late, when a connection opens; what it resolves to is registered so that it
is hidden from all text, and never stored or written back.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from crmhub import redact
from crmhub.document import suggest
from crmhub.errors import ConfigError

__all__ = ["is_reference", "resolve"]


def is_reference(value: str, resolvers: Mapping[str, Callable[[str], str]]) -> bool:
    """Whether ``value`` is a secret reference of a known scheme."""
    return value.partition(":")[0] in {"env", "file", *resolvers} and ":" in value


def resolve(reference: str, at: str, resolvers: Mapping[str, Callable[[str], str]], folder: Path) -> str:
    """The secret behind a reference; ``at`` is where it stands, ``folder`` what files are relative to.

    Raises :class:`ConfigError` that names the variable or file, never a value.
    """
    scheme, _, rest = reference.partition(":")
    if scheme in _RESOLVE:
        value = _RESOLVE[scheme](rest, at, folder)
    else:
        value = _from_plugin(resolvers[scheme], rest, f"{at}: secret reference {scheme}:…")
    redact.register(value)
    return value


def _from_plugin(resolver: Callable[[str], str], rest: str, what: str) -> str:
    try:
        return resolver(rest)
    except Exception as error:
        # only the kind of error: its text is a plugin's own, and may hold the secret
        raise ConfigError(
            f"{what} cannot be resolved: {type(error).__name__}", hint="look at the plugin that resolves it"
        ) from error


def _from_environment(name: str, at: str, _: Path) -> str:
    value = os.environ.get(name)
    if not value:
        near = suggest(name, [known for known in os.environ if "=" not in known])
        hint = near if near.startswith("did you mean") else f"set it: export {name}=…"
        raise ConfigError(f"{at}: environment variable {name} is not set", hint=hint)
    return value


def _from_file(name: str, at: str, folder: Path) -> str:
    path = folder / name
    try:
        value = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{at}: secret file {path} cannot be read: {type(error).__name__}") from None
    if not value:
        raise ConfigError(f"{at}: secret file {path} is empty")
    return value


_RESOLVE = {"env": _from_environment, "file": _from_file}
