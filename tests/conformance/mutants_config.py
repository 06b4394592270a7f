"""Mistakes in settings, check() and secrecy."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import ClassVar, cast

from pydantic import ConfigDict, SecretStr

from crmhub.connector import Check, ConnectorConfig, Page, ReadRequest
from crmhub.errors import AuthError, Unavailable
from crmhub.testing.memory import MemoryConfig, MemoryConnector
from crmhub.testing.memory.conformance import MemoryTarget
from tests.conformance.mutant import mutant


class PlainSecret(MemoryConfig):
    api_key: str = ""


@mutant(1, "a secret is plain text", MemoryTarget)
class SecretInPlainText(MemoryConnector):
    Config: ClassVar[type[ConnectorConfig]] = PlainSecret


class Chatty(MemoryConfig):
    def __repr__(self) -> str:
        return f"Chatty(password={cast('SecretStr', self.password).get_secret_value()})"


@mutant(1, "the settings show their secret", MemoryTarget)
class SettingsShowSecrets(MemoryConnector):
    Config: ClassVar[type[ConnectorConfig]] = Chatty


class Lenient(MemoryConfig):
    model_config = ConfigDict(extra="ignore")


@mutant(3, "unknown settings are ignored", MemoryTarget)
class UnknownSettingsIgnored(MemoryConnector):
    Config: ClassVar[type[ConnectorConfig]] = Lenient


@mutant(4, "check fails whatever the settings", MemoryTarget)
class CheckAlwaysFails(MemoryConnector):
    async def check(self) -> Sequence[Check]:
        return [Check("memory", ok=False, detail="no", mend="yes")]


@mutant(4, "check says nothing", MemoryTarget)
class CheckSaysNothing(MemoryConnector):
    async def check(self) -> Sequence[Check]:
        return []


@mutant(5, "check asks nobody", MemoryTarget)
class CheckAsksNobody(MemoryConnector):
    async def check(self) -> Sequence[Check]:
        return [Check("memory", ok=True)]


@mutant(5, "check does not say what is wrong", MemoryTarget)
class CheckIsVague(MemoryConnector):
    async def check(self) -> Sequence[Check]:
        ok = (await super().check())[0].ok
        return [Check("memory", ok=ok, detail="something went wrong in the connector", mend="try again")]


@mutant(5, "check does not say what to do", MemoryTarget)
class CheckIsHelpless(MemoryConnector):
    async def check(self) -> Sequence[Check]:
        (line,) = await super().check()
        return [Check(line.name, line.ok, line.detail)]


def password_of(connector: MemoryConnector) -> str:
    return cast("SecretStr", connector._config.password).get_secret_value()


@mutant(9, "an error tells the password", MemoryTarget)
class ErrorTellsSecret(MemoryConnector):
    async def check(self) -> Sequence[Check]:
        try:
            self._sign_in()
        except AuthError:
            return [Check("memory", ok=False, detail=f"{password_of(self)!r} is not the password", mend="-")]
        return [Check("memory", ok=True)]


@mutant(9, "an event tells the password", MemoryTarget)
class EventTellsSecret(MemoryConnector):
    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        self._context.events.emit("memory.read", url=f"memory://?pass={password_of(self)}")
        async with aclosing(super().read(request)) as pages:
            async for page in pages:
                yield page


@mutant(9, "the cause of an error tells the password", MemoryTarget)
class CauseTellsSecret(MemoryConnector):
    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        try:
            async with aclosing(super().read(request)) as pages:
                async for page in pages:
                    yield page
        except Unavailable as error:
            raise Unavailable("the CRM cannot be reached") from OSError(f"memory:{password_of(self)} {error}")


@mutant(9, "a foreign error comes through", MemoryTarget)
class ForeignError(MemoryConnector):
    async def read(self, request: ReadRequest) -> AsyncGenerator[Page]:
        try:
            async with aclosing(super().read(request)) as pages:
                async for page in pages:
                    yield page
        except AuthError as error:
            raise KeyError(password_of(self)) from error
