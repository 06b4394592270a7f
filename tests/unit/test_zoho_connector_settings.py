from __future__ import annotations

import pytest
from pydantic import SecretStr, ValidationError

from crmhub_zoho import ZohoConfig, hosts
from crmhub_zoho.hosts import Region

SECRETS = {"client_id": "id", "client_secret": "a-secret-value", "refresh_token": "another-secret"}


def config(**settings: object) -> ZohoConfig:
    return ZohoConfig.model_validate({**SECRETS, **settings})


@pytest.mark.parametrize(
    ("region", "api", "accounts"),
    [
        ("us", "https://www.zohoapis.com", "https://accounts.zoho.com"),
        ("eu", "https://www.zohoapis.eu", "https://accounts.zoho.eu"),
        ("in", "https://www.zohoapis.in", "https://accounts.zoho.in"),
        ("au", "https://www.zohoapis.com.au", "https://accounts.zoho.com.au"),
        ("cn", "https://www.zohoapis.com.cn", "https://accounts.zoho.com.cn"),
        ("jp", "https://www.zohoapis.jp", "https://accounts.zoho.jp"),
        ("ca", "https://www.zohoapis.ca", "https://accounts.zohocloud.ca"),
        ("sa", "https://www.zohoapis.sa", "https://accounts.zoho.sa"),
        ("uk", "https://www.zohoapis.uk", "https://accounts.zoho.uk"),
        ("ae", "https://www.zohoapis.ae", "https://accounts.zoho.ae"),
    ],
)
def test_each_data_centre_has_its_hosts(region: Region, api: str, accounts: str) -> None:
    settings = config(region=region)
    assert (settings.api_base, settings.accounts_base) == (api, accounts)


def test_a_sandbox_has_its_own_host() -> None:
    assert config(environment="sandbox", region="eu").api_base == "https://sandbox.zohoapis.eu"
    assert hosts.environment_of("https://developer.zohoapis.com") == "developer"
    assert hosts.environment_of("https://elsewhere.example") is None


def test_one_override_stands_for_both_hosts() -> None:
    settings = config(api_url="http://127.0.0.1:8080/")
    assert settings.api_base == settings.accounts_base == "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    "settings",
    [
        {"region": "moon"},
        {"api_url": "http://crm.example.com"},
        {"api_url": "https://crm.example.com/crm/v8"},
        {"api_url": "https://user:password@crm.example.com"},
        {"api_url": "crm.example.com"},
        {"client_secret": ""},
        {"refresh_token": " "},
        {"client_id": ""},
        {"version": "v8/../.."},
        {"concurrency": 0},
        {"page_size": 2_001},
        {"overlap": -1},
        {"sync_key": "a b"},
        {"trigger": ["everything"]},
        {"clientid": "x"},
    ],
)
def test_a_wrong_setting_is_refused_without_showing_secrets(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as caught:
        config(**settings)
    assert "secret-value" not in str(caught.value)
    assert "another-secret" not in str(caught.value)


def test_the_sdk_is_a_yes_a_no_or_a_client_of_its_own() -> None:
    own: dict[str, object] = {"client_id": "x", "client_secret": "y", "refresh_token": "z"}
    given: list[object] = [True, False, {"credentials": own}, {"enabled": False}]
    found = [config(tiers={"sdk": one}) for one in given]
    assert [one.tiers.sdk.enabled for one in found] == [True, False, True, False]
    assert [one.of_sdk is None for one in found] == [True, True, False, True]
    changed = found[2].of_sdk
    assert changed is not None
    assert (changed.client_id, changed.region, changed.refresh_token) == ("x", "us", SecretStr("z"))


@pytest.mark.parametrize(
    "own", [{"client_id": "x"}, {"client_id": "x", "client_secret": " ", "refresh_token": "z"}]
)
def test_the_sdks_credentials_are_whole_or_not_there(own: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=r"tiers\.sdk\.credentials\.client_secret"):
        config(tiers={"sdk": {"credentials": own}})
