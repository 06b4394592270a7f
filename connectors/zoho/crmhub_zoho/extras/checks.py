"""Arguments of the calls that only Zoho has, checked before anything is sent."""

from __future__ import annotations

from crmhub.errors import NotFound, Where
from crmhub_zoho.coql import identifier
from crmhub_zoho.records import is_record_id

__all__ = ["module_name", "record_id"]


def record_id(given: str, module: str) -> str:
    """``given`` if it can be the id of a record of Zoho's; raises ``NotFound``."""
    if not is_record_id(given):
        raise NotFound(
            f"{module} has no such record", hint="an id of Zoho's is a number", where=Where(object=module)
        )
    return given


def module_name(given: str) -> str:
    """``given`` if it can be the API name of a module; raises ``BadRequest``."""
    return identifier(given, "module")
