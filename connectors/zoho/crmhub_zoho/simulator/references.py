"""References between the parts of a composite request: `@{1:$.data[0].details.id}`.

Source: Zoho CRM API v8, "Composite API": the id of a part, and the path of a value in its reply's body.
"""

import re
from collections.abc import Iterator, Mapping
from typing import cast

from crmhub_zoho.simulator.errors import ZohoError

_REFERENCE = re.compile(r"@\{(\w+):([^}]+)\}")
_STEP = re.compile(r"\.([A-Za-z_$][\w$]*)|\[(\d+)\]")


def referred(value: object) -> Iterator[str]:
    """The ids of the parts that `value`, with all that is in it, refers to."""
    if isinstance(value, str):
        yield from (found[1] for found in _REFERENCE.finditer(value))
    elif isinstance(value, Mapping):
        for one in cast("Mapping[str, object]", value).values():
            yield from referred(one)
    elif isinstance(value, list):
        for one in cast("list[object]", value):
            yield from referred(one)


def filled(value: object, replies: Mapping[str, object]) -> object:
    """`value` with the references in it replaced by what the replies hold; raises ZohoError."""
    if isinstance(value, str):
        whole = _REFERENCE.fullmatch(value)
        if whole is not None:
            return _found(whole, replies)
        return _REFERENCE.sub(lambda found: str(_found(found, replies)), value)
    if isinstance(value, Mapping):
        return {name: filled(one, replies) for name, one in cast("Mapping[str, object]", value).items()}
    if isinstance(value, list):
        return [filled(one, replies) for one in cast("list[object]", value)]
    return value


def _found(reference: re.Match[str], replies: Mapping[str, object]) -> object:
    value: object = replies.get(reference[1])
    path = reference[2].strip()
    if value is None or not path.startswith("$"):
        raise _invalid(reference[0])
    at = 1
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None:
            raise _invalid(reference[0])
        value = _step(value, step)
        at = step.end()
    if value is None or isinstance(value, Mapping | list):
        raise _invalid(reference[0])
    return value


def _step(value: object, step: re.Match[str]) -> object:
    if step[1] is not None:
        return cast("Mapping[str, object]", value).get(step[1]) if isinstance(value, Mapping) else None
    items = cast("list[object]", value) if isinstance(value, list) else []
    return items[int(step[2])] if int(step[2]) < len(items) else None


def _invalid(reference: str) -> ZohoError:
    return ZohoError(400, "INVALID_REFERENCE", "the reference is invalid", {"reference": reference})
