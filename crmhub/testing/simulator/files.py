"""Reading the YAML, JSON and CSV files that a simulator is given, with errors that name file, line and
key.
"""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeGuard, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from crmhub.testing.simulator.errors import SimulatorError


class Place:
    """A spot in a file, for error messages: `file:line: at key`."""

    def __init__(self, path: Path, keys: tuple[str, ...] = (), line: int | None = None) -> None:
        self._path = path
        self._keys = keys
        self._line = line

    def child(self, key: str | int, holder: object) -> "Place":
        """The spot under `key` of `holder` (a node read from this file)."""
        marks = getattr(holder, "lc", None)
        line = self._line
        if marks is not None:
            position = cast("Mapping[object, Sequence[int]] | None", marks.data)
            if position and key in position:
                line = position[key][0] + 1
        name = f"[{key}]" if isinstance(key, int) else key
        return Place(self._path, (*self._keys, name), line)

    def error(self, message: str) -> SimulatorError:
        """An error that names this spot."""
        where = str(self._path) if self._line is None else f"{self._path}:{self._line}"
        key = ".".join(self._keys).replace(".[", "[")
        return SimulatorError(f"{where}: {key}: {message}" if key else f"{where}: {message}")


def read_file(path: Path) -> object:
    """The content of a YAML (.yaml, .yml), JSON (.json) or CSV (.csv: a list of mappings) file.

    Raises SimulatorError if the file is missing, unreadable, not text or malformed.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise SimulatorError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise SimulatorError(f"{path}: cannot be read as UTF-8 text: {problem}") from problem
    suffix = path.suffix.lower()
    if suffix == ".json":
        return _json(path, text)
    if suffix == ".csv":
        return _csv(path, text)
    if suffix in {".yaml", ".yml"}:
        return _yaml(path, text)
    raise SimulatorError(f"{path}: the name must end in .yaml, .yml, .json or .csv")


def _json(path: Path, text: str) -> object:
    try:
        return cast("object", json.loads(text))
    except json.JSONDecodeError as problem:
        raise SimulatorError(f"{path}:{problem.lineno}: not JSON: {problem.msg}") from problem
    except RecursionError:
        raise SimulatorError(f"{path}: nested too deeply") from None


def _csv(path: Path, text: str) -> object:
    try:
        return list(csv.DictReader(text.splitlines(keepends=True), strict=True))
    except csv.Error as problem:
        raise SimulatorError(f"{path}: not CSV: {problem}") from problem


def _yaml(path: Path, text: str) -> object:
    try:
        return cast("object", YAML(typ="rt", pure=True).load(text))  # pyright: ignore[reportUnknownMemberType]
    except MarkedYAMLError as problem:
        mark = cast("object", problem.problem_mark)  # pyright: ignore[reportUnknownMemberType]
        line = int(getattr(mark, "line", 0)) + 1
        what = cast("object", problem.problem)  # pyright: ignore[reportUnknownMemberType]
        raise SimulatorError(f"{path}:{line}: not YAML: {what}") from problem
    except (YAMLError, ValueError) as problem:
        raise SimulatorError(f"{path}: not YAML: {problem}") from problem
    except RecursionError:
        raise SimulatorError(f"{path}: nested too deeply") from None


def is_mapping(value: object) -> TypeGuard[Mapping[object, object]]:
    """Whether `value` is a mapping."""
    return isinstance(value, Mapping)


def as_mapping(value: object, place: Place) -> Mapping[str, object]:
    """`value` as a mapping with text keys, or an error at `place`."""
    if not is_mapping(value):
        raise place.error(f"expected a mapping, found {_kind(value)}")
    for key in value:
        if not isinstance(key, str):
            raise place.error(f"the key {key!r} is not text: put it in quotes")
    return cast("Mapping[str, object]", value)


def as_list(value: object, place: Place) -> Sequence[object]:
    """`value` as a list, or an error at `place`."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise place.error(f"expected a list, found {_kind(value)}")
    return cast("Sequence[object]", value)


def as_text(value: object, place: Place) -> str:
    """`value` as text (numbers are written out), or an error at `place`."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise place.error(f"expected text, found {_kind(value)}")


def as_flag(value: object, place: Place) -> bool:
    """`value` as a boolean (`true`, `yes`, `1` and their opposites also as text), or an error at `place`."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in {"true", "yes", "1"}:
        return True
    if word in {"false", "no", "0", ""}:
        return False
    raise place.error(f"expected true or false, found {value!r}")


def _kind(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return repr(value)
