"""The organisation's users.

Source: Zoho CRM API v8, "Get Users".
"""

from collections.abc import Sequence
from dataclasses import dataclass

from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.users_file import DEFAULT_USERS, UserSpec
from crmhub_zoho.simulator.ids import USERS_BLOCK, IdBlock, as_record_id

_BLOCK = IdBlock(USERS_BLOCK)
_ROLES = ("CEO", "Manager")
_PROFILES = ("Administrator", "Standard")


@dataclass(frozen=True)
class User:
    """One user of the organisation."""

    id: str
    first_name: str
    last_name: str
    email: str
    active: bool
    role: str
    profile: str

    @property
    def full_name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}".strip()

    def reference(self) -> dict[str, object]:
        """How records name the user in `Owner`, `Created_By` and the like."""
        return {"name": self.full_name, "id": self.id, "email": self.email}

    def short_reference(self) -> dict[str, object]:
        """How write replies name the user."""
        return {"name": self.full_name, "id": self.id}


def make_users(specs: Sequence[UserSpec]) -> list[User]:
    """Users from their declarations; the first active one is the administrator whose tokens are handed out.

    Raises SimulatorError if nobody is active or an id is no Zoho id.
    """
    if specs and not any(spec.active for spec in specs):
        raise SimulatorError("users: nobody is active, so nobody can call the API: make one user active")
    users: list[User] = []
    for place, spec in enumerate(specs or DEFAULT_USERS):
        user_id = _BLOCK.id_of(place) if spec.id is None else as_record_id(spec.id)
        if user_id is None:
            raise SimulatorError(
                f"users: {spec.email}: the id {spec.id!r} is not a Zoho id (up to 19 digits)"
            )
        leads = place == 0
        users.append(
            User(
                user_id,
                spec.first_name,
                spec.last_name,
                spec.email,
                spec.active,
                spec.role or _ROLES[0 if leads else 1],
                spec.profile or _PROFILES[0 if leads else 1],
            )
        )
    return users


def name_id(kind: str, name: str) -> str:
    """A steady id for a role or a profile of that name."""
    known = _ROLES if kind == "role" else _PROFILES
    place = known.index(name) if name in known else 10 + sum(name.encode()) % 900
    return _BLOCK.id_of(100_000 + (0 if kind == "role" else 1_000) + place)
