"""Check 48: messages by which the CRM tells of changes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from random import Random
from typing import cast

from crmhub.connector import Missing
from crmhub.errors import ConnectorError
from crmhub.powers import Changes, Power, SupportsMessages, SupportsWebhooks
from crmhub.testing.conformance.check import Need, check
from crmhub.testing.conformance.expect import expect
from crmhub.testing.conformance.target import Message, Org, Sample

__all__: list[str] = []

_URL = "https://hooks.example.com/crm"
_DAYS = 15
"""Longer than any subscription without renewal should be counted on."""
_POWERS = {Power.WEBHOOKS, Power.MESSAGES}
_STALE = timedelta(days=1)


@check(
    48,
    "webhooks are proved and harmless",
    Need("the connector has no webhooks", lambda able, _: bool(_POWERS & able.powers)),
)
async def webhooks_are_proved_and_harmless(org: Org, sample: Sample) -> None:
    """Only the CRM's own messages are believed; twice, late or out of order they lead to the truth."""
    hooks, subscribes = _hooks(org), Power.WEBHOOKS in (await org.connect().capabilities()).powers
    if subscribes:
        made = await _subscribing(org).subscribe([sample.object], _URL)
        expect([one.object for one in made] == [sample.object], "subscribe() does not tell what it has made")
    ids = await org.insert(sample.object, sample.rows(4))
    await org.messages()  # of records that are there by now: what follows tells of changes alone
    fresh = await org.insert(sample.object, sample.rows(2, start=10))
    await org.change(sample.object, ids[0], {sample.text: "Changed"})
    await org.change(sample.object, ids[0], {sample.text: "Changed again"})
    await org.remove(sample.object, ids[1])
    sent = await org.messages()
    told = _all(hooks, sent)
    expect({one.object for one in told} == {sample.object}, "the messages are taken for another object's")
    changed, gone = _ids(told)
    expect(
        changed >= {*fresh, ids[0]}, f"{len({*fresh, ids[0]} - changed)} of 3 changed records are not told"
    )
    expect(gone == {ids[1]}, f"1 record was deleted; {len(gone)} are told as deleted")
    for message in sent:
        _none_believed(org, hooks, message)
    await _delivered_anyhow(org, sample, sent, {ids[0]: "Changed again", ids[1]: None})
    if subscribes:
        await _lasts(org, sample, hooks)


def _hooks(org: Org) -> SupportsMessages:
    connector = org.connect()
    expect(isinstance(connector, SupportsMessages), "the power is declared, and its methods are not there")
    return cast("SupportsMessages", connector)


def _subscribing(org: Org) -> SupportsWebhooks:
    connector = org.connect()
    expect(isinstance(connector, SupportsWebhooks), "the power is declared, and its methods are not there")
    return cast("SupportsWebhooks", connector)


def _all(hooks: SupportsMessages, messages: Sequence[Message]) -> list[Changes]:
    return [one for message in messages for one in hooks.parse_webhook(message.body, message.headers)]


def _ids(told: Sequence[Changes]) -> tuple[set[str], set[str]]:
    return {id_ for one in told for id_ in one.changed}, {id_ for one in told for id_ in one.deleted}


def _none_believed(org: Org, hooks: SupportsMessages, message: Message) -> None:
    for number, forged in enumerate(org.forged(message)):
        try:
            hooks.parse_webhook(forged.body, forged.headers)
        except ConnectorError:
            continue
        except Exception as error:
            raise AssertionError(
                f"forged message {number} ends in {type(error).__name__}, none of crmhub.errors"
            ) from error
        raise AssertionError(f"forged message {number} is believed")


async def _delivered_anyhow(
    org: Org, sample: Sample, sent: Sequence[Message], truth: dict[str, str | None]
) -> None:
    """Twice, in another order and a day late, to a process that has not subscribed; then read again.

    A message that comes again or late may be refused; whatever is believed must tell what it told before.
    """
    first = {message.body: _all(_hooks(org), [message]) for message in sent}
    mixed = [*sent, *sent]
    Random(48).shuffle(mixed)
    hooks, connector, named = _hooks(org), org.connect(), set[str]()
    for late in (False, True):
        if late:
            org.clock.advance(_STALE.total_seconds())
        for message in mixed:
            with suppress(ConnectorError):
                again = _all(hooks, [message])
                expect(again == first[message.body], "the same message tells something else the second time")
                named |= set[str]().union(*_ids(again))
    missing = set(truth) - named
    expect(not missing, f"out of order, {len(missing)} of {len(truth)} changes are not told")
    found = await connector.get(sample.object, list(truth), [sample.text])
    held = [None if isinstance(one, Missing) else one.get(sample.text) for one in found]
    expect(held == list(truth.values()), "what the messages name, read again, is not what the CRM holds")


async def _lasts(org: Org, sample: Sample, hooks: SupportsMessages) -> None:
    """Renewed once a day, by whichever process, the messages go on; unsubscribed, they end."""
    for day in range(_DAYS):
        org.clock.advance(timedelta(days=1).total_seconds())
        renewed = await _subscribing(org).renew_due(org.clock.now())
        expect(
            sample.object in {one.object for one in renewed}, f"after {day + 1} days no subscription is left"
        )
        (new,) = await org.insert(sample.object, sample.rows(1, start=100 + day))
        changed, _ = _ids(_all(hooks, await org.messages()))
        expect(new in changed, f"after {day + 1} days of renewals a change is not told")
    subscribing = _subscribing(org)
    await subscribing.unsubscribe([sample.object])
    await subscribing.unsubscribe([sample.object])
    await org.insert(sample.object, sample.rows(1, start=200))
    expect(not await org.messages(), "messages still come after unsubscribe()")
