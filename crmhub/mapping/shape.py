"""Between flat canonical values and model instances: ``phones[role=main].raw`` and ``Phone`` objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias, cast

from pydantic import BaseModel

from crmhub.mapping.codecs.base import CodecError
from crmhub.mapping.rules import Rule
from crmhub.models import Record

__all__ = ["USER", "Place", "flatten", "nest", "place_of"]

_ENVELOPE = frozenset(
    {"id", "connection", "object", "url", "version", "life", "vendor", "associations", "raw"}
)
"""Fields about the record, not of it: they need no place in the target."""


Place: TypeAlias = "tuple[str, str | None, tuple[str, str] | None, str | Callable[[object], str] | None]"
"""Where a path's value goes in nested data: field, leaf, element of a list, model of a reference (or how its
id tells that)."""

USER = ""
"""The model of a reference to a user, who is told by id alone."""


def place_of(rule: Rule) -> Place:
    """The place of a rule's value, worked out once."""
    path = rule.path
    return path.head, path.leaf, path.select, _model(rule)


def _model(rule: Rule) -> str | Callable[[object], str] | None:
    if not rule.ref:
        return None
    if rule.kind == "user":
        return USER
    if len(rule.ref) == 1:
        return rule.ref[0]
    # of several models, not every CRM says which one it is
    if rule.prefixes:
        return lambda id_: rule.model_of(id_) or Record.model
    models = [model for _, model in rule.objects]
    if not models:
        return Record.model
    # what is of a model with several objects (a contact or a lead) could not be written back by its model
    whole = {model for model in models if models.count(model) == 1}
    return lambda id_: model if (model := rule.model_of(id_)) in whole else Record.model


def nest(values: Mapping[str, object], places: Mapping[str, Place]) -> dict[str, object]:
    """Flat values as the nested data that the model validates."""
    nested: dict[str, object] = {}
    lists: dict[str, dict[tuple[str, str], dict[str, object]]] = {}
    for text, value in values.items():
        head, leaf, select, model = places[text]
        if leaf is None:
            if model is None or value is None:
                nested[head] = value
            else:
                told = model if isinstance(model, str) else model(value)
                nested[head] = {"id": value} if told == USER else {"model": told, "id": value}
        elif select is None:
            cast("dict[str, object]", nested.setdefault(head, {}))[leaf] = value
        else:
            element = lists.setdefault(head, {}).setdefault(select, {})
            if value is not None:
                element[leaf] = value
    for head, elements in lists.items():
        nested[head] = [{by: is_, **part} for (by, is_), part in elements.items() if part]
    return nested


def flatten(
    record: Record, rules: Iterable[Rule], constants: Mapping[str, object], object_: str
) -> dict[str, object]:
    """The canonical values that a model instance sets, without ``constants``.

    A list that is set is the whole list: elements that it lacks are cleared. Raises
    :class:`CodecError` that names the values for which ``object_`` has no rule, and the elements that it has.
    """
    values: dict[str, object] = {}
    placed: dict[str, list[Rule]] = {}
    for rule in rules:
        path = rule.path
        if path.head not in record.changes():
            continue
        placed.setdefault(path.head, []).append(rule)
        held = cast("object", getattr(record, path.head))
        if path.head == "custom":
            custom = cast("dict[str, object]", held)
            if path.leaf in custom:
                values[path.text] = custom[path.leaf]
        elif path.select:
            values[path.text] = _element(held, path.select, str(path.leaf))
        elif path.leaf:
            values[path.text] = None if held is None else cast("object", getattr(held, path.leaf))
        else:
            values[path.text] = _identity(held) if rule.ref else held
    names = sorted(_homeless(record, placed, constants))
    if names:
        raise CodecError(f"{', '.join(names)}: has no place in {object_}{_elements(names, placed)}")
    return values


def _elements(names: Iterable[str], placed: Mapping[str, Sequence[Rule]]) -> str:
    """The elements that there are of lists of which one has no place."""
    heads = dict.fromkeys(name.partition("[")[0] for name in names if "[" in name)
    there = dict.fromkeys(
        f"{head}[{'='.join(rule.path.select)}]"
        for head in heads
        for rule in placed[head]
        if rule.path.select is not None
    )
    return f"; there are {', '.join(there)}" if there else ""


def _homeless(
    record: Record, placed: Mapping[str, Sequence[Rule]], constants: Mapping[str, object]
) -> Iterator[str]:
    """Names of values that are set and that no rule takes."""
    for name in record.changes() - _ENVELOPE - set(constants):
        held = cast("object", getattr(record, name))
        rules = placed.get(name, ())
        if name == "custom":
            known = {rule.path.leaf for rule in rules}
            yield from (f"custom.{key}" for key in record.custom if key not in known)
        elif not rules:
            if held not in (None, [], {}) and held != record.__class__.model_fields[name].default:
                yield name
        elif rules[0].path.select:
            for element in cast("list[BaseModel] | None", held) or ():
                yield from _homeless_in_element(name, element, rules)
        elif rules[0].path.leaf and held is not None:
            known = {str(rule.path.leaf) for rule in rules}
            yield from (
                f"{name}.{leaf}" for leaf in _set_leaves(cast("BaseModel", held)) if leaf not in known
            )


def _homeless_in_element(head: str, element: BaseModel, rules: Sequence[Rule]) -> Iterator[str]:
    fitting = [rule.path for rule in rules if rule.path.select and _is_selected(element, rule.path.select)]
    if not fitting:
        by = rules[0].path.select[0] if rules[0].path.select else ""
        yield f"{head}[{by}={_word(cast('object', getattr(element, by)))}]"
        return
    selectors = {path.select for path in fitting if path.select}
    known = {str(path.leaf) for path in fitting} | {by for by, _is in selectors}
    for leaf in _set_leaves(element):
        if leaf not in known:
            yield f"{head}[{'='.join(next(iter(selectors)))}].{leaf}"


def _set_leaves(part: BaseModel) -> Iterator[str]:
    """The fields of a part that say something."""
    for name in part.model_fields_set:
        held = cast("object", getattr(part, name))
        if held is not None and held != part.__class__.model_fields[name].default:
            yield name


def _identity(held: object) -> object:
    return None if held is None else cast("object", getattr(held, "id", None))


def _element(held: object, select: tuple[str, str], leaf: str) -> object:
    for element in cast("list[object] | None", held) or ():
        if _is_selected(element, select):
            return cast("object", getattr(element, leaf))
    return None


def _is_selected(element: object, select: tuple[str, str]) -> bool:
    by, is_ = select
    return _word(cast("object", getattr(element, by))) == is_


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
