"""The users file: the people of a double's organisation, in YAML, JSON or CSV.

A list of people (optionally under `users:`): `email` and a name (`name` or `full_name`, or `first_name` and
`last_name`); optionally `active` or `status` or `is_active`, `id`, `role`, `profile`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from crmhub.testing.simulator.files import Place, as_list, as_mapping, as_text, is_mapping, read_file

_ALIASES: Mapping[str, tuple[str, ...]] = {
    "first_name": ("first_name", "FirstName", "firstName"),
    "last_name": ("last_name", "LastName", "lastName"),
    "name": ("name", "full_name", "Name", "fullName"),
    "email": ("email", "Email"),
    "status": ("status", "active", "is_active", "IsActive"),
    "id": ("id", "Id"),
    "role": ("role", "Role"),
    "profile": ("profile", "Profile"),
}
_YES = {"active", "true", "yes", "1", ""}
_NO = {"inactive", "disabled", "deleted", "closed", "false", "no", "0"}


@dataclass(frozen=True)
class UserSpec:
    """A declared user."""

    first_name: str
    last_name: str
    email: str
    active: bool = True
    id: str | None = None
    role: str | None = None
    profile: str | None = None

    @property
    def full_name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}".strip()


DEFAULT_USERS = (
    UserSpec("Ada", "Okafor", "ada.okafor@example.com", role="CEO", profile="Administrator"),
    UserSpec("Bruno", "Salvatore", "bruno.salvatore@example.com"),
    UserSpec("Chen", "Wei", "chen.wei@example.com"),
    UserSpec("Dana", "O'Neill", "dana.oneill@example.com"),
    UserSpec("Élodie", "Martin", "elodie.martin@example.com"),
    UserSpec("Farid", "Haddad", "farid.haddad@example.com", active=False),
)
"""The people of an org for which no file names any: the same in every double, so that owners meet."""


def load_users(path: Path | None) -> list[UserSpec]:
    """The declared users; empty without a file. Raises SimulatorError naming file, line and key."""
    if path is None:
        return []
    place = Place(path)
    content = read_file(path)
    if is_mapping(content):
        top = as_mapping(content, place)
        if "users" not in top:
            raise place.error("expected a list of users, or a mapping with `users`")
        place = place.child("users", top)
        content = top["users"]
    items = as_list(content, place)
    users = [_user(item, place.child(number, items)) for number, item in enumerate(items)]
    seen: set[str] = set()
    for number, user in enumerate(users):
        if user.email.lower() in seen:
            raise place.child(number, items).error(f"the email {user.email} is already taken by another user")
        seen.add(user.email.lower())
    return users


def _user(item: object, place: Place) -> UserSpec:
    values = as_mapping(item, place)
    texts: dict[str, str] = {}
    for ours, keys in _ALIASES.items():
        key = next((key for key in keys if values.get(key) not in {None, ""}), None)
        if key is not None:
            value = values[key]
            texts[ours] = (
                str(value) if isinstance(value, bool) else as_text(value, place.child(key, values)).strip()
            )
    email = texts.get("email", "")
    if "@" not in email:
        raise place.error("a user needs an email: add `email: first.last@example.com`")
    first, last = texts.get("first_name", ""), texts.get("last_name", "")
    if not last:
        before, _, after = texts.get("name", "").rpartition(" ")
        first, last = (first or before, after)
    if not last:
        raise place.error("a user needs a name: add `name: First Last` or `last_name: Last`")
    status = texts.get("status", "").lower()
    if status not in _YES and status not in _NO:
        raise place.error(f"status {status!r} is neither active nor inactive")
    return UserSpec(
        first, last, email, status in _YES, texts.get("id"), texts.get("role"), texts.get("profile")
    )
