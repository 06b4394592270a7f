"""From a file to a :class:`Crm`: every mistake is one line with its place and a suggestion."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import cast

from pydantic import ValidationError

from crmhub.complaints import complaints, tell
from crmhub.document import Document, text_of
from crmhub.errors import ConfigError
from crmhub.mistakes import Mistakes
from crmhub.native import Native
from crmhub.shapes import shaped
from crmhub_rest.language.crm import Crm
from crmhub_rest.language.listings import listed_alike
from crmhub_rest.language.scopes import aimless, misplaced
from crmhub_rest.language.sound import unsound

__all__ = ["load", "parse"]


def load(path: Path) -> Crm:
    """The CRM that a file describes. Raises :class:`ConfigError`, one line for each mistake."""
    return parse(text_of(path), str(path))


@lru_cache(maxsize=32)
def parse(text: str, name: str) -> Crm:
    """The same for a text; ``name`` stands for the file in messages."""
    document = Document.parse(text, name)
    if not isinstance(document.data, dict):
        raise ConfigError(f"{document.at()}: a table that describes a CRM is expected")
    mistakes = Mistakes(document)
    document = shaped(document, mistakes, but=("maps",))
    document = listed_alike(document)
    mistakes.document = document
    mistakes.fail()
    data = cast("Native", document.data)
    try:
        crm = Crm.model_validate(data)
    except ValidationError as error:
        tell(mistakes, complaints(error, data, Crm))
        mistakes.fail()
        raise ConfigError(f"{name}: it does not describe a CRM") from None
    tell(mistakes, [*misplaced(crm, data), *aimless(crm), *unsound(crm)])
    mistakes.fail()
    return crm
