"""Several processes on one store and one CRM: token renewal, limits, and keys that change meanwhile."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from typing import TypeVar
from urllib.parse import parse_qs

import anyio
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from crmhub.errors import StoreError
from crmhub.http import Token
from crmhub.store import Store
from tests.stores import behind_its_back

pytestmark = pytest.mark.slow

WORKER = Path(__file__).with_name("sharing_worker.py")
LATENCY = 0.02
NAMES = [f"org{n:02}" for n in range(12)]

_T = TypeVar("_T")


class Crm:
    """A CRM that gives each refresh token out once, and revokes everything when one comes twice."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.refreshes = 0
        self.broken = False
        self.good = ""
        self.arrivals: list[float] = []
        self.under_way = 0
        self.most = 0
        self.url = ""

    def token(self, form: str) -> tuple[int, str]:
        with self.lock:
            if self.broken or parse_qs(form)["refresh_token"] != [f"refresh-{self.refreshes}"]:
                self.broken = True
                return 400, '{"error": "invalid_grant"}'
            self.refreshes += 1
            self.good = f"access-{self.refreshes}"
            granted = f'"access_token": "{self.good}", "refresh_token": "refresh-{self.refreshes}"'
        Event().wait(LATENCY)
        return 200, f'{{{granted}, "expires_in": 3600}}'

    def answer(self, path: str, authorization: str) -> int:
        with self.lock:
            if self.broken or authorization != f"Bearer {self.good}":
                return 401
            if path == "/v1/rated":
                self.arrivals.append(time.monotonic())
            self.under_way += path == "/v1/heavy"
            self.most = max(self.most, self.under_way)
        if path == "/v1/heavy":
            Event().wait(LATENCY)
            with self.lock:
                self.under_way -= 1
        return 200


@pytest.fixture
def crm() -> Generator[Crm]:
    state = Crm()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.reply(state.answer(self.path, self.headers["authorization"]), "{}")

        def do_POST(self) -> None:
            form = self.rfile.read(int(self.headers["content-length"])).decode()
            self.reply(*state.token(form))

        def reply(self, status: int, body: str) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 100

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        state.url = f"http://127.0.0.1:{server.server_port}"
        yield state
        server.shutdown()
        thread.join()


Process = subprocess.Popen[str]


@contextmanager
def worker(*arguments: object, environment: dict[str, str] | None = None) -> Generator[Process]:
    with subprocess.Popen(
        [sys.executable, str(WORKER), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def say(process: Process, line: str = "go") -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def hear(process: Process) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def finish(process: Process) -> str:
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return said.strip()


def with_store(url: str, ask: Callable[[Store], Awaitable[_T]], key: str | None = None) -> _T:
    async def run() -> _T:
        async with await Store.open(url, key=SecretStr(key) if key else None) as store:
            return await ask(store)

    return anyio.run(run)


# ── who renews the token ─────────────────────────────────────────────────────────────────────────


def test_eight_processes_renew_a_rotating_token_once_each_time_it_ends(store_url: str, crm: Crm) -> None:
    with ExitStack() as stack:
        processes = [stack.enter_context(worker("call", store_url, crm.url)) for _ in range(8)]
        assert [hear(process) for process in processes] == ["ready"] * 8
        for turn in range(1, 21):
            for process in processes:
                say(process)
            assert [hear(process) for process in processes] == ["200"] * 8, f"round {turn}"
            assert crm.refreshes == turn
            crm.good = "revoked"
        for process in processes:
            say(process, "")
        assert [finish(process) for process in processes] == [""] * 8
    assert not crm.broken


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells whether a process lives")
def test_what_a_killed_process_held_is_taken_over_at_once(store_url: str, crm: Crm) -> None:
    with worker("hold", store_url, crm.url) as holder:
        assert [hear(holder) for _ in range(4)] == ["False", "False", "False", "True"]
        with worker("hold", store_url, crm.url) as other:
            assert [hear(other) for _ in range(4)] == ["True", "True", "True", "False"]
        holder.kill()
        os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)
        with worker("hold", store_url, crm.url) as heir:
            assert [hear(heir) for _ in range(4)] == ["False", "False", "False", "True"]


# ── how fast, and how many at once ───────────────────────────────────────────────────────────────


def hammer(url: str, crm: Crm, calls: int, endpoint: str) -> float:
    """Have four processes make ``calls`` each; when they were let go, by the CRM's clock."""
    with ExitStack() as stack:
        arguments = ("book", url, crm.url, calls, endpoint)
        processes = [stack.enter_context(worker(*arguments)) for _ in range(4)]
        assert [hear(process) for process in processes] == ["ready"] * 4
        let_go = time.monotonic()
        for process in processes:
            say(process)
        for process in processes:
            finish(process)
    return let_go


def test_four_processes_together_keep_to_the_rate(store_url: str, crm: Crm) -> None:
    let_go = hammer(store_url, crm, 40, "rated")

    at = sorted(arrived - let_go for arrived in crm.arrivals)
    assert len(at) == 160
    # A slow machine brings calls late and in heaps, never early: the n-th may not be there before its turn.
    early = [number for number, arrived in enumerate(at, start=1) if arrived < (number - 10 - 1) / 50 - 0.1]
    assert not early
    assert at[-1] < 5 * 160 / 50, "the limit is used, too"


def test_four_processes_together_keep_to_the_number_of_calls_at_once(store_url: str, crm: Crm) -> None:
    hammer(store_url, crm, 10, "heavy")

    assert crm.most <= 3
    with behind_its_back(store_url) as connection:
        assert connection.execute(text("SELECT count(*) FROM quota_slot")).scalar() == 0


# ── keys that change meanwhile ───────────────────────────────────────────────────────────────────


def a_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


async def save_all(store: Store) -> None:
    for name in NAMES:
        await store.tokens.save(name, Token(SecretStr(f"token of {name}")))


async def load_all(store: Store) -> None:
    for name in NAMES:
        assert await store.tokens.load(name) == Token(SecretStr(f"token of {name}"))


def kids(url: str) -> tuple[int, int]:
    """How many data keys there are, and how many the tokens are sealed with."""
    with behind_its_back(url) as connection:
        keys = connection.execute(text("SELECT count(*) FROM data_key")).scalar_one()
        values = connection.execute(text("SELECT value FROM token")).scalars().all()
    return int(keys), len({value.split(".")[1] for value in values})


# The first statement adds the data key, the next ones seal a value each, the last two remove what is
# over. Commits are counted with those of looking for what is to be sealed anew, in four columns: number
# ``last`` is that of removing what is over, and the one after it has put the key file in order.
@pytest.mark.parametrize("given", [False, True], ids=["own key", "new key"])
def test_a_rotation_killed_at_any_point_leaves_all_readable_and_is_finished_by_the_next(
    store_url: str, given: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = os.environ.get("CRMHUB_KEY"), a_key()
    if given and old is None:
        old = a_key()
        monkeypatch.setenv("CRMHUB_KEY", old)
    with_store(store_url, save_all)

    last = len(NAMES) + 7
    for at in ("s1", "c1", "c2", "s2", "s6", "c7", f"s{len(NAMES) + 2}", f"c{last}", f"c{last + 1}"):
        with worker("rotate", store_url, at, new if given else "") as process:
            assert process.wait(60) == -signal.SIGKILL, at
        if given and at == f"c{last + 1}":
            monkeypatch.setenv("CRMHUB_KEY", new)
        with_store(store_url, load_all)

    with worker("rotate", store_url, "never", new if given else "") as process:
        said = finish(process)
    in_file = store_url.startswith("sqlite") and not given
    assert said == f"{len(NAMES)} () {given or in_file}"
    assert kids(store_url) == (1, 1)
    with_store(store_url, load_all)
    if in_file:
        key_file = Path(store_url.removeprefix("sqlite:///") + ".key")
        assert len(key_file.read_text().split()) == 1
        assert key_file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("given", [False, True], ids=["own key", "new key"])
def test_processes_that_have_the_store_open_go_on_while_and_after_its_keys_change(
    store_url: str, given: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if given and store_url.startswith("sqlite"):
        monkeypatch.setenv("CRMHUB_KEY", a_key())
    with_store(store_url, save_all)
    with ExitStack() as stack:
        names = ["left", "right"]
        processes = [stack.enter_context(worker("work", store_url, name)) for name in names]
        assert [hear(process) for process in processes] == ["ready", "ready"]
        new = a_key() if given else None

        with_store(store_url, lambda store: store.rotate_key(SecretStr(new) if new else None))

        for process in processes:
            say(process)
        assert [finish(process) for process in processes] == ["worked", "worked"]

    assert kids(store_url) == (1, 1)
    with_store(store_url, load_all, key=new)


def test_of_two_rotations_at_once_the_later_one_goes_on(store_url: str) -> None:
    with_store(store_url, save_all)
    said: list[str] = []

    async def rotate() -> None:
        async with await Store.open(store_url) as store:
            try:
                said.append(str((await store.rotate_key()).unreadable))
            except StoreError as error:
                said.append(str(error))

    async def both() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(rotate)
            tasks.start_soon(rotate)

    anyio.run(both)

    assert "()" in said
    assert all(line == "()" or "another rotation" in line for line in said)
    assert kids(store_url) == (1, 1)
    with_store(store_url, load_all)
