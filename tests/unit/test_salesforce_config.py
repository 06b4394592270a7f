"""Settings that make sense, and what is said about those that do not."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pydantic import ValidationError

from crmhub_salesforce import SalesforceConfig
from crmhub_salesforce.hosts import audience as audience_of

MY_DOMAIN = "https://acme.my.salesforce.com"
ID = {"client_id": "app"}


@pytest.mark.parametrize(
    ("given", "tokens_from", "calls_to"),
    [
        ({**ID, "refresh_token": "r"}, "https://login.salesforce.com", "https://login.salesforce.com"),
        ({**ID, "refresh_token": "r", "instance_url": MY_DOMAIN}, MY_DOMAIN, MY_DOMAIN),
        ({**ID, "client_secret": "s", "instance_url": f"{MY_DOMAIN}/"}, MY_DOMAIN, MY_DOMAIN),
        ({"access_token": "t", "instance_url": MY_DOMAIN}, MY_DOMAIN, MY_DOMAIN),
        (
            {
                **ID,
                "refresh_token": "r",
                "login_url": "https://test.salesforce.com",
                "instance_url": MY_DOMAIN,
            },
            "https://test.salesforce.com",
            MY_DOMAIN,
        ),
        (
            {**ID, "client_secret": "s", "instance_url": "http://127.0.0.1:81"},
            "http://127.0.0.1:81",
            "http://127.0.0.1:81",
        ),
    ],
)
def test_each_way_to_sign_in_knows_where_to_go(
    given: dict[str, str], tokens_from: str, calls_to: str
) -> None:
    config = SalesforceConfig.model_validate(given)
    assert (config.token_base, config.api_base) == (tokens_from, calls_to)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "give client_id with"),
        ({"client_secret": "s"}, "give client_id with"),
        ({"username": "u"}, "flow soap needs password"),
        ({**ID, "username": "u"}, "flow jwt_bearer needs private_key"),
        ({"private_key": "k", "username": "u"}, "flow jwt_bearer needs client_id"),
        ({**ID, "client_secret": "s", "private_key": "k", "username": "u"}, "does not use client_secret"),
        ({**ID, "flow": "jwt_bearer", "refresh_token": "r"}, "needs username and private_key"),
        ({**ID, "flow": "magic"}, "flow"),
        ({**ID, "client_secret": "s"}, "set instance_url to its My Domain"),
        ({**ID, "client_secret": "s", "login_url": "https://test.salesforce.com"}, "My Domain"),
        ({"access_token": "t"}, "needs instance_url"),
        ({**ID, "access_token": "t", "instance_url": MY_DOMAIN}, "does not use client_id: take it out"),
        ({**ID, "refresh_token": " "}, "it is empty"),
        ({**ID, "refresh_token": "r", "login_url": "http://acme.my.salesforce.com"}, "only sent over https"),
        ({**ID, "refresh_token": "r", "instance_url": "acme.my.salesforce.com"}, "http"),
        ({**ID, "refresh_token": "r", "instance_url": f"{MY_DOMAIN}/lightning"}, "without a path"),
        ({**ID, "login_url": "https://acme.lightning.force.com"}, r"its API is at https://NAME\.my"),
        ({**ID, "login_url": "https://login.salesforce.com.evil.test"}, "only sent to Salesforce"),
        ({**ID, "login_url": "https://evilsalesforce.com"}, "only sent to Salesforce"),
        ({**ID, "login_url": "https://salesforce.com@evil.test"}, "without user"),
        ({**ID, "instance_url": "https://test.salesforce.com"}, "give it as login_url"),
        ({**ID, "instance_url": "https://evil.test"}, "only sent to Salesforce"),
        ({**ID, "login_url": "https://[::1].evil.test"}, "http"),
        ({**ID, "refresh_token": "r", "version": "20.0"}, "no version of the API from 30.0 on"),
        ({**ID, "refresh_token": "r", "version": "x"}, "no version of the API"),
        ({**ID, "refresh_token": "r", "page_size": 5000}, "page_size"),
        ({**ID, "refresh_token": "r", "sync_key": "x y"}, "sync_key"),
        ({**ID, "refresh_token": "r", "pasword": "secret-value"}, "pasword"),
    ],
)
def test_settings_that_cannot_work_say_what_to_give(given: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words) as caught:
        SalesforceConfig.model_validate(given)
    assert "secret-value" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "way"),
    [
        (ID, "web_server"),
        ({**ID, "refresh_token": "r", "client_secret": "s"}, "web_server"),
        ({**ID, "client_secret": "s", "instance_url": MY_DOMAIN}, "client_credentials"),
        ({**ID, "client_secret": "s", "instance_url": MY_DOMAIN, "flow": "web_server"}, "web_server"),
        ({**ID, "client_secret": "s", "flow": "web_server"}, "web_server"),
        ({**ID, "username": "u", "private_key": "k"}, "jwt_bearer"),
        ({**ID, "client_secret": "s", "username": "u", "password": "p"}, "password"),
        ({"username": "u", "password": "p", "security_token": "t"}, "soap"),
        ({"access_token": "t", "instance_url": MY_DOMAIN}, "session"),
    ],
)
def test_what_is_given_tells_the_flow(given: dict[str, object], way: str) -> None:
    assert SalesforceConfig.model_validate(given).way == way


@pytest.mark.parametrize(
    ("url", "audience"),
    [
        ("https://login.salesforce.com", "https://login.salesforce.com"),
        ("https://test.salesforce.com", "https://test.salesforce.com"),
        ("https://acme.my.salesforce.com", "https://login.salesforce.com"),
        ("https://acme.develop.my.salesforce.com", "https://login.salesforce.com"),
        ("https://acme--dev.sandbox.my.salesforce.com", "https://test.salesforce.com"),
        ("https://acme--dev.my.salesforce.com", "https://test.salesforce.com"),
        ("https://velocity-1-dev-ed.scratch.my.salesforce.com", "https://test.salesforce.com"),
        ("http://127.0.0.1:8081", "https://login.salesforce.com"),
    ],
)
def test_an_assertion_is_for_the_login_host_of_that_kind_of_org(url: str, audience: str) -> None:
    assert audience_of(url) == audience


@pytest.mark.parametrize("version", ["62.0", "62", "v62.0", 62, 62.0, Decimal("62.0")])
def test_a_version_may_be_written_in_several_ways(version: object) -> None:
    assert SalesforceConfig.model_validate({**ID, "refresh_token": "r", "version": version}).version == "62.0"


def test_secrets_are_not_shown() -> None:
    config = SalesforceConfig.model_validate(
        {**ID, "refresh_token": "secret-value", "client_secret": "secret-value"}
    )
    assert "secret-value" not in repr(config)
