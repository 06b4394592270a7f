"""The users of an agency's locations."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from crmhub.testing.simulator.users_file import DEFAULT_USERS, UserSpec
from crmhub_rest.simulators.gohighlevel.ids import IdBlock


@dataclass
class User:
    """A user and the locations that they work in."""

    id: str
    first_name: str
    last_name: str
    email: str
    role: str
    locations: list[str] = field(default_factory=list[str])
    deleted: bool = False
    phone: str = ""
    kind: str = "account"

    def as_json(self) -> dict[str, object]:
        """The user as the API shows them (UserSchema)."""
        return {
            "id": self.id,
            "name": f"{self.first_name} {self.last_name}".strip(),
            "firstName": self.first_name,
            "lastName": self.last_name,
            "email": self.email,
            "phone": self.phone,
            "extension": "",
            "permissions": {"contactsEnabled": True, "opportunitiesEnabled": True, "assignedDataOnly": False},
            "roles": {"type": self.kind, "role": self.role, "locationIds": list(self.locations)},
            "deleted": self.deleted,
        }


def make_users(declared: Sequence[UserSpec], block: IdBlock, locations: Sequence[str]) -> list[User]:
    """The declared users (else some), of whom inactive ones count as deleted."""
    return [
        User(
            spec.id or block.id_of(place),
            spec.first_name,
            spec.last_name,
            spec.email,
            "admin"
            if (spec.role or spec.profile or "").lower() in {"admin", "administrator", "ceo"}
            else "user",
            list(locations),
            deleted=not spec.active,
        )
        for place, spec in enumerate(declared or DEFAULT_USERS)
    ]
