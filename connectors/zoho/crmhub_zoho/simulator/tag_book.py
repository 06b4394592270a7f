"""The tags of the organisation's modules.

Source: Zoho CRM API v8, "Tags": names of at most 25 characters, at most 100 tags in a module.
"""

from collections.abc import Callable
from dataclasses import dataclass

MOST_TAGS = 100
LONGEST_NAME = 25


@dataclass
class Tag:
    """One tag of a module; times in epoch seconds, people by id."""

    id: str
    name: str
    color: str | None
    created_at: float
    created_by: str
    modified_at: float
    modified_by: str

    def on_record(self) -> dict[str, object]:
        """How records show the tag."""
        return {"name": self.name, "id": self.id, "color_code": self.color}


class TagBook:
    """All tags, by module; `make_id` gives the id of the n-th tag."""

    def __init__(self, make_id: Callable[[int], str]) -> None:
        self._make_id = make_id
        self._tags: dict[str, dict[str, Tag]] = {}
        self._made = 0

    def of(self, module: str) -> list[Tag]:
        """The tags of a module, oldest first."""
        return list(self._tags.get(module, {}).values())

    def named(self, module: str, name: str) -> Tag | None:
        """The tag of that name, in any case."""
        return self._tags.get(module, {}).get(name.casefold())

    def by_id(self, tag_id: str) -> tuple[str, Tag] | None:
        """The tag of that id, and the module it belongs to."""
        for module, tags in self._tags.items():
            for tag in tags.values():
                if tag.id == tag_id:
                    return module, tag
        return None

    def make(self, module: str, name: str, by: str, now: float, color: str | None = None) -> Tag:
        """A new tag."""
        tag = Tag(self._make_id(self._made), name, color, now, by, now, by)
        self._made += 1
        self._tags.setdefault(module, {})[name.casefold()] = tag
        return tag

    def rename(self, module: str, tag: Tag, name: str) -> None:
        """Give a tag another name."""
        self.drop(module, tag)
        tag.name = name
        self._tags[module][name.casefold()] = tag

    def drop(self, module: str, tag: Tag) -> None:
        """Forget a tag."""
        del self._tags[module][tag.name.casefold()]
