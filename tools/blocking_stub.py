"""Writes ``crmhub/blocking/__init__.pyi``: what type checkers and editors see of the blocking API.

The signatures and docstrings are those of the asynchronous sources, read with :mod:`ast`:
``async def`` becomes ``def``, ``AsyncGenerator[X]`` becomes ``Generator[X]``. Run it by ``make stubs``.
"""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from crmhub import blocking
from crmhub.blocking.faces import ASYNC_ONLY, FACED, RENAMED, members, without_async
from crmhub.hub import Hub

__all__ = ["STUB", "stub"]

STUB = Path(__file__).parents[1] / "crmhub" / "blocking" / "__init__.pyi"
_FACED_NAMES = {kind.__name__ for kind in FACED}
_WITHOUT_ASYNC = {
    "AsyncGenerator": "Generator",
    "AsyncIterator": "Iterator",
    "AsyncIterable": "Iterable",
}
_HEAD = '''"""{doc}

Made by ``make stubs`` from the asynchronous sources; not to be edited.
"""
'''


@dataclass
class _Source:
    """A module's text as a tree, and where the names in it come from."""

    module: ModuleType
    tree: ast.Module = field(init=False)
    imports: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    modules: set[str] = field(default_factory=set[str])
    variables: dict[str, ast.Assign] = field(default_factory=dict[str, ast.Assign])

    def __post_init__(self) -> None:
        self.tree = ast.parse(inspect.getsource(self.module))
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                for name in node.names:
                    self.imports[name.asname or name.name] = (node.module, name.name)
            elif isinstance(node, ast.Import):
                self.modules |= {name.name for name in node.names}
        for node in self.tree.body:
            if isinstance(node, ast.ClassDef):
                self.imports[node.name] = (self.module.__name__, node.name)
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                self.variables[node.targets[0].id] = node

    def of_class(self, name: str) -> ast.ClassDef:
        return next(node for node in self.tree.body if isinstance(node, ast.ClassDef) and node.name == name)


class _Stub:
    """The stub under way: class texts, and the imports and type variables that they need."""

    def __init__(self) -> None:
        self.sources: dict[str, _Source] = {}
        self.imports: dict[str, set[str]] = {}
        self.modules: set[str] = set()
        self.variables: dict[str, str] = {}

    def text(self) -> str:
        classes = [self.a_class(kind) for kind in FACED]
        self.need("typing", "TypeVar")
        names = ", ".join(f'"{name}"' for name in sorted(blocking.__all__))
        lines = [
            _HEAD.format(doc=(blocking.__doc__ or "").split("\n", 1)[0]),
            *(f"import {name}" for name in sorted(self.modules)),
            *(
                f"from {home} import {', '.join(sorted(names))}"
                for home, names in sorted(self.imports.items())
            ),
            f"__all__ = [{names}]",
            *(text for _, text in sorted(self.variables.items())),
            *classes,
        ]
        return "\n".join(lines) + "\n"

    def source(self, kind: type) -> _Source:
        if kind.__module__ not in self.sources:
            self.sources[kind.__module__] = _Source(importlib.import_module(kind.__module__))
        return self.sources[kind.__module__]

    def a_class(self, kind: type) -> str:
        source = self.source(kind)
        found = source.of_class(kind.__name__)
        bases = [
            base for base in found.bases if ast.unparse(base).partition("[")[0] in {*_FACED_NAMES, "Generic"}
        ]
        made = ast.ClassDef(found.name, [self.annotation(source, base) for base in bases], [], [], [])
        made.body = [*self.docstring(found), *self.attributes(kind), *self.methods(kind)]
        return ast.unparse(ast.fix_missing_locations(made))

    # ── members ──────────────────────────────────────────────────────────────────────────────────

    def methods(self, kind: type) -> Iterator[ast.stmt]:
        made = ["__init__"] if kind is Hub else []  # all others come from a hub
        wanted = [*made, *(name for name, _ in members(kind))]
        for name in wanted:
            home = next(base for base in kind.__mro__ if name in vars(base))
            source = self.source(home)
            for node in source.of_class(home.__name__).body:
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
                    yield self.method(source, node)

    def method(self, source: _Source, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.FunctionDef:
        arguments = copy.deepcopy(node.args)
        for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *_rest(arguments)]:
            if argument.annotation is not None:
                argument.annotation = self.annotation(source, argument.annotation)
        arguments.defaults = [_default(value) for value in arguments.defaults]
        arguments.kw_defaults = [
            None if value is None else _default(value) for value in arguments.kw_defaults
        ]
        made = ast.FunctionDef(RENAMED.get(node.name, node.name), arguments, [], list(node.decorator_list))
        made.returns = None if node.returns is None else self.annotation(source, node.returns)
        made.body = [*self.docstring(node)] or [ast.Expr(ast.Constant(...))]
        return made

    def attributes(self, kind: type) -> Iterator[ast.stmt]:
        """The public attributes that the constructor sets, as read-only ones."""
        for base in kind.__mro__:
            if base is not kind and base in FACED:
                return
            init = vars(base).get("__init__")
            if init is None or base.__module__ == "typing" or base is object:
                continue
            source = self.source(base)
            for node in source.of_class(base.__name__).body:
                if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                    yield from self.assigned(source, node)

    def assigned(self, source: _Source, init: ast.FunctionDef) -> Iterator[ast.stmt]:
        given = {each.arg: each.annotation for each in [*init.args.args, *init.args.kwonlyargs]}
        for node, following in zip(init.body, [*init.body[1:], None], strict=True):
            if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Attribute):
                continue
            name = node.targets[0].attr
            if name.startswith("_") or name in ASYNC_ONLY:
                continue
            kind = self.annotation(source, _type_of(node.value, given))
            made = ast.FunctionDef(name, _only_self(), [], [ast.Name("property")], kind)
            told = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
            made.body = [following if told and following else ast.Expr(ast.Constant(...))]
            yield made

    def docstring(self, node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.stmt]:
        if ast.get_docstring(node) is not None and isinstance(node.body[0], ast.Expr):
            yield ast.Expr(ast.Constant(without_async(str(ast.literal_eval(node.body[0].value)))))

    # ── names ────────────────────────────────────────────────────────────────────────────────────

    def annotation(self, source: _Source, node: ast.expr) -> ast.expr:
        """The annotation without ``async``, all its names provided for."""
        made = copy.deepcopy(node)
        for part in ast.walk(made):
            if isinstance(part, ast.Name):
                home, name = source.imports.get(part.id, ("", part.id))
                part.id = _WITHOUT_ASYNC.get(part.id, part.id)
                if part.id in source.variables:
                    self.variables[part.id] = ast.unparse(source.variables[part.id])
                    self.needs_of(source, source.variables[part.id].value)
                elif home and part.id not in _FACED_NAMES:
                    self.need(home, part.id if name in _WITHOUT_ASYNC else name)
        self.modules |= {part.id for part in ast.walk(made) if isinstance(part, ast.Name)} & source.modules
        return made

    def needs_of(self, source: _Source, node: ast.expr) -> None:
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and part.id in source.imports:
                self.need(*source.imports[part.id])

    def need(self, home: str, name: str) -> None:
        self.imports.setdefault(home, set()).add(name)


def _rest(arguments: ast.arguments) -> list[ast.arg]:
    return [each for each in (arguments.vararg, arguments.kwarg) if each is not None]


def _default(value: ast.expr) -> ast.expr:
    return value if isinstance(value, ast.Constant) else ast.Constant(...)


def _only_self() -> ast.arguments:
    return ast.arguments(posonlyargs=[], args=[ast.arg("self")], kwonlyargs=[], kw_defaults=[], defaults=[])


def _type_of(value: ast.expr, given: dict[str, ast.expr | None]) -> ast.expr:
    """The type of what a constructor assigns: an argument, ``argument or Class(…)``, or ``Class(…)``."""
    if isinstance(value, ast.BoolOp):
        value = value.values[-1]
    if isinstance(value, ast.Call):
        return value.func
    annotation = given.get(value.id) if isinstance(value, ast.Name) else None
    if annotation is None:
        raise ValueError(f"what is the type of {ast.unparse(value)}? annotate it, or make it private")
    return annotation


def stub() -> str:
    """The text of the stub, in the project's form."""
    ruff = str(Path(sys.executable).with_name("ruff"))
    text = _Stub().text()
    for step in (["check", "--select", "I", "--fix-only", "--quiet"], ["format", "--quiet"]):
        command = [ruff, *step, "--stdin-filename", str(STUB), "-"]
        text = subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout  # noqa: S603
    return text


if __name__ == "__main__":
    STUB.write_text(stub(), "utf-8")
