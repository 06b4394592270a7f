"""The generated writing functions say the same as the rules one by one, for every shipped map."""

from __future__ import annotations

from datetime import date
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from crmhub.mapping.codecs.base import CodecError
from crmhub.mapping.compiled import CompiledMap, Payload, Values, compile_map
from crmhub.mapping.encoding import demanded, encode, is_present, put
from crmhub.mapping.laws import pointed
from crmhub.mapping.load import load_mapping, shipped_mappings
from crmhub.mapping.samples import samples_of
from crmhub.native import Native, Value

TODAY = date(2026, 1, 31)
MAPS = [
    compile_map(spec) for crm in ("zoho", "salesforce") for spec in load_mapping(shipped_mappings()[crm]).maps
]
ODD_VALUES: tuple[object, ...] = (None, "text", 7, True, ["a"], object())
ODD_NATIVES: tuple[Value, ...] = (None, "", "text", 7, ["a"], {"id": "1"}, {"id": None}, {})


def rule_by_rule(mapped: CompiledMap, values: Values, base: Native | None, *, create: bool) -> Payload | str:
    """What a map writes, told without any haste."""
    native: Native = {}
    filled: list[str] = []
    compounds = {
        head
        for rule in mapped.rules
        for other in mapped.rules
        if rule is not other and rule.writes and other.writes
        for head in {name.partition(".")[0] for name in rule.to if "." in name}
        & {name.partition(".")[0] for name in other.to if "." in name}
    }
    for rule in mapped.rules:
        path = rule.path.text
        value = values.get(path)
        if not rule.writes or (rule.policy == "create_only" and not create):
            continue
        if rule.policy == "if_empty" and base is not None and is_present(rule, base):
            continue
        try:
            if create and value is None and rule.default_on_create is not None:
                put(native, rule.to[0], demanded(rule, TODAY))
                filled.append(path)
            elif value is not None or (not create and path in values):
                for name, part in encode(rule, value, base, compounds):
                    put(native, name, part)
        except CodecError as error:
            return f"{path}: {error}"
    if create:
        native |= mapped.spec.where
    return Payload(native, tuple(filled))


def sampled(mapped: CompiledMap, seed: int) -> Values:
    random = Random(seed)
    return {rule.path.text: samples_of(rule, mapped.spec.record).draw(random) for rule in mapped.rules}


@st.composite
def writes(draw: st.DrawFn) -> tuple[CompiledMap, Values, Native | None, bool]:
    mapped = draw(st.sampled_from(MAPS))
    seeds = st.integers(0, 2**32)
    values, before = sampled(mapped, draw(seeds)), sampled(mapped, draw(seeds))
    paths = st.sampled_from(sorted(values))
    same, gone = draw(st.sets(paths)), draw(st.sets(paths))
    before |= {path: values[path] for path in same}
    base: Native | None = None
    if draw(st.booleans()):
        odd = st.dictionaries(st.sampled_from(mapped.fields), st.sampled_from(ODD_NATIVES), max_size=4)
        base = mapped.write(pointed(mapped, before)).fields | draw(odd)
    values |= draw(st.dictionaries(paths, st.sampled_from(ODD_VALUES), max_size=2))
    left = {path: value for path, value in values.items() if path not in gone}
    return mapped, pointed(mapped, left), base, draw(st.booleans())


@settings(max_examples=600)
@given(writes())
def test_what_is_written_is_what_the_rules_say_one_by_one(
    drawn: tuple[CompiledMap, Values, Native | None, bool],
) -> None:
    mapped, values, base, create = drawn
    try:
        found: Payload | str = mapped.write(values, base=base, create=create, today=TODAY)
    except CodecError as error:
        found = str(error)
    assert found == rule_by_rule(mapped, values, base, create=create)
