"""The veil: whatever a policy says and whatever a record holds, no hidden text comes through."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from crmhub.agent.identity import Agent
from crmhub.agent.policy.decide import Grant
from crmhub.agent.policy.language import Policy
from crmhub.agent.veil import Veil
from crmhub.models import Address, Contact, Email, Meeting, Money, Participant, Phone, Ref, Social, UserRef

CONTACT = Contact(
    id="1",
    connection="north",
    object="people",
    first_name="canary-first_name",
    full_name="canary-full_name",
    title="canary-title",
    description="canary-description",
    emails=[Email(value="canary-emails"), Email(role="secondary", value="canary-emails")],
    phones=[Phone(role="work", raw="canary-phones", e164="canary-phones")],
    addresses=[Address(line1="canary-addresses", city="canary-addresses", latitude=Decimal(1))],
    social=[Social(network="canary-social", url="canary-social")],
    birthday=date(1991, 2, 3),
    annual_revenue=Money(Decimal(7777), "EUR"),
    last_activity_at=datetime(2026, 5, 6, tzinfo=UTC),
    owner=UserRef(id="u", email="canary-owner", name="canary-owner"),
    tags=["canary-tags"],
    account=Ref(model="account", id="a", name="canary-account"),
    custom={"x": "canary-custom.x", "y": ["canary-custom.y"], "z": {"canary-custom.z": "canary-custom.z"}},
    vendor={"lead_status": "canary-vendor"},
    raw={"everything": "canary-raw"},
)
DATED = {"birthday": "1991", "annual_revenue": "7777", "last_activity_at": "2026"}
NAMES = sorted(
    {*CONTACT.model_fields_set, "custom.x", "custom.y", "custom.z"} - {"id", "connection", "object", "custom"}
)
CHOSEN = st.lists(st.sampled_from([*NAMES, "custom", "*"]), max_size=8)


@settings(max_examples=150)
@given(CHOSEN.filter(bool), CHOSEN, CHOSEN, st.sampled_from(["stars", "hash"]), st.none() | CHOSEN)
def test_no_hidden_text_comes_through(
    allow: list[str], mask: list[str], deny: list[str], masking: str, only: list[str] | None
) -> None:
    fields = {"allow": allow, "mask": mask, "deny": deny, "masking": masking}
    models = {"contact": {"fields": fields}, "account": {"fields": {"allow": ["name"]}}}
    policy = Policy.model_validate({"tools": ["x"], "connections": ["north"], "models": models})
    grant = Grant(Agent("bot"), "p", policy)
    sight, veil = grant.sight("contact"), Veil(grant, b"k" * 32)
    wanted = None if only is None else frozenset(name.partition(".")[0] for name in only)
    seen = veil.seen(CONTACT, wanted)
    told = str(seen.model_dump(warnings=False, exclude_unset=True, mode="json"))
    for name in NAMES:
        asked = wanted is None or name.partition(".")[0] in wanted
        shown = asked and sight.seen(name) == "shown"
        assert (DATED.get(name, f"canary-{name}") in told) is shown, name
        if asked and sight.seen(name) == "masked" and name != "account":
            assert f"contact.{name}" in veil.masked
    assert seen.id == "1"
    assert "canary-raw" not in told
    assert "canary-vendor" not in told


def test_names_of_other_records_follow_the_rules_for_those() -> None:
    meeting = Meeting(
        subject="Kick-off",
        contact=Ref(model="contact", id="1", name="Ada"),
        participants=[
            Participant(ref=Ref(model="contact", id="1"), name="Ada", email="ada@a.example", phone="1"),
            Participant(ref=Ref(model="user", id="u"), name="Sam", email="sam@us.example"),
            Participant(name="Eve", email="eve@e.example"),
        ],
        owner=UserRef(id="u", name="Sam", email="sam@us.example"),
    )
    everything = {"fields": {"allow": ["*"]}}

    def told(**models: object) -> str:
        policy = {"tools": ["x"], "connections": ["n"], "models": {"activity": everything, **models}}
        grant = Grant(Agent("bot"), "p", Policy.model_validate(policy))
        return str(Veil(grant, b"k").seen(meeting).model_dump(warnings=False))

    nothing = told()
    assert "Kick-off" in nothing
    assert not [word for word in ("Ada", "ada@", "Eve", "eve@") if word in nothing]
    assert "sam@us.example" in nothing  # who owns a record is told with the record
    names = told(contact={"fields": {"allow": ["full_name"]}}, user={"fields": {"allow": ["name"]}})
    assert [word for word in ("Ada", "Eve", "Sam") if word in names] == ["Ada", "Eve", "Sam"]
    assert not [word for word in ("ada@", "eve@", "sam@") if word in names]
