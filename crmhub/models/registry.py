"""Models by name: the built-in ones, and those that users and plugins add."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import cast

from crmhub.errors import ConfigError
from crmhub.models.activity import Call, EmailMessage, Meeting, Note, OtherActivity, Task
from crmhub.models.base import Record
from crmhub.models.billing import Customer, Invoice
from crmhub.models.projects import Milestone, Project, ProjectTask
from crmhub.models.records import Account, Contact, Deal, Pipeline, Stage, User

__all__ = ["BUILT_IN", "import_model", "with_models"]

BUILT_IN: Mapping[str, Sequence[type[Record]]] = {
    "account": (Account,),
    "contact": (Contact,),
    "deal": (Deal,),
    "activity": (Task, Meeting, Call, Note, EmailMessage, OtherActivity),
    "user": (User,),
    "pipeline": (Pipeline,),
    "stage": (Stage,),
    "customer": (Customer,),
    "invoice": (Invoice,),
    "project": (Project,),
    "milestone": (Milestone,),
    "project_task": (ProjectTask,),
}
"""The models that crmhub brings, by the name that mappings use."""


def import_model(name: str) -> type[Record]:
    """The model class that ``package.module:Class`` names. Raises :class:`ConfigError`."""
    module, _, attribute = name.partition(":")
    try:
        found = cast("object", getattr(import_module(module), attribute))
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"models: {name!r} cannot be imported: {error}", hint="write package.module:Class"
        ) from None
    if not (isinstance(found, type) and issubclass(found, Record)):
        raise ConfigError(f"models: {name!r} is not a model", hint="subclass crmhub.models.Record")
    return found


def with_models(added: Iterable[type[Record]]) -> Mapping[str, Sequence[type[Record]]]:
    """The built-in models and ``added`` ones.

    A subclass that keeps its parent's ``model`` name takes the parent's place; one with a name of
    its own stands beside it. Raises :class:`ConfigError` for two unrelated models of one name, and for
    one without a name.
    """
    models = {name: list(classes) for name, classes in BUILT_IN.items()}
    for record in added:
        if record.model == Record.model:
            raise ConfigError(
                f"{record.__name__} has no model name of its own",
                hint=f'give it the name that mappings use: model = "{record.__name__.lower()}"',
            )
        present = models.setdefault(record.model, [])
        replaced = [old for old in present if issubclass(record, old)]
        if present and not replaced:
            raise ConfigError(
                f"{record.__name__}.model is {record.model!r}, which {present[0].__name__} has already",
                hint=f"subclass {present[0].__name__}, or give it a model name of its own",
            )
        models[record.model] = [record, *(old for old in present if old not in replaced)]
    return models
