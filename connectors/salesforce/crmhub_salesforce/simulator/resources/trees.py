"""Records with their children (`/composite/tree`), and graphs of calls (`/composite/graph`).

Source: REST API Developer Guide, "sObject Tree", "Using Composite Graphs", "Composite Graph Limits".
"""

import re
from collections.abc import Iterator, Mapping
from typing import cast

from crmhub.testing.simulator.table import Row
from crmhub_salesforce.simulator.calls import Call, Reply
from crmhub_salesforce.simulator.catalog.sobject import SObject
from crmhub_salesforce.simulator.errors import ApiError
from crmhub_salesforce.simulator.resources.composite import composed, reference_of, told
from crmhub_salesforce.simulator.service import Service

MOST_RECORDS = 200
MOST_LEVELS = 5
MOST_TYPES = 5
MOST_GRAPHS = 75
MOST_NODES = 500
MOST_DEPTH = 15
MOST_KINDS = 15
MOST_FAILED = 14
_REFERENCES = re.compile(r"@\{([A-Za-z0-9_]+)")

Body = Mapping[str, object]


def add_trees(service: Service) -> None:
    """Add the routes of trees and graphs."""
    trees = _Trees(service)
    service.router.add("/composite/tree/{sobject}", POST=trees.create)
    service.router.add("/composite/graph", POST=trees.graphs)


class _Trees:
    def __init__(self, service: Service) -> None:
        self._service = service

    def create(self, call: Call) -> Reply:
        """All of the records, or none."""
        sobject = self._service.sobject(call.params["sobject"])
        nodes = [
            node for item in _objects(call.object(), "records") for node in self._walk(sobject, item, None, 1)
        ]
        if len(nodes) > MOST_RECORDS:
            message = f"Cannot create more than {MOST_RECORDS} records in a single request"
            raise ApiError("EXCEEDED_MAX_SIZE_REQUEST", message)
        if len({kind.name for kind, _, _ in nodes}) > MOST_TYPES:
            raise ApiError("INVALID_INPUT", f"A tree holds at most {MOST_TYPES} different types of records")
        names = [_name_of(body) for _, body, _ in nodes]
        if len({*names}) != len(names):
            raise ApiError("INVALID_INPUT", "Duplicate ReferenceId provided in the request.")
        made: dict[str, str] = {}
        failed: list[Row] = []
        with self._service.org.transaction() as done:
            for (kind, body, above), name in zip(nodes, names, strict=True):
                if above is not None and above[0] not in made:
                    continue
                try:
                    made[name] = self._service.records.create(kind, self._record(kind, body, above, made))
                except ApiError as refusal:
                    failed.append({"referenceId": name, "errors": [refusal.in_result()]})
            if failed:
                done.undo()
                return Reply(400, {"hasErrors": True, "results": failed})
        results: list[Row] = [{"referenceId": name, "id": made[name]} for name in names]
        return Reply(201, {"hasErrors": False, "results": results})

    def _record(self, kind: SObject, body: Body, above: tuple[str, str] | None, made: dict[str, str]) -> Row:
        found = {name: value for name, value in body.items() if not self._is_children(kind, name, value)}
        if above is not None:
            found[above[1]] = made[above[0]]
        return found

    def _is_children(self, kind: SObject, name: str, value: object) -> bool:
        child = self._service.org.catalog.child(kind.name, name)
        return child is not None and isinstance(value, Mapping) and "records" in value

    def _walk(
        self, kind: SObject, body: Body, above: tuple[str, str] | None, level: int
    ) -> Iterator[tuple[SObject, Body, tuple[str, str] | None]]:
        """Parents before children; `above` is the parent's reference and the field that points to it."""
        if level > MOST_LEVELS:
            raise ApiError("INVALID_INPUT", f"A tree is at most {MOST_LEVELS} levels deep")
        yield kind, body, above
        for name, value in body.items():
            child = self._service.org.catalog.child(kind.name, name)
            if child is not None and self._is_children(kind, name, value):
                below = self._service.sobject(child.sobject)
                for item in _objects(cast("Body", value), "records"):
                    yield from self._walk(below, item, (_name_of(body), child.field.name), level + 1)

    def graphs(self, call: Call) -> Reply:
        """Each graph whole or not at all, until too many have failed."""
        graphs = _objects(call.object(), "graphs")
        nodes = [_objects(graph, "compositeRequest") for graph in graphs]
        if len(graphs) > MOST_GRAPHS or sum(map(len, nodes)) > MOST_NODES:
            message = f"A request holds at most {MOST_GRAPHS} graphs and {MOST_NODES} nodes"
            raise ApiError("LIMIT_EXCEEDED", message)
        names = [graph.get("graphId") for graph in graphs]
        if len({*map(str, names)}) != len(names) or not all(isinstance(name, str) for name in names):
            raise ApiError("INVALID_INPUT", "Each graph needs a graphId of its own")
        for calls in nodes:
            _check(calls)
        failed = 0
        shown: list[Row] = []
        for name, calls in zip(names, nodes, strict=True):
            if failed >= MOST_FAILED:
                refusal = ApiError("PROCESSING_HALTED", "Too many graphs have failed")
                replies = [Reply(400, refusal.rest()) for _ in calls]
            else:
                replies = composed(self._service, calls, together=True)
            good = all(reply.status < 400 for reply in replies)
            failed += not good
            items = told([reference_of(item) for item in calls], replies)
            shown.append(
                {"graphId": name, "graphResponse": {"compositeResponse": items}, "isSuccessful": good}
            )
        return Reply(200, {"graphs": shown})


def _check(calls: list[Body]) -> None:
    """The depth of a graph, and how many kinds of nodes it has."""
    depth: dict[str, int] = {}
    for item in calls:
        used = _REFERENCES.findall(f"{item.get('url')} {item.get('body')}")
        depth[reference_of(item)] = 1 + max((depth.get(name, 0) for name in used), default=0)
    if max(depth.values(), default=0) > MOST_DEPTH:
        raise ApiError("LIMIT_EXCEEDED", f"A graph is at most {MOST_DEPTH} levels deep")
    objects = (str(item.get("url")).rpartition("/sobjects/")[2].partition("/")[0] for item in calls)
    kinds = {(item.get("method"), name) for item, name in zip(calls, objects, strict=True)}
    if len(kinds) > MOST_KINDS:
        raise ApiError("LIMIT_EXCEEDED", f"A graph has at most {MOST_KINDS} different kinds of nodes")


def _name_of(body: Body) -> str:
    attributes = body.get("attributes")
    name = cast("Body", attributes).get("referenceId") if isinstance(attributes, Mapping) else None
    if not isinstance(name, str):
        message = "Include a reference ID for each record in the request."
        raise ApiError("INVALID_INPUT", message)
    return name


def _objects(body: Body, name: str) -> list[Body]:
    items = body.get(name)
    found = cast("list[object]", items) if isinstance(items, list) else []
    if not found or not all(isinstance(item, Mapping) for item in found):
        raise ApiError("JSON_PARSER_ERROR", f"Request must include a list named {name} at [line:1, column:1]")
    return cast("list[Body]", found)
