"""Which modules the credentials can see."""

from __future__ import annotations

from crmhub.errors import NotFound, PermissionDenied
from crmhub_zoho.modules import MAIN
from crmhub_zoho.schema import Schemas
from crmhub_zoho.tiers.rest import Rest
from crmhub_zoho.together import together

__all__ = ["visible_modules"]


async def visible_modules(rest: Rest, schemas: Schemas, at_once: int) -> tuple[str, ...]:
    """The main modules that can be described, and all others that the API has."""

    async def can_see(module: str) -> bool:
        try:
            await schemas.of(module)
        except (PermissionDenied, NotFound):
            return False
        return True

    try:
        found = await rest.modules()
    except PermissionDenied:
        found = []  # the settings scope is absent: check() tells; the main modules are tried below
    names = dict.fromkeys(list[str](MAIN))
    for module in found:
        name = module.get("api_name")
        if isinstance(name, str) and name and module.get("api_supported") is True:
            names[name] = None
    seen = await together(can_see, MAIN, at_once)
    hidden = {name for name, is_seen in zip(MAIN, seen, strict=True) if not is_seen}
    return tuple(name for name in names if name not in hidden)
