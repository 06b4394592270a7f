"""The people who can own records.

Source: HubSpot "CRM API | Owners": an owner's id is not the user's id; someone whose user was taken away is
an archived owner, without `userId`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from crmhub.testing.simulator.users_file import UserSpec
from crmhub_rest.simulators.hubspot.times import iso

_FIRST_OWNER = 70_000_001
_FIRST_USER = 9_000_001


@dataclass(frozen=True)
class Owner:
    """One owner; times in epoch milliseconds."""

    id: str
    user_id: int
    email: str
    first_name: str
    last_name: str
    created: int
    archived: bool = False

    def shown(self) -> dict[str, object]:
        """As the API shows it."""
        return {
            "id": self.id,
            "email": self.email,
            "type": "PERSON",
            "firstName": self.first_name,
            "lastName": self.last_name,
            **({} if self.archived else {"userId": self.user_id}),
            "userIdIncludingInactive": self.user_id,
            "createdAt": iso(self.created),
            "updatedAt": iso(self.created),
            "archived": self.archived,
        }


def make_owners(specs: Sequence[UserSpec], created: int) -> list[Owner]:
    """An owner for each person."""
    return [
        Owner(
            spec.id if spec.id and spec.id.isdigit() else str(_FIRST_OWNER + place),
            _FIRST_USER + place,
            spec.email.lower(),
            spec.first_name,
            spec.last_name,
            created,
            not spec.active,
        )
        for place, spec in enumerate(specs)
    ]
