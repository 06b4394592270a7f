"""What an app may be allowed to do.

Source: HubSpot "Scopes".
"""

from crmhub.testing.simulator.errors import SimulatorError

OWNERS = "crm.objects.owners.read"
_KINDS = ("contacts", "companies", "deals", "leads", "custom")
EVERYTHING: frozenset[str] = frozenset(
    {
        "oauth",
        "tickets",
        OWNERS,
        *(
            f"crm.{area}.{kind}.{act}"
            for area in ("objects", "schemas")
            for kind in _KINDS
            for act in ("read", "write")
        ),
    }
)
"""All scopes that are played."""


def schema_scopes(name: str, act: str) -> tuple[str, ...]:
    """Any of these lets a token `read` or `write` the definitions of a type of records."""
    if name == "tickets":
        return ("tickets",)
    kind = name if name in _KINDS else "contacts"
    objects = (f"crm.objects.{kind}.read", f"crm.objects.{kind}.write") if act == "read" else ()
    return (f"crm.schemas.{kind}.{act}", *objects)


def read_scopes(names: list[str]) -> frozenset[str]:
    """The scopes of these names; raises SimulatorError for one that is not played."""
    for name in names:
        if name not in EVERYTHING:
            raise SimulatorError(f"setting scopes: {name!r} is not one of {', '.join(sorted(EVERYTHING))}")
    return frozenset(names)
