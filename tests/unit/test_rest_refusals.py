"""What a CRM says of a refusal, as it may be shown: words, and no values."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from crmhub.redact import register
from crmhub_rest.language.load import parse
from crmhub_rest.refusals import refused

SECRET = "tok-0123-canary/4567-end"
CRM = parse(
    "crm: rolodex\nversion: 1\ntitle: Rolodex\nbase_url: https://api.rolodex.example\n"
    "auth: [{bearer: none}]\nrefusal: {code: [code], message: [message], field: [field]}\n"
    "objects: {people: {list: {get: /people, rows: data}}}\n",
    "rolodex.yaml",
)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (f"no user for {SECRET} here", "no user for … here"),
        (f"no user for Bearer {SECRET}", "no user for Bearer …"),
        (f"no user for token={quote(SECRET, safe='')}&x=y", "no user for token=…&x=y"),
        ("+1 (555) 010-4477 is taken", "… is taken"),
        ("0049 30 1234567 is taken", "… is taken"),
        ("jane@example.com is taken", "… is taken"),
        ("'Jane Doe' is taken", "… is taken"),
        ("at most 100 records in 10 s", "at most 100 records in 10 s"),
    ],
)
def test_a_refusal_is_told_without_the_values_that_it_quotes(said: str, shown: str) -> None:
    register(SECRET)
    error = refused(CRM, 400, {"message": said, "code": SECRET, "field": "jane@example.com"}, "refused")
    assert error.what == f"refused: {shown}"
    assert "canary" not in f"{error} {error!r} {error.code}"
    assert "jane" not in str(error)
