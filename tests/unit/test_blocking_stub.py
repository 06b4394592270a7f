"""What type checkers see of the blocking API is what it is."""

from __future__ import annotations

import ast
import inspect

import pytest

from crmhub import blocking
from crmhub.blocking.faces import FACED, face_of
from tools.blocking_stub import STUB, stub

CLASSES = {
    node.name: node for node in ast.parse(STUB.read_text("utf-8")).body if isinstance(node, ast.ClassDef)
}


def test_the_stub_is_what_the_asynchronous_sources_say() -> None:
    assert STUB.read_text("utf-8") == stub(), "it is old: make stubs"


def test_the_stub_has_every_class_and_no_word_of_async() -> None:
    assert set(CLASSES) == set(blocking.__all__) == {kind.__name__ for kind in FACED}
    text = "\n".join(ast.unparse(node) for node in CLASSES.values())
    assert [line for line in text.splitlines() if "await" in line or "async " in line] == []


@pytest.mark.parametrize("kind", FACED, ids=lambda kind: kind.__name__)
def test_the_stub_names_what_there_is_at_run_time(kind: type) -> None:
    face = face_of(kind)
    told = {node.name: node for node in CLASSES[kind.__name__].body if isinstance(node, ast.FunctionDef)}
    attributes = {name for name, node in told.items() if name not in dir(face) and is_property(node)}
    own = {name for name in dir(face) if not name.startswith("_")}
    inherited = {name for base in face.__bases__ for name in dir(base)}
    assert {name for name in told if not name.startswith("_")} - attributes == own - inherited
    for name, node in told.items():
        if name in own and not is_property(node):
            arguments = node.args
            named = [*arguments.args, arguments.vararg, *arguments.kwonlyargs, arguments.kwarg]
            given = [each.arg for each in named if each is not None and each.arg not in {"self", "cls"}]
            there = [each for each in inspect.signature(getattr(face, name)).parameters if each != "self"]
            assert given == there, name


def is_property(node: ast.FunctionDef) -> bool:
    return any(isinstance(each, ast.Name) and each.id == "property" for each in node.decorator_list)
