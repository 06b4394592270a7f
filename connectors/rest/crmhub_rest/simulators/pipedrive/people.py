"""The users of the company."""

from collections.abc import Sequence
from dataclasses import dataclass

from crmhub.testing.simulator.users_file import UserSpec

FIRST_ID = 23_000_001


@dataclass
class User:
    """A user; the first is the administrator whose tokens are given out."""

    id: int
    name: str
    email: str
    active: bool
    admin: bool

    def shown(self, you: "User", created: str, modified: str) -> dict[str, object]:
        """The user as `/v1/users` shows it; times in the form of v1."""
        apps = ("sales", "global", "account_settings") if self.admin else ("sales", "global")
        return {
            "id": self.id,
            "name": self.name,
            "default_currency": "USD",
            "locale": "en_US",
            "lang": 1,
            "email": self.email,
            "phone": None,
            "activated": True,
            "last_login": modified,
            "created": created,
            "modified": modified,
            "has_created_company": self.admin,
            "access": [{"app": app, "admin": self.admin, "permission_set_id": _set(app)} for app in apps],
            "active_flag": self.active,
            "timezone_name": "Etc/UTC",
            "timezone_offset": "+00:00",
            "role_id": 1,
            "icon_url": None,
            "is_you": self.id == you.id,
            "is_deleted": False,
        }


def make_users(specs: Sequence[UserSpec]) -> list[User]:
    """The users of these specifications, in their order; an id that is no number is replaced."""
    users: list[User] = []
    for number, spec in enumerate(specs):
        given = int(spec.id) if spec.id is not None and spec.id.isdigit() else FIRST_ID + number
        users.append(User(given, spec.full_name, spec.email, spec.active, admin=number == 0))
    return users


def _set(app: str) -> str:
    return {
        "sales": "62cc4d7f-4038-4352-abf3-a8c1c822b631",
        "global": "233b7976-39bd-43a9-b305-ef3a2b0998e5",
    }.get(app, "982c5ce5-b8ba-4b47-b102-9da024f4b990")
