"""crmhub.yaml: every mistake is one line with its place, and secrets stay secret."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import SecretStr, model_validator

from crmhub.config import Config, load_config
from crmhub.connector import ConnectorConfig
from crmhub.errors import ConfigError
from crmhub.hub import Hub
from crmhub.redact import redact


class Server(ConnectorConfig):
    token: SecretStr | None = None
    words: tuple[str, ...] = ()
    env: dict[str, SecretStr] = {}


class Settings(ConnectorConfig):
    region: str = "us"
    client_id: str
    client_secret: SecretStr
    size: int = 5
    server: Server | None = None

    known: ClassVar[str] = "settings"


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "crmhub.yaml"
    path.write_text(text)
    return path


GOOD = """\
store: sqlite:///state.db
mappings: ./mappings
connections:
  zoho:
    connector: zoho
    client_id: env:THE_ID
    client_secret: file:secret.txt
jobs:
  nightly: {from: zoho, to: other, models: [accounts], owner: reject}
"""


def test_a_whole_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = GOOD.replace("jobs:", "  other: {connector: memory}\njobs:")
    config = load_config(write(tmp_path, text))
    assert config.mappings == tmp_path / "mappings"
    assert config.jobs["nightly"].owner == "reject"
    monkeypatch.setenv("THE_ID", "id-1")
    (tmp_path / "secret.txt").write_text("very-secret-value\n")
    checked = config.connections["zoho"].check(Settings, folder=tmp_path)
    assert isinstance(checked, Settings)
    assert checked.client_id == "id-1"
    assert checked.client_secret.get_secret_value() == "very-secret-value"
    assert "very-secret-value" not in repr(checked)
    assert redact("token very-secret-value sent") == "token [hidden] sent"


NESTED = """    client_id: a
    client_secret: file:secret.txt
    server: {token: file:secret.txt, words: [plain, "file:secret.txt"], env: {KEY: file:secret.txt}}
"""


def test_references_are_resolved_inside_of_settings_too(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("very-secret-value\n")
    checked = check(tmp_path, NESTED)
    assert isinstance(checked, Settings)
    assert checked.server is not None
    assert checked.server.token == checked.server.env["KEY"] == SecretStr("very-secret-value")
    assert checked.server.words == ("plain", "very-secret-value")


@pytest.mark.parametrize(
    ("server", "said"),
    [
        ("{token: hunter22222}", r"crmhub.yaml:6:14: server.token: .*env:CRM_SERVER_TOKEN"),
        ("{env: {KEY: hunter22222}}", r"crmhub.yaml:6:20: server.env.KEY: .*env:CRM_SERVER_ENV_KEY"),
    ],
)
def test_a_secret_inside_of_a_setting_is_refused_with_its_place(
    tmp_path: Path, server: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        check(tmp_path, f"    client_id: a\n    client_secret: env:PATH\n    server: {server}\n")
    assert "hunter22222" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "conections: {}\n",
            r"crmhub.yaml:1:1: conections: unknown key 'conections'; did you mean 'connections'\?",
        ),
        ("connections: {}\n", r"connections: name at least one connection"),
        ("connections:\n  a: {}\n", r"crmhub.yaml:2:3: connections.a: say which connector it uses"),
        ("connections:\n  all: {connector: memory}\n", r"not 'all'"),
        ("connections:\n  a: {connector: memory}\nstore: 5\n", r"crmhub.yaml:3:1: store: a text is expected"),
        (GOOD, r"crmhub.yaml:9:25: jobs.nightly.to: no connection 'other'"),
        ("connections: [\n", r"crmhub.yaml:2:1: not YAML"),
        ("a: &x 1\n", r"anchors"),
        ("- a\n", r"a table with connections is expected"),
        ("", r"a table with connections is expected"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_config(write(tmp_path, text))


def check(tmp_path: Path, entry: str) -> ConnectorConfig:
    config = load_config(write(tmp_path, f"connections:\n  crm:\n    connector: x\n{entry}"))
    return config.connections["crm"].check(Settings, folder=tmp_path)


def test_an_unknown_setting_is_named_with_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"crmhub.yaml:4:5: regoin: unknown setting; did you mean 'region'"):
        check(tmp_path, "    regoin: eu\n    client_id: a\n    client_secret: env:PATH\n")


def test_an_unknown_setting_within_another_is_told_by_its_own_neighbours(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"server.tokn: unknown setting; did you mean 'token'"):
        check(tmp_path, "    client_id: a\n    client_secret: env:PATH\n    server: {tokn: env:PATH}\n")


def test_a_missing_setting_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="client_id: missing; connector x needs it"):
        check(tmp_path, "    client_secret: env:PATH\n")


def test_a_setting_of_the_wrong_type_is_named_without_its_value(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"crmhub.yaml:6:5: size: Input should be a valid integer"
    ) as caught:
        check(tmp_path, "    client_id: a\n    client_secret: env:PATH\n    size: private words\n")
    assert "private words" not in str(caught.value)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("    server: yes\n", "6:5: server: a table of settings is expected"),
        ("    server: {words: one}\n", "6:14: server.words: a list is expected"),
        ("    region: 8\n", "6:5: region: a text is expected: put it in quotes"),
    ],
)
def test_what_a_setting_should_be_is_told_in_words_of_the_file(tmp_path: Path, lines: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check(tmp_path, f"    client_id: a\n    client_secret: env:PATH\n{lines}")
    assert str(caught.value).endswith(f"crmhub.yaml:{told}")


def test_a_variable_that_is_not_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="environment variable NOT_SET_ANYWHERE is not set"):
        check(tmp_path, "    client_id: a\n    client_secret: env:NOT_SET_ANYWHERE\n")


def test_what_only_seems_to_be_missing_is_not_told_beside_it(tmp_path: Path) -> None:
    class Together(ConnectorConfig):
        client_id: str | None = None
        client_secret: SecretStr | None = None

        @model_validator(mode="after")
        def _both(self) -> Together:
            if self.client_secret is None:
                raise ValueError("client_id needs client_secret")
            return self

    text = "connections:\n  crm: {connector: x, client_id: a, client_secret: env:NOT_SET_ANYWHERE}\n"
    settings = load_config(write(tmp_path, text)).connections["crm"]
    with pytest.raises(ConfigError, match="NOT_SET_ANYWHERE is not set") as caught:
        settings.check(Together)
    assert "needs client_secret" not in str(caught.value)


def test_a_secret_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"secret file .*gone.txt cannot be read"):
        check(tmp_path, "    client_id: a\n    client_secret: file:gone.txt\n")


def test_a_secret_in_the_file_is_refused_without_showing_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"env:CRM_CLIENT_SECRET") as caught:
        check(tmp_path, "    client_id: a\n    client_secret: hunter22222\n")
    assert "hunter22222" not in str(caught.value)


def test_a_secret_in_the_file_is_taken_when_that_is_meant(tmp_path: Path) -> None:
    text = (
        "plain_secrets: true\nconnections:\n  crm: {connector: x, client_id: a, client_secret: hunter22222}\n"
    )
    settings = load_config(write(tmp_path, text)).connections["crm"].check(Settings)
    assert isinstance(settings, Settings)
    assert settings.client_secret.get_secret_value() == "hunter22222"


@pytest.mark.anyio
async def test_the_stores_url_may_be_a_secret_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, "store: env:THE_STORE\nconnections:\n  a: {connector: memory}\n")
    monkeypatch.setenv("THE_STORE", "sqlite:///state.db")
    async with Hub(load_config(path)) as hub:
        await hub.store()
    assert (tmp_path / "state.db").exists()
    assert "postgresql://me:pw" not in repr(Config({}, store="postgresql://me:pw@localhost/db"))


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load_config(tmp_path / "crmhub.yaml")


def test_all_mistakes_of_a_connection_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        check(tmp_path, "    client_id: env:NOT_SET_ANYWHERE\n    client_secret: hunter22222\n    sise: 3\n")
    lines = str(caught.value).splitlines()
    assert [line.partition("crmhub.yaml:")[2][:2] for line in lines] == ["4:", "5:", "6:"]
    assert "hunter22222" not in str(caught.value)


def test_a_resolver_that_raises_is_named_without_what_it_says(tmp_path: Path) -> None:
    def locked(path: str) -> str:
        raise RuntimeError(f"the vault at {path} wants hunter22222")

    text = "connections:\n  crm: {connector: x, client_id: a, client_secret: vault:key}\n"
    settings = load_config(write(tmp_path, text)).connections["crm"]
    with pytest.raises(ConfigError, match=r"crmhub.yaml:2:.*vault:… cannot be resolved: Runtime") as caught:
        settings.check(Settings, {"vault": locked})
    assert "hunter22222" not in str(caught.value)
