"""A CRM's own fields as a policy sees them, for tools that ask in the CRM's own words."""

from __future__ import annotations

from collections.abc import Mapping

from crmhub.agent.policy.decide import Grant
from crmhub.connection import Connection

__all__ = ["shown_fields"]


async def shown_fields(connection: Connection, grant: Grant) -> Mapping[str, Mapping[str, str]]:
    """The native fields whose values an agent sees, by object, with the canonical path of each.

    An object is left out unless all that its records can be is named by the policy, without rules for rows:
    in the CRM's own words nobody could hold them against those. A native field is left out where any of the
    fields that it stands for is hidden; one that no mapping names is not there.
    """
    async with connection.in_use():
        mapping = await connection.mapping(grant.policy.models)
    shown: dict[str, dict[str, str]] = {}
    hidden: dict[str, set[str]] = {}
    closed: set[str] = set()
    for mapped in mapping.maps:
        rule = grant.policy.models.get(mapped.model)
        if rule is None or rule.rows:
            closed.add(mapped.object)
            continue
        fields, dark = shown.setdefault(mapped.object, {}), hidden.setdefault(mapped.object, set())
        for one in mapped.rules:
            seen = grant.sees(mapped.model, one.path.text)
            for native in one.to:
                (fields if seen else {}).setdefault(native, one.path.text)
                if not seen:
                    dark.add(native)
    return {
        name: {native: path for native, path in fields.items() if native not in hidden[name]}
        for name, fields in shown.items()
        if name not in closed
    }
