"""``crmhub doctor``: every fault is named, with its place and its mend, and none hides another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from crmhub.clock import Clock, ManualClock
from crmhub.connector import Check
from crmhub.doctor import Finding, examine
from crmhub.errors import Unavailable
from crmhub.http import Token, asgi_transport
from crmhub.mapping.check import no_object
from crmhub.mapping.load import load_mapping, shipped_mappings
from crmhub.store import Changes, DeadLetter, Intent, RecordRef, Store
from crmhub.testing.memory import MemoryConnector
from crmhub.testing.simulator.app import Double
from crmhub.testing.simulator.finding import make_double
from crmhub.testing.simulator.options import Options
from tests.stores import behind_its_back
from tests.support import CRMHUB, simulator, write_config

pytestmark = pytest.mark.anyio

MEMORY = """
store: sqlite:///crmhub.db
mappings: .
connections:
  one: {connector: memory, objects: {companies: {name: text, site: text}}}
  two: {connector: memory, objects: {companies: {name: text, site: text}}}
jobs:
  nightly: {from: one, to: two, models: [accounts]}
"""
MAPPING = """
crm: memory
version: 1
maps: [{model: account, object: companies, fields: {name: name, website: site}}]
"""


@pytest.fixture(autouse=True)
def no_key_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CRMHUB_KEY", raising=False)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with a good configuration of two connections in memory."""
    (tmp_path / "crmhub.yaml").write_text(MEMORY)
    (tmp_path / "memory.yaml").write_text(MAPPING)
    return tmp_path


async def findings(
    folder: Path,
    *,
    offline: bool = False,
    clock: Clock | None = None,
    doubles: Mapping[str, Double] | None = None,
    patience: float = 60,
) -> list[Finding]:
    told: list[Finding] = []
    mounted = {name: asgi_transport(double.app) for name, double in (doubles or {}).items()}
    await examine(
        folder / "crmhub.yaml",
        told.append,
        offline=offline,
        clock=clock,
        transports=mounted,
        patience=patience,
    )
    return told


def bad(told: Sequence[Finding]) -> list[tuple[str, str]]:
    """What is not ok, as (severity, subject)."""
    return [(finding.severity, finding.subject) for finding in told if finding.severity != "ok"]


def one(told: Sequence[Finding], subject: str, severity: str) -> Finding:
    (found,) = [finding for finding in told if (finding.subject, finding.severity) == (subject, severity)]
    return found


@asynccontextmanager
async def kept(folder: Path) -> AsyncGenerator[Store]:
    async with await Store.open(f"sqlite:///{folder}/crmhub.db", clock=ManualClock()) as store:
        yield store


# ── all is well ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("offline", [True, False], ids=["offline", "online"])
async def test_a_good_set_up_has_no_complaints(here: Path, offline: bool) -> None:
    told = await findings(here, offline=offline)
    assert bad(told) == []
    assert {finding.subject for finding in told} == {
        "crmhub", "plugins", "configuration", "store", "connection one", "connection two",
    }  # fmt: skip


async def test_looking_makes_no_store(here: Path) -> None:
    told = await findings(here)
    assert "not there yet" in one(told, "store", "ok").what
    assert not (here / "crmhub.db").exists()


async def test_the_doubles_of_zoho_and_salesforce_are_well(tmp_path: Path) -> None:
    doubles = double_config(tmp_path)
    told = await findings(tmp_path, doubles=doubles)
    assert [finding for finding in told if finding.severity == "fail"] == []
    for name in doubles:
        lines = [finding.what for finding in told if finding.subject == f"connection {name}"]
        assert any(line.startswith("sign in") for line in lines)
        assert any(line.startswith("mapping: fits the fields of") for line in lines)


async def test_a_way_to_sign_in_that_is_about_to_end_is_a_warning(tmp_path: Path) -> None:
    doubles = double_config(tmp_path)
    keys = doubles["salesforce"].credentials
    path = tmp_path / "crmhub.yaml"
    by_password = "login_url: http://localhost, " + ", ".join(
        f"{name}: {keys[name]}" for name in ("username", "password", "security_token")
    )
    path.write_text(
        f"plain_secrets: true\nconnections:\n  salesforce: {{connector: salesforce, {by_password}}}\n"
    )
    told = await findings(tmp_path, doubles={"salesforce": doubles["salesforce"]})
    (line,) = [finding for finding in told if finding.what.startswith("sign in")]
    assert (line.severity, "move to" in line.mend) == ("warn", True)


def double_config(folder: Path) -> dict[str, Double]:
    """A configuration of both doubles, and the doubles to mount."""
    keys = {
        "zoho": ("client_id", "client_secret", "refresh_token"),
        "salesforce": ("client_id", "client_secret"),
    }
    urls = {"zoho": ("api_url", "accounts_url"), "salesforce": ("instance_url", "login_url")}
    doubles = {name: make_double(name, Options(base_url="http://localhost")) for name in keys}
    lines = ["plain_secrets: true", "connections:"]
    for name, double in doubles.items():
        values = [f"{url}: http://localhost" for url in urls[name]]
        values += [f'{key}: "{double.credentials[key]}"' for key in keys[name]]
        lines.append(f"  {name}: {{connector: {name}, {', '.join(values)}}}")
    path = folder / "crmhub.yaml"
    path.write_text("\n".join(lines))
    path.chmod(0o600)
    return doubles


# ── the configuration ────────────────────────────────────────────────────────────────────────────


async def test_a_file_that_cannot_be_read_is_the_last_thing_that_is_told(tmp_path: Path) -> None:
    told = await findings(tmp_path)
    assert "no such file" in one(told, "configuration", "fail").what
    assert one(told, "plugins", "ok")


async def test_all_mistakes_of_all_connections_are_told_with_their_places(here: Path) -> None:
    path = here / "crmhub.yaml"
    text_ = path.read_text().replace("store:", "stoer: x\nstore:").replace("to: two", "to: tow")
    text_ = text_.replace("one: {", "one: {page_sise: 1, ").replace(
        "two: {", "two: {sync_key: env:NOT_SET_HERE, "
    )
    path.write_text(text_)
    told = await findings(here)
    mistakes = [
        finding.what for finding in told if finding.subject == "configuration" and finding.severity == "fail"
    ]
    assert len(mistakes) == 2
    assert f"{path}:2:1: stoer: unknown key 'stoer'; did you mean 'store'?" in mistakes[0]
    assert f"{path}:9:24: jobs.nightly.to: no connection 'tow'; did you mean 'two'?" in mistakes[1]
    assert f"{path}:6:9: page_sise: unknown setting" in one(told, "connection one", "fail").what
    assert (
        f"{path}:7:9: environment variable NOT_SET_HERE is not set"
        in one(told, "connection two", "fail").what
    )


async def test_several_mistakes_of_one_connection_are_a_line_each(here: Path) -> None:
    path = here / "crmhub.yaml"
    path.write_text(path.read_text().replace("one: {", "one: {a: 1, b: 2, "))
    told = await findings(here, offline=True)
    assert [what.split(": ")[1] for what in whats(told, "connection one")] == ["a", "b"]


def whats(told: Sequence[Finding], subject: str) -> list[str]:
    return [finding.what for finding in told if finding.subject == subject]


async def test_a_connector_that_is_not_installed_is_told_with_its_place(here: Path) -> None:
    path = here / "crmhub.yaml"
    path.write_text(path.read_text().replace("two: {connector: memory", "two: {connector: memroy"))
    told = await findings(here)
    lines = [finding for finding in told if finding.subject == "connection two"]
    assert any(
        f"{path}:6:9: no connector 'memroy'" in line.what and "'memory'" in line.mend for line in lines
    )
    assert ("fail", "connection one") not in bad(told)


async def test_a_mapping_that_does_not_load_is_told_with_its_place(here: Path) -> None:
    (here / "memory.yaml").write_text(MAPPING.replace("website: site", "webside: site"))
    told = await findings(here, offline=True)
    assert "memory.yaml:4:" in one(told, "connection one", "fail").what
    assert "did you mean 'website'" in one(told, "connection one", "fail").what


async def test_a_mapping_that_does_not_fit_the_crm_is_told(here: Path) -> None:
    (here / "memory.yaml").write_text(MAPPING.replace("website: site", "website: sight"))
    told = await findings(here)
    said = one(told, "connection one", "fail")
    assert "companies has no field 'sight'" in said.what
    assert "did you mean 'site'?" in said.mend


async def test_a_model_that_cannot_be_imported_does_not_hide_the_connections(here: Path) -> None:
    path = here / "crmhub.yaml"
    path.write_text(f"models: [nowhere.at_all:Model]\n{path.read_text()}")
    told = await findings(here)
    assert "nowhere.at_all:Model" in one(told, "configuration", "fail").what
    assert any(what.startswith("mapping: fits") for what in whats(told, "connection one"))


async def test_secrets_in_a_file_that_others_can_read_are_a_warning(here: Path) -> None:
    path = here / "crmhub.yaml"
    path.write_text(f"plain_secrets: true\n{path.read_text()}")
    path.chmod(0o644)
    assert "chmod 600" in one(await findings(here, offline=True), "configuration", "warn").mend


async def test_a_job_whose_models_are_not_mapped_is_told(here: Path) -> None:
    path = here / "crmhub.yaml"
    path.write_text(path.read_text().replace("[accounts]", "[accounts, dealz]"))
    assert "no model 'dealz' is mapped" in one(await findings(here, offline=True), "job nightly", "fail").what


# ── connections ──────────────────────────────────────────────────────────────────────────────────


class Ill(MemoryConnector):
    """A connector that cannot do much."""

    async def check(self) -> Sequence[Check]:
        return [Check("sign in", ok=True), Check("read deals", ok=False, detail="refused", mend="ask for it")]


class Lost(MemoryConnector):
    async def check(self) -> Sequence[Check]:
        raise Unavailable("crm.example.com cannot be reached", hint="see whether it is up")


class Faulty(MemoryConnector):
    async def check(self) -> Sequence[Check]:
        raise KeyError("a value of somebody")


class Silent(MemoryConnector):
    async def check(self) -> Sequence[Check]:
        await anyio.sleep_forever()
        return []


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, place: str) -> None:
    """Put a distribution with one connector on the path."""
    info = folder / f"crmhub_{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: crmhub-{name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[crmhub.connectors]\n{name} = {place}\n")
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])


@pytest.fixture
def ill(here: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes connection ``one`` one of a connector of this module."""

    def make(kind: str) -> None:
        install(here, monkeypatch, "ill", f"{__name__}:{kind}")
        path = here / "crmhub.yaml"
        path.write_text(path.read_text().replace("one: {connector: memory", "one: {connector: ill"))
        (here / "ill.yaml").write_text(MAPPING)

    return make


async def test_each_line_of_a_check_that_fails_is_told_with_its_mend(
    here: Path, ill: Callable[[str], None]
) -> None:
    ill("Ill")
    told = await findings(here)
    said = one(told, "connection one", "fail")
    assert (said.what, said.mend) == ("read deals: refused", "ask for it")


async def test_a_crm_that_is_not_there_is_told_and_nothing_more_is_asked(
    here: Path, ill: Callable[[str], None]
) -> None:
    ill("Lost")
    told = await findings(here)
    said = one(told, "connection one", "fail")
    assert (said.what, said.mend) == ("check: crm.example.com cannot be reached", "see whether it is up")
    assert whats(told, "connection one") == [said.what]
    assert ("fail", "connection two") not in bad(told)


async def test_a_fault_in_a_connector_shows_its_place_and_no_values(
    here: Path, ill: Callable[[str], None]
) -> None:
    ill("Faulty")
    said = one(await findings(here), "connection one", "fail")
    assert "KeyError at test_doctor.py:" in said.what
    assert "somebody" not in str(said)


async def test_a_crm_that_does_not_answer_holds_up_nobody(here: Path, ill: Callable[[str], None]) -> None:
    ill("Silent")
    told = await findings(here, patience=0)
    assert "did not answer everything within 0 s" in one(told, "connection one", "fail").what


async def test_an_object_that_the_org_lacks_is_an_error_in_ones_own_mapping_only(here: Path) -> None:
    (here / "memory.yaml").write_text(MAPPING.replace("object: companies", "object: firms"))
    assert "no object 'firms'" in one(await findings(here), "connection one", "fail").what
    shipped = load_mapping(shipped_mappings()["zoho"]).maps[0]
    assert no_object(shipped, "").severity == "warning"


async def test_a_dead_refresh_token_is_told_without_showing_it(tmp_path: Path) -> None:
    doubles = double_config(tmp_path)
    path = tmp_path / "crmhub.yaml"
    dead = "1000.0000000000000000dead0000000000000000"
    path.write_text(path.read_text().replace(doubles["zoho"].credentials["refresh_token"], dead))
    told = await findings(tmp_path, doubles=doubles)
    assert "refresh token" in str(one(told, "connection zoho", "fail"))
    assert dead not in "".join(map(str, told))
    assert ("fail", "connection salesforce") not in bad(told)


async def test_a_clock_that_is_wrong_is_told(tmp_path: Path) -> None:
    doubles = double_config(tmp_path)
    slow = ManualClock(datetime.now(UTC) - timedelta(minutes=10))
    told = await findings(tmp_path, clock=slow, doubles=doubles)
    said = [finding for finding in told if finding.severity == "warn" and "clock" in finding.what]
    assert {finding.subject for finding in said} == {"connection zoho", "connection salesforce"}
    assert "s behind the CRM's" in said[0].what


async def test_what_files_cannot_do_is_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("crmhub_csv")
    (tmp_path / "companies.csv").write_text("id,name\n1,Acme\n")
    (tmp_path / "csv.yaml").write_text(
        "crm: csv\nversion: 1\n"
        "maps: [{model: account, object: companies, fields: {name: {to: name, dir: read}}}]\n"
    )
    (tmp_path / "crmhub.yaml").write_text(
        f"mappings: .\nconnections:\n  files: {{connector: csv, folder: {tmp_path}}}\n"
    )
    told = await findings(tmp_path)
    assert [finding.severity for finding in told if "companies: deletions do not show" in finding.what] == [
        "warn"
    ]


# ── the store ────────────────────────────────────────────────────────────────────────────────────


async def test_a_key_that_is_not_the_stores_is_told(here: Path) -> None:
    async with kept(here):
        pass
    (here / "crmhub.db.key").unlink()
    said = one(await findings(here), "store", "fail")
    assert "key is missing" in said.what
    (here / "crmhub.db.key").write_text("dGhlIGtleSBvZiB0aGUgdGVzdHMgaGFzIDMyIGJ5dGU=\n")
    (here / "crmhub.db.key").chmod(0o600)
    said = one(await findings(here), "store", "fail")
    assert "is not the key this store was made with" in said.what


async def test_each_token_that_was_tampered_with_is_told(here: Path) -> None:
    async with kept(here) as store:
        for name in ("a", "b", "c", "d"):
            await store.tokens.save(name, Token(SecretStr(f"secret-of-{name}")))
    with behind_its_back(f"sqlite:///{here}/crmhub.db") as connection:
        connection.execute(text("UPDATE token SET value = 'x' WHERE connection = 'a'"))
        moved = "(SELECT value FROM token WHERE connection = 'b')"
        connection.execute(text(f"UPDATE token SET value = {moved} WHERE connection = 'c'"))
        connection.execute(text("UPDATE token SET value = zeroblob(60) WHERE connection = 'd'"))
    told = [finding for finding in await findings(here) if finding.subject == "store"]
    assert [finding.severity for finding in told] == ["fail", "fail", "fail"]
    for name, finding in zip("acd", told, strict=True):
        assert f"sign in again for {name}" in finding.mend


async def test_a_file_that_is_no_store_is_told_and_the_connections_are_looked_at(here: Path) -> None:
    (here / "crmhub.db").write_bytes(b"this is no database, and long enough to be taken for one" * 100)
    told = await findings(here)
    assert "is not an SQLite database" in one(told, "store", "fail").what
    assert ("fail", "connection one") not in bad(told)
    assert any(what.startswith("mapping: fits") for what in whats(told, "connection one"))


async def test_connections_say_when_they_cannot_sign_in_for_want_of_the_store(tmp_path: Path) -> None:
    doubles = double_config(tmp_path)
    (tmp_path / "crmhub.db").write_bytes(b"this is no database, and long enough to be taken for one" * 100)
    told = await findings(tmp_path, doubles=doubles)
    assert "not possible without the store" in one(told, "connection zoho", "fail").what


async def test_a_store_of_a_newer_crmhub_is_told_and_left_alone(here: Path) -> None:
    async with kept(here):
        pass
    with behind_its_back(f"sqlite:///{here}/crmhub.db") as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    said = one(await findings(here), "store", "fail")
    assert "has schema 9999" in said.what
    assert "upgrade crmhub" in said.mend


async def test_a_store_that_others_can_read_is_a_warning(here: Path) -> None:
    async with kept(here):
        pass
    (here / "crmhub.db").chmod(0o644)
    assert "chmod 600" in one(await findings(here), "store", "warn").mend


async def test_a_folder_that_is_not_there_is_told(here: Path) -> None:
    path = here / "crmhub.yaml"
    path.write_text(path.read_text().replace("sqlite:///crmhub.db", "sqlite:///gone/crmhub.db"))
    assert "does not exist" in one(await findings(here), "store", "fail").what


async def test_a_store_in_memory_is_a_warning(here: Path) -> None:
    path = here / "crmhub.yaml"
    path.write_text(path.read_text().replace("sqlite:///crmhub.db", '"sqlite:///:memory:"'))
    assert "nothing is remembered" in one(await findings(here), "store", "warn").what


async def test_what_runs_left_behind_is_told_job_by_job(here: Path) -> None:
    clock = ManualClock(datetime.now(UTC) - timedelta(hours=1))
    url = f"sqlite:///{here}/crmhub.db"
    async with await Store.open(url, clock=clock) as store:
        run = await store.runs.start("one->two", "sync", "one", "two", ["account"])
        refs = [RecordRef("one", "companies", str(number)) for number in range(3)]
        letters = [
            DeadLetter("one->two", ref, "two", "account", reason, "private words")
            for ref, reason in zip(refs, ("rejected", "rejected", "waiting"), strict=True)
        ]
        await store.commit(Changes(job="one->two", run=run.id, dead_letters=letters))
        sent = Intent(
            "f00", "one->two", run.id, refs[0], "companies", "create", "Acme", b"", "{}", clock.now()
        )
        await store.intents.plan([sent])
    told = await findings(here)
    said = [finding for finding in told if finding.subject == "job one->two"]
    assert [finding.severity for finding in said] == ["warn", "warn", "warn"]
    assert "ended interrupted" in said[0].what
    assert said[0].mend.startswith("crmhub sync one two: ")
    assert said[1].mend.endswith("crmhub sync one two --retry")
    assert said[1].what == "records were set aside: 2 rejected, 1 waiting"
    assert said[2].what == "1 writes were sent and their outcome is not known"
    assert "private words" not in "".join(map(str, told))


async def test_a_run_whose_process_is_gone_is_told(here: Path) -> None:
    clock = ManualClock(datetime.now(UTC) - timedelta(hours=1))
    async with await Store.open(f"sqlite:///{here}/crmhub.db", clock=clock) as store:
        await store.runs.start("one->two", "sync", "one", "two", ["account"])
        said = one(await findings(here), "job one->two", "warn")
    assert f"pid {os.getpid()}" in said.what
    assert "counts as running" in said.what


async def test_runs_that_go_on_or_ended_well_are_no_complaint(here: Path) -> None:
    async with await Store.open(f"sqlite:///{here}/crmhub.db") as store:
        await store.runs.start("one->two", "sync", "one", "two", ["account"])
        ended = await store.runs.start("two->one", "sync", "two", "one", ["account"])
        await store.runs.finish(ended.id, "done")
        told = await findings(here)
    assert "is running since" in one(told, "job one->two", "ok").what
    assert ", done" in one(told, "job two->one", "ok").what


@pytest.mark.pg
async def test_a_store_on_postgresql_is_looked_at_too(here: Path, postgres_url: str) -> None:
    path = here / "crmhub.yaml"
    path.write_text(path.read_text().replace("sqlite:///crmhub.db", postgres_url))
    told = await findings(here)
    assert bad(told) == []
    assert "schema" in one(told, "store", "ok").what


# ── the command ──────────────────────────────────────────────────────────────────────────────────


async def test_plugins_that_do_not_load_are_told(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(here, monkeypatch, "odd", "nowhere_at_all:Odd")
    said = one(await findings(here), "plugins", "fail").what
    assert "connector odd (crmhub-odd)" in said
    assert "cannot be imported" in said


@pytest.mark.slow
def test_the_command_ends_with_1_only_when_something_is_wrong(tmp_path: Path) -> None:
    with simulator("zoho", "--rows", "2") as zoho:
        path = write_config(tmp_path, zoho)
        path.chmod(0o644)
        done = subprocess.run([*CRMHUB, "doctor"], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "ok    connection zoho: sign in and read users" in done.stdout
        assert "warn  configuration: " in done.stdout  # warnings alone are no failure
        for secret in ("client_secret", "refresh_token"):
            assert zoho.credentials[secret] not in done.stdout + done.stderr
        path.write_text(path.read_text().replace("client_id", "client_ID"))
        done = subprocess.run(
            [*CRMHUB, "doctor", "--offline", "--json"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {"severity", "subject", "what", "mend"} == set(lines[0])
    assert any("did you mean 'client_id'" in line["what"] for line in lines if line["severity"] == "fail")
