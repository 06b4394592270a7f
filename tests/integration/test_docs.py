"""Every fenced block of the README and the documentation runs, page by page, as a reader would run it.

- ``python`` blocks of a page share one module; a ``text title="Output"`` block holds what the one
  before it prints.
- A block with another title is a file of the page's folder. ``yaml`` is loaded as what it is: a
  configuration, policies, a mapping, or a list of maps (all but ``mistakes.yaml``).
- ``console``: lines that begin with ``$`` run on a pseudo-terminal; the lines below hold what they
  print, in order, not necessarily all of it. ``…`` stands for anything. ``echo $?`` shows an exit code
  other than 0. ``crmhub simulate`` and ``uvicorn`` run until the end of the page; the port that the page
  names is replaced by a free one. ``make`` and ``pip`` are compared with what the project has.
"""

from __future__ import annotations

import io
import os
import pty
import re
import select
import subprocess
import sys
import tomllib
import types
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from crmhub.agent.policy.load import Known, load_agents
from crmhub.config import load_config
from crmhub.document import Document
from crmhub.mapping.load import load_mapping
from crmhub.models import Record
from crmhub.models.registry import with_models
from crmhub.plugins import Plugins

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LANGUAGES = {"python", "yaml", "console", "toml", "csv", "json", "text"}
BIN = Path(sys.executable).parent
_FENCE = re.compile(r'^(?P<ticks>```+)(?P<language>\w*)(?: title="(?P<title>[^"]+)")?[ ]*$')
_PORT = re.compile(r"--port (\d+)")
_ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_SLOWEST = 60
_SERVERS = ("crmhub simulate ", "uvicorn ")
_READY = ("stop with", "{", "INFO:     Uvicorn running")


@dataclass(frozen=True)
class Block:
    """A fenced block, and the line at which its content begins."""

    language: str
    title: str | None
    text: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    lines = iter(enumerate(page.read_text("utf-8").splitlines(), 1))
    for number, line in lines:
        if not line.lstrip().startswith("```"):
            continue
        found = _FENCE.match(line)
        assert found, f"{page}:{number}: a fence that nothing would run: {line}"
        inside: list[str] = []
        for _, content in lines:
            if content == found["ticks"]:
                break
            inside.append(content)
        yield Block(found["language"], found["title"], "\n".join(inside) + "\n", number + 1)


@dataclass
class Reader:
    """Somebody who works through a page: a folder, a shell, a Python session."""

    page: Path
    folder: Path
    stack: ExitStack
    module: types.ModuleType
    environment: dict[str, str]
    ports: dict[str, str] = field(default_factory=dict[str, str])
    replaced: dict[str, str] = field(default_factory=dict[str, str])
    printed: str = ""

    def follow(self, block: Block) -> None:
        text = self.here(block.text)
        if block.title == "Output":
            self.compare(block.text, self.printed, block)
        elif block.title is not None:
            path = self.folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        match block.language:
            case "python" if block.title is None:
                self.run_python(text, block)
            case "yaml" if block.title != "mistakes.yaml":
                self.load_yaml(text, block)
            case "console":
                self.run_console(block)
            case "toml":
                tomllib.loads(text)
            case _:
                pass

    def here(self, text: str) -> str:
        """The page's text with what is different here: ports, and what the test replaces."""
        for there, here in self.replaced.items():
            text = text.replace(there, here)
        for there, here in self.ports.items():
            text = re.sub(rf"(?<!\d){there}(?!\d)", here, text)
        return text

    def there(self, text: str) -> str:
        for there, here in self.ports.items():
            text = text.replace(here, there)
        return text

    def compare(self, expected: str, actual: str, block: Block) -> None:
        """Each expected line is there, in order; ``…`` is anything."""
        left = iter(line.rstrip() for line in actual.splitlines())
        for line in expected.splitlines():
            if not line.strip() or line.strip() == "…":
                continue
            pattern = re.compile(r"\s*" + r"\s+".join(map(_loose, line.split())) + r"\s*")
            assert any(pattern.fullmatch(candidate) for candidate in left), (
                f"{self.page.name}:{block.line}: not printed: {line}\nprinted:\n{actual}"
            )

    # ── python ───────────────────────────────────────────────────────────────────────────────

    def run_python(self, text: str, block: Block) -> None:
        padded = "\n" * (block.line - 1) + text
        with redirect_stdout(io.StringIO()) as printed:
            exec(compile(padded, str(self.page), "exec", dont_inherit=True), self.module.__dict__)
        self.printed = self.there(printed.getvalue())

    # ── yaml ─────────────────────────────────────────────────────────────────────────────────

    def load_yaml(self, text: str, block: Block) -> None:
        data = Document.parse(text, f"{self.page.name}:{block.line}").data
        path = self.folder / (block.title or "unnamed.yaml")
        if isinstance(data, list) and all(isinstance(entry, dict) and "model" in entry for entry in data):
            maps = "".join(f"  {line}\n" for line in text.splitlines())
            path.write_text(f"crm: example\nversion: 1\nmaps:\n{maps}", "utf-8")
            load_mapping(path)
        elif isinstance(data, dict) and "maps" in data:
            path.write_text(text, "utf-8")
            load_mapping(path, models=with_models(self.own_models()))
        elif isinstance(data, dict) and "policies" in data and "connections" not in data:
            path.write_text(text, "utf-8")
            plugins = cast("list[type[Record]]", [*Plugins().models()])
            load_agents(path, Known(with_models([*plugins, *self.own_models()])))
        elif isinstance(data, dict) and "connections" in data:
            path.write_text(text, "utf-8")
            load_config(path)

    def own_models(self) -> list[type[Record]]:
        """The models that the page's Python has made so far."""
        made = [held for held in vars(self.module).values() if isinstance(held, type)]
        return [kind for kind in made if issubclass(kind, Record) and kind.__module__ == self.module.__name__]

    # ── console ──────────────────────────────────────────────────────────────────────────────

    def run_console(self, block: Block) -> None:
        commands = list(_commands(block.text))
        assert commands, f"{self.page.name}:{block.line}: no line begins with $"
        for index, (command, output) in enumerate(commands):
            if command == "echo $?":
                continue
            following = commands[index + 1] if index + 1 < len(commands) else ("", "")
            code = int(following[1]) if following[0] == "echo $?" else 0
            self.run_command(self.here(command), output, code, block)

    def run_command(self, command: str, output: str, code: int, block: Block) -> None:
        program, _, rest = command.partition(" ")
        if program == "make":
            assert re.search(rf"^{rest}:", (ROOT / "Makefile").read_text(), re.MULTILINE), command
        elif program == "pip":
            self.install(rest.removeprefix("install "))
        elif program == "git":
            assert rest.startswith("clone "), f"{command}: how shall this be checked?"
        elif program == "export":
            name, _, value = rest.partition("=")
            self.environment[name] = os.environ[name] = value.strip("'\"")
        elif command.startswith(_SERVERS):
            self.compare(output, self.start_simulator(command), block)
        elif command.startswith("crmhub demo"):
            self.run_on_terminal("crmhub demo --help")
        else:
            printed, ended = self.run_on_terminal(command)
            assert ended == code, f"{self.page.name}:{block.line}: {command}: exit code {ended}\n{printed}"
            self.compare(output, self.there(printed), block)

    def install(self, what: str) -> None:
        if what in {"--editable .", "-e ."}:
            _install_editable(self.folder)
            return
        found = re.fullmatch(r"'?crmhub(?:-(?P<member>\w+))?(?:\[(?P<extras>[\w,]+)\])?'?", what)
        assert found, f"pip {what}: how shall this be checked?"
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        missing = set((found["extras"] or "").split(",")) - {"", *project["optional-dependencies"]}
        assert not missing, f"pip {what}: no such extra: {missing}"
        assert found["member"] is None or (ROOT / "connectors" / found["member"]).is_dir(), what

    def start_simulator(self, command: str) -> str:
        port = _PORT.search(command)
        command = _PORT.sub("--port 0", command)
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"], cwd=self.folder, env=self.environment,
            stdout=subprocess.PIPE, text=True,
            stderr=subprocess.STDOUT if command.startswith("uvicorn") else subprocess.PIPE,
        )  # fmt: skip
        self.stack.callback(_stop, process)
        assert process.stdout is not None
        said: list[str] = []
        for line in process.stdout:
            said.append(line)
            if line.startswith(_READY):
                break
        else:
            why = "".join(said) if process.stderr is None else process.stderr.read()
            pytest.fail(f"{command} ended: {why}")
        listens = re.search(r"127\.0\.0\.1:(\d+)", "".join(said))
        assert listens
        if port:
            self.ports[port[1]] = listens[1]
        return self.there("".join(said))

    def run_on_terminal(self, command: str) -> tuple[str, int]:
        """What it prints on a terminal without colours, and its exit code."""
        ours, its = pty.openpty()
        process = subprocess.Popen(
            ["bash", "-c", command], cwd=self.folder, env=self.environment,
            stdin=subprocess.DEVNULL, stdout=its, stderr=its, close_fds=True,
        )  # fmt: skip
        os.close(its)
        said = b""
        try:
            while select.select([ours], [], [], _SLOWEST)[0]:
                try:
                    part = os.read(ours, 65536)
                except OSError:  # what Linux says when the other side is closed
                    break
                if not part:
                    break
                said += part
            else:
                process.kill()
                pytest.fail(f"{command}: silent for {_SLOWEST} s, having said\n{said.decode()}")
        finally:
            os.close(ours)
        return _ESCAPE.sub("", said.decode()).replace("\r\n", "\n"), process.wait()


def _loose(word: str) -> str:
    return ".*".join(re.escape(part) for part in word.split("…"))


def _commands(text: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block with the output that stands below it."""
    joined = text.replace("\\\n", " ")
    for part in re.split(r"^\$ ", joined, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield re.sub(r" {2,}", " ", command.strip()), output.strip()


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise


def _install_editable(folder: Path) -> None:
    """What an editable install comes to: the folder on the path, its metadata beside it."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    info = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    points = "".join(
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
        for group, entries in project["entry-points"].items()
    )
    (info / "entry_points.txt").write_text(points)


@contextmanager
def reading(page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Reader]:
    module = types.ModuleType(f"page_{page.stem}")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")
    environment = dict(os.environ) | {
        "PYTHONPATH": str(folder),
        "TERM": "xterm",
        "NO_COLOR": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # a reader's own tests need none, and start sooner
    }
    before, exported = set(sys.modules), dict(os.environ)
    try:
        with ExitStack() as stack:
            yield Reader(page, folder, stack, module, environment)
    finally:
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
                del sys.modules[name]
        os.environ.clear()
        os.environ.update(exported)


def two_crms(reader: Reader) -> None:
    """Stands in for the two real CRMs that the README's configuration names."""
    from crmhub.testing.simulator.finding import make_double
    from crmhub.testing.simulator.options import Options
    from crmhub.testing.simulator.serve import running

    for name, prefix, place in (
        ("zoho", "ZOHO", "region: us"),
        ("salesforce", "SF", "instance_url: https://example.my.salesforce.com"),
    ):
        served = reader.stack.enter_context(
            running(make_double(name, Options(rows=12 if prefix == "ZOHO" else 0)))
        )
        key = "api_url" if name == "zoho" else "instance_url"
        reader.replaced[place] = f"{key}: {served.url}"
        for secret in ("client_id", "client_secret", "refresh_token"):
            os.environ[f"{prefix}_{secret.upper()}"] = served.credentials[secret]
            reader.environment[f"{prefix}_{secret.upper()}"] = served.credentials[secret]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_can_be_followed_from_top_to_bottom(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with reading(page, tmp_path, monkeypatch) as reader:
        if page.name == "README.md":
            two_crms(reader)
        for block in blocks(page):
            assert block.language in LANGUAGES, f"{page}:{block.line}: nothing runs {block.language!r}"
            reader.follow(block)
