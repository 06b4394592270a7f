"""Checks 1 to 9: settings, credentials and secrets.

Left out: 2, settings of the last release still load (there is none yet).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import cast

from pydantic import SecretStr

from crmhub.config import ConnectionSettings
from crmhub.connector import Check, Connector, Value
from crmhub.document import Document
from crmhub.errors import ConfigError, ConnectorError, CrmhubError
from crmhub.http import MemoryTokenStore
from crmhub.redact import is_secret_name
from crmhub.testing.conformance.check import check
from crmhub.testing.conformance.expect import expect
from crmhub.testing.conformance.mirror import Mirror
from crmhub.testing.conformance.target import NotHere, Org, Sample

__all__: list[str] = []

_SHORTEST = 6  # a shorter secret would be found in ordinary words


@check(1, "settings are a schema")
async def settings_are_a_schema(org: Org, sample: Sample) -> None:
    """The settings have a JSON schema with every field; secrets are ``SecretStr`` and never show."""
    del sample
    config = org.connector.Config
    properties = json.loads(json.dumps(config.model_json_schema())).get("properties", {})
    untold = set(config.model_fields) - set(properties)
    expect(not untold, f"the JSON schema of the settings lacks {', '.join(sorted(untold))}")
    for name, told in properties.items():
        text = json.dumps(told)
        plain = '"type": "string"' in text and "writeOnly" not in text
        is_place = any(part in name for part in ("url", "path", "file"))
        expect(
            not (plain and is_secret_name(name) and not is_place),
            f"setting {name} looks like a secret and is plain text; make it SecretStr",
        )
    shown = repr(config.model_validate(dict(org.settings)))
    for secret in _telling(org.secrets()):
        expect(secret not in shown, "the settings' repr shows a secret")


@check(3, "unknown setting refused")
async def unknown_setting_refused(org: Org, sample: Sample) -> None:
    """A misspelt setting is refused with its place in the file and the right name."""
    del sample
    config = org.connector.Config
    right = max(config.model_fields, key=len, default="")
    wrong = right[: len(right) // 2] + right[len(right) // 2 + 1 :] if right else "no_such_setting"
    text = json.dumps({"connections": {"a": {**dict(org.settings), wrong: 1}}}, default=str, indent=1)
    document = Document.parse(text, "crmhub.yaml")
    values = cast("dict[str, Value]", document.part(("connections", "a")))
    settings = ConnectionSettings("a", org.name, values, document, plain_secrets=True)
    told = ""
    try:
        settings.check(config)
    except ConfigError as error:
        told = str(error)
    expect(told, f"the unknown setting {wrong!r} is accepted in silence")
    expect(wrong in told, f"the message about the unknown setting does not name {wrong!r}: {told}")
    expect("crmhub.yaml:" in told, f"the message about the unknown setting does not say where it is: {told}")
    expect(right in told, f"{wrong!r} is refused without the suggestion {right!r}: {told}")


@check(4, "check passes with good settings")
async def check_passes(org: Org, sample: Sample) -> None:
    """Good settings pass every line of ``check``, and there is at least one."""
    del sample
    lines = await org.connect().check()
    expect(lines, "check() says nothing")
    failed = [line for line in lines if not line.ok]
    expect(not failed, f"good settings fail: {'; '.join(f'{line.name}: {line.detail}' for line in failed)}")


@check(5, "check names the cause")
async def check_names_the_cause(org: Org, sample: Sample) -> None:
    """Settings that cannot work fail ``check`` by a line (or error) that names the cause and the cure."""
    del sample
    causes = org.spoilt()
    if not causes:
        raise NotHere("the target has no settings that can be spoilt")
    for spoilt in causes:
        lines = await _checked(org.connect(tokens=MemoryTokenStore(), **spoilt.settings))
        failed = [line for line in lines if not line.ok]
        expect(failed, f"{spoilt.cause} passes check()")
        told = " ".join(f"{line.name} {line.detail} {line.mend}" for line in failed)
        expect(spoilt.says.casefold() in told.casefold(), f"{spoilt.cause} is not named: {told}")
        expect(any(line.mend for line in failed), f"{spoilt.cause}: nothing says how to mend it")


@check(9, "no secret shows")
async def no_secret_shows(org: Org, sample: Sample) -> None:
    """No secret is in an error, an event, a log line, a repr or a record, whatever goes wrong."""
    await org.insert(sample.object, sample.rows(2))
    spoilt = org.spoilt()
    secrets = set(org.secrets())
    said: list[str] = []
    mirror = await Mirror.of(org, sample)
    with _logged(said):
        tried: list[Mapping[str, object]] = [{}, *(one.settings for one in spoilt)]
        for settings in tried:
            connector = org.connect(tokens=None if not settings else MemoryTokenStore(), **settings)
            said.append(repr(connector))
            said += await _provoked(org, connector, mirror)
            secrets.update(str(value) for name, value in settings.items() if _is_secret(org, name))
    token = await org.tokens.load(org.name)
    if token is not None:
        secrets.update(part.get_secret_value() for part in (token.access, token.refresh) if part)
    said += [f"event {event.name}: {dict(event.detail)}" for event in org.heard]
    for text in said:
        for secret in _telling(secrets):
            expect(secret not in text, f"a secret shows: {text.replace(secret, '<the secret>')[:300]}")


async def _provoked(org: Org, connector: Connector, empty: Mirror) -> list[str]:
    """What the connector says when it is used well, used badly, and met by faults."""
    said: list[str] = []

    async def read() -> None:
        mirror = empty.starting(None, {})
        await mirror.follow(connector)
        said.append(repr(mirror.rows))

    async def ask_for_nothing() -> None:
        await connector.describe("NoSuchObject")

    async def check_it() -> None:
        said.append(repr(await connector.check()))

    for act in (check_it, read, ask_for_nothing):
        await _told(act, said)
    for fault in ("400", "403", "html"):
        with suppress(NotHere):
            org.fault(fault)
            await _told(read, said)
            org.fault()
    return said


async def _told(act: Callable[[], Awaitable[None]], said: list[str]) -> None:
    """Do it, and add what an error says: its text, its repr, and those of what it came from."""
    try:
        await act()
    except AssertionError as failure:
        said.append(str(failure))
    except CrmhubError as error:
        cause: BaseException | None = error
        while cause is not None:
            said.append(f"{cause} {cause!r} {vars(cause)}")
            cause = cause.__cause__ or cause.__context__
    except Exception as error:
        raise AssertionError(
            f"an error that is none of crmhub.errors comes out of the connector: {type(error).__name__}"
        ) from error


async def _checked(connector: Connector) -> Sequence[Check]:
    """The lines of ``check``; an error that it raises counts as one."""
    try:
        return await connector.check()
    except ConnectorError as error:
        return [Check(type(error).__name__, ok=False, detail=str(error), mend=error.hint or "")]


def _is_secret(org: Org, name: str) -> bool:
    field = org.connector.Config.model_fields.get(name)
    return field is not None and SecretStr.__name__ in str(field.annotation)


def _telling(secrets: Sequence[str] | set[str]) -> list[str]:
    return [secret for secret in secrets if len(secret) >= _SHORTEST]


class _Collector(logging.Handler):
    def __init__(self, into: list[str]) -> None:
        super().__init__()
        self._into = into

    def emit(self, record: logging.LogRecord) -> None:
        self._into.append(f"log {record.getMessage()}")


@contextmanager
def _logged(into: list[str]) -> Generator[None]:
    """Collect what is logged meanwhile, at every level."""
    logger, collector = logging.getLogger(), _Collector(into)
    level = logger.level
    logger.addHandler(collector)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(collector)
        logger.setLevel(level)
