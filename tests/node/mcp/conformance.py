"""The MCP project's own conformance suite against ``crmhub mcp``: see README.md."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

HERE = Path(__file__).parent
PYTHON = os.environ.get("PYTHON", str(HERE.parents[2] / ".venv/bin/python"))
NODE = HERE / "node_modules/.bin/node"
SUITE = HERE / "node_modules/@modelcontextprotocol/conformance/dist/index.js"

# Those that mean something for a server of tools: the others ask for the suite's own tools and prompts.
SCENARIOS = {
    "2025-11-25": [
        "server-initialize", "ping", "tools-list", "dns-rebinding-protection", "server-session-lifecycle",
        "server-sse-multiple-streams",
    ],
    "2026-07-28": [
        "server-stateless", "tools-list", "caching", "http-header-validation", "dns-rebinding-protection",
        "server-sse-multiple-streams", "input-required-result-unsupported-methods",
    ],
}  # fmt: skip
FIXTURES = ("test_missing_capability", "test_streaming_elicitation", "test_logging_tool")
"""Tools of the suite's own: a check that calls one of them says nothing of a server without them."""

CONFIG = """
mappings: .
connections:
  office: {connector: csv, folder: .}
agents:
  suite: {policy: p}
policies:
  p:
    tools: ["pack:hub"]
    connections: [office]
    models: {contact: {fields: {allow: ["*"]}}}
    limits: {calls_per_minute: 10000}
"""
MAPPING = """
crm: csv
version: 1
maps: [{model: contact, object: people, fields: {full_name: name}}]
"""


class Proxy(BaseHTTPRequestHandler):
    """Adds the token, which the suite cannot send, and changes nothing else."""

    protocol_version = "HTTP/1.1"
    server_port: ClassVar[int]
    token: ClassVar[str]

    def forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        behind = http.client.HTTPConnection("127.0.0.1", self.server_port, timeout=60)
        behind.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in {"connection", "transfer-encoding"}:
                behind.putheader(name, value)
        behind.putheader("authorization", f"Bearer {self.token}")
        behind.endheaders(body)
        reply = behind.getresponse()
        self.send_response_only(reply.status, reply.reason)
        for name, value in reply.getheaders():
            if name.lower() not in {"connection", "transfer-encoding", "content-length"}:
                self.send_header(name, value)
        self.send_header("connection", "close")
        self.end_headers()
        while piece := reply.read1(65_536):
            self.wfile.write(piece)
            self.wfile.flush()
        self.close_connection = True

    do_GET = do_POST = do_DELETE = do_PUT = do_OPTIONS = forward  # noqa: N815 - the names of http.server

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def server() -> Generator[str]:
    """``crmhub mcp`` behind the proxy; the proxy's URL."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "crmhub.yaml").write_text(CONFIG)
        (Path(folder) / "csv.yaml").write_text(MAPPING)
        crmhub = [PYTHON, "-m", "crmhub"]
        create = [*crmhub, "agents", "token", "create", "suite", "--agent", "suite"]
        made = subprocess.run(create, cwd=folder, capture_output=True, text=True, check=True)
        with subprocess.Popen(
            [*crmhub, "mcp", "--port", "0"], cwd=folder, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr is not None
            url = process.stderr.readline().split()[0]
            Proxy.server_port = int(url.rpartition(":")[2].partition("/")[0])
            Proxy.token = made.stdout.split()[-1]
            with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as proxy:
                Thread(target=proxy.serve_forever, daemon=True).start()
                yield f"http://127.0.0.1:{proxy.server_port}/mcp"
                proxy.shutdown()
            process.terminate()


def failures(url: str, scenario: str, revision: str, results: Path) -> tuple[int, list[str]]:
    """How many checks of a scenario were made, and those that failed."""
    folder = results / f"{revision}-{scenario}"
    command = [str(NODE), str(SUITE), "server", "--url", url, "--scenario", scenario]
    ran = subprocess.run(
        [*command, "--spec-version", revision, "-o", str(folder)], capture_output=True, text=True, check=False
    )
    found = sorted(folder.rglob("checks.json"))
    if not found:
        return 0, [f"it did not run: {ran.stderr or ran.stdout}"]
    checks = [check for file in found for check in json.loads(file.read_text())]
    wrong = [check for check in checks if check["status"] in {"FAILURE", "ERROR"}]
    own = [check for check in wrong if not any(name in json.dumps(check) for name in FIXTURES)]
    return len(checks), [f"{check['id']}: {check.get('errorMessage', check['status'])}" for check in own]


def main() -> None:
    """Run all scenarios; exits 1 where a check failed."""
    if not SUITE.exists():
        sys.exit("the suite is not installed: npm install --no-package-lock")
    bad = 0
    with server() as url, tempfile.TemporaryDirectory() as results:
        for revision, scenarios in SCENARIOS.items():
            for scenario in scenarios:
                made, wrong = failures(url, scenario, revision, Path(results))
                bad += bool(wrong)
                print(f"{'FAIL' if wrong else 'pass'}  {revision}  {scenario}  ({made} checks)")
                for line in wrong:
                    print(f"      {line}")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
