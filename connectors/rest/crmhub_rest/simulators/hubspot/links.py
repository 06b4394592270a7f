"""Associations between records, seen from both sides.

Seeded links are arithmetic on places; those of a record are written down when one of them changes.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol

from crmhub_rest.simulators.hubspot.catalog.associations import USER_DEFINED, Kind, Pair, singular
from crmhub_rest.simulators.hubspot.errors import HubSpotError, invalid

Node = tuple[str, str]
"""A record: the plural of its type, and its id."""

Linked = dict[str, set[int]]
"""The other records' ids, with the numbers of the kinds."""


_FIRST_LABEL = 20_000


class SeededLinks(Protocol):
    """The links of seeded records."""

    def links(self, node: Node, other: str) -> Linked:
        """Those of a record to records of type `other`."""
        ...


class Links:
    """All associations. Records that are archived keep theirs, which nobody sees meanwhile."""

    def __init__(self, kinds: dict[Pair, list[Kind]], seeded: SeededLinks) -> None:
        self.kinds = kinds
        self._seeded = seeded
        self._own: dict[tuple[str, str, str], Linked] = {}
        self._labels = _FIRST_LABEL
        self.changes = 0
        self.most: dict[tuple[Pair, int], int] = {}
        """How many records one record may be associated with, by types and kind, where the portal set it."""
        self.is_live: Callable[[str, str], bool] = lambda _name, _id: True

    def kinds_of(self, pair: Pair) -> list[Kind]:
        """The kinds from one type to another, the plain one first; raises HubSpotError."""
        kinds = self.kinds.get(pair)
        if not kinds:
            raise invalid(f"No association types are defined between {pair[0]} and {pair[1]}")
        return kinds

    def kind(self, pair: Pair, number: object, category: object) -> Kind:
        """One kind by its number; raises HubSpotError."""
        for kind in self.kinds.get(pair, ()):
            if kind.number == number and kind.category == category:
                return kind
        raise HubSpotError(
            400,
            "VALIDATION_ERROR",
            f"Invalid association type: {category} {number} is not defined from {pair[0]} to {pair[1]}",
        )

    def of(self, node: Node, other: str) -> list[tuple[str, list[Kind]]]:
        """The live records of type `other` that a record is associated with, in the order of their ids."""
        name, _ = node
        kinds = self.kinds.get((name, other), ())
        linked = self._read(node, other)
        return [
            (other_id, [kind for kind in kinds if kind.number in linked[other_id]])
            for other_id in sorted(linked, key=int)
            if self.is_live(other, other_id)
        ]

    def others(self, name: str) -> list[str]:
        """The types that records of this type can be associated with."""
        return [other for one, other in self.kinds if one == name]

    def add(self, node: Node, target: Node, kinds: Iterable[Kind]) -> list[Kind]:
        """Associate two records by kinds, the plain one always among them, and give all that hold now.

        The first company of a contact or deal becomes its primary one.
        """
        pair = (node[0], target[0])
        plain, *labelled = self.kinds_of(pair)
        linked, back = self._write(node, target[0]), self._write(target, node[0])
        wanted = {plain.number, *(kind.number for kind in kinds)}
        alone = next((kind for kind in labelled if kind.alone), None)
        if alone is not None and not self._held(node, target[0], alone):
            wanted.add(alone.number)
        turned = next((kind for kind in self.kinds[target[0], node[0]] if kind.alone), None)
        if turned is not None and not self._held(target, node[0], turned):
            wanted.add(turned.opposite)
        chosen = [one for one in self.kinds[pair] if one.number in wanted]
        for kind in chosen:
            self._refuse_more(node, target, kind.number)
            self._refuse_more(target, node, kind.opposite)
        for kind in chosen:
            opposite = next(one for one in self.kinds[target[0], node[0]] if one.number == kind.opposite)
            if kind.alone:
                self._clear(node, target[0], kind)
            if opposite.alone:
                self._clear(target, node[0], opposite)
            linked.setdefault(target[1], set()).add(kind.number)
            back.setdefault(node[1], set()).add(kind.opposite)
        return [kind for kind in self.kinds[pair] if kind.number in linked[target[1]]]

    def remove(self, node: Node, target: Node, kinds: Iterable[Kind] | None = None) -> None:
        """Take kinds away from two records, or (without `kinds`, or with the plain one) all that is between
        them.
        """
        linked, back = self._write(node, target[0]), self._write(target, node[0])
        plain = self.kinds_of((node[0], target[0]))[0]
        gone = list(kinds) if kinds is not None else [plain]
        if plain in gone:
            linked.pop(target[1], None)
            back.pop(node[1], None)
            return
        for kind in gone:
            linked.get(target[1], set()).discard(kind.number)
            back.get(node[1], set()).discard(kind.opposite)

    def move(self, node: Node, target: Node, *, primary: bool) -> None:
        """Let `target` have the associations of `node`, as merging does; those of a kind that can be held by
        one record alone only if they are to be `primary`.
        """
        for other in self.others(node[0]):
            for other_id, kinds in self.of(node, other):
                if other_id != target[1]:
                    moved = [kind for kind in kinds if primary or not kind.alone]
                    self.add(target, (other, other_id), moved)

    def define(self, pair: Pair, name: str, label: str, inverse: str | None) -> list[Kind]:
        """A label of the portal's own, in both directions."""
        self._labels += 2
        there = Kind(self._labels - 1, name, self._labels, label, USER_DEFINED)
        back = Kind(self._labels, f"{name}_inverse", self._labels - 1, inverse or label, USER_DEFINED)
        self.kinds_of(pair).append(there)
        self.kinds_of((pair[1], pair[0])).append(back)
        return [there, back]

    def connect(self, one: str, other: str) -> None:
        """Let records of a type of the portal's own be associated with those of another."""
        if (one, other) in self.kinds:
            return
        self._labels += 2
        there, back = f"{singular(one)}_to_{singular(other)}", f"{singular(other)}_to_{singular(one)}"
        self.kinds[one, other] = [Kind(self._labels - 1, there, self._labels, category=USER_DEFINED)]
        self.kinds[other, one] = [Kind(self._labels, back, self._labels - 1, category=USER_DEFINED)]

    def disconnect(self, name: str) -> None:
        """Forget all associations with a type."""
        self.kinds = {pair: kinds for pair, kinds in self.kinds.items() if name not in pair}
        self.most = {key: most for key, most in self.most.items() if name not in key[0]}

    def rename(self, pair: Pair, kind: Kind, label: str, inverse: str | None) -> None:
        """Give a kind of the portal's own another label."""
        back = (pair[1], pair[0])
        self.kinds[pair] = [replace(one, label=label) if one is kind else one for one in self.kinds[pair]]
        self.kinds[back] = [
            replace(one, label=inverse or one.label) if one.number == kind.opposite else one
            for one in self.kinds[back]
        ]

    def forget(self, pair: Pair, kind: Kind) -> None:
        """Do away with a kind of the portal's own: nothing is associated by it any more."""
        for ends, number in ((pair, kind.number), ((pair[1], pair[0]), kind.opposite)):
            self.kinds[ends] = [one for one in self.kinds[ends] if one.number != number]
            self.most.pop((ends, number), None)

    def _refuse_more(self, node: Node, target: Node, number: int) -> None:
        most = self.most.get(((node[0], target[0]), number))
        if most is None:
            return
        linked = self._read(node, target[0])
        others = [one for one, held in linked.items() if number in held and self.is_live(target[0], one)]
        if target[1] not in others and len(others) >= most:
            raise HubSpotError(
                400,
                "VALIDATION_ERROR",
                f"{singular(node[0])} {node[1]} would be associated with more than {most} {target[0]} by the "
                f"type {number}, which is the limit",
                sub_category="crm.associations.LIMIT_EXCEEDED",
            )

    def _held(self, node: Node, other: str, kind: Kind) -> bool:
        return any(kind in kinds for _, kinds in self.of(node, other))

    def _clear(self, node: Node, other: str, kind: Kind) -> None:
        for other_id, numbers in self._write(node, other).items():
            if kind.number in numbers:
                numbers.discard(kind.number)
                self._write((other, other_id), node[0]).get(node[1], set()).discard(kind.opposite)

    def _read(self, node: Node, other: str) -> Linked:
        own = self._own.get((*node, other))
        return self._seeded.links(node, other) if own is None else own

    def _write(self, node: Node, other: str) -> Linked:
        self.changes += 1
        own = self._own.get((*node, other))
        if own is None:
            own = self._own[(*node, other)] = self._seeded.links(node, other)
        return own
