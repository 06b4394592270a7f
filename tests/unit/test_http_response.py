from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmhub.errors import BadResponse, UnknownOutcome
from crmhub.http import Response

JSON = {"content-type": "application/json; charset=utf-8"}


def reply(
    content: bytes, headers: dict[str, str] = JSON, *, status: int = 200, repeatable: bool = True
) -> Response:
    return Response(
        status, headers, content, path="/v1/x", request_id="r-1", repeatable=repeatable, connection="crm"
    )


def test_fractions_are_exact_decimals() -> None:
    value = reply(
        b'{"amount": 0.10, "large": 12345678901234567890.12, "whole": 7, "id": 12345678901234567890123}'
    ).json()
    assert value == {
        "amount": Decimal("0.10"),
        "large": Decimal("12345678901234567890.12"),
        "whole": 7,
        "id": 12345678901234567890123,
    }
    assert isinstance(value, dict)
    assert str(value["amount"]) == "0.10"


@pytest.mark.parametrize("status", [204, 205, 304])
def test_a_reply_that_has_no_body_by_its_status_is_none(status: int) -> None:
    assert reply(b"", {}, status=status).json() is None


@pytest.mark.parametrize(
    "media", ["application/json", "APPLICATION/JSON", "application/problem+json", "text/json"]
)
def test_json_content_types_are_accepted(media: str) -> None:
    assert reply(b"[1]", {"content-type": media}).json() == [1]


def test_json_without_a_content_type_or_with_a_byte_order_mark_is_read() -> None:
    assert reply(b"\xef\xbb\xbf[1]", {}).json() == [1]


@pytest.mark.parametrize(
    ("content", "media", "says"),
    [
        (b"<!doctype html><title>Maintenance</title> back soon", "text/html", "HTML or XML"),
        (b"  <html>login</html>", "application/json", "HTML or XML"),
        (b"", "application/json", "an empty body"),
        (b" \n ", "application/json", "an empty body"),
        (b'{"data": [{"id": "1"}, {"i', "application/json", "cut off"),
        (b'{"data": []}', "text/plain", "another content type"),
        (b'{"data": []}', "application/octet-stream", "another content type"),
        (b'{"data": }', "application/json", "not valid JSON"),
        (b"[1e99999999999999999999]", "application/json", "not valid JSON"),
        (b'"\xff\xfe"', "application/json", "not UTF-8"),
        (b"[" * 100_000, "application/json", "nested too deeply"),
    ],
    ids=lambda value: value[:20].decode("latin1") if isinstance(value, bytes) else str(value),
)
def test_a_body_that_is_no_json_is_a_bad_response(content: bytes, media: str, says: str) -> None:
    with pytest.raises(BadResponse) as caught:
        reply(content, {"content-type": media}).json()
    error = caught.value
    assert says in error.what
    assert "GET /v1/x" in error.what
    assert media.lower() in error.what
    assert (error.status, error.request_id, error.where.connection) == (200, "r-1", "crm")


def test_the_text_of_a_page_is_shown_without_markup_and_cut_after_200_characters() -> None:
    page = b"<html><script>var a=1</script><body>Down for   maintenance\x1b[31m" + b"x" * 5_000
    with pytest.raises(BadResponse, match=r"Down for maintenance\?\[31mx") as caught:
        reply(page, {"content-type": "text/html"}).json()
    assert len(caught.value.what) < 400
    assert "var a" not in caught.value.what


def test_a_json_body_is_never_shown_since_it_may_echo_a_record() -> None:
    with pytest.raises(BadResponse) as caught:
        reply(b'{"Last_Name": "Abernathy", "Salary": 9').json()
    assert "Abernathy" not in str(caught.value)


def test_an_unreadable_reply_to_a_write_leaves_its_outcome_unknown() -> None:
    with pytest.raises(UnknownOutcome) as caught:
        reply(b"<html>", repeatable=False).json()
    assert caught.value.applied is None
    with pytest.raises(BadResponse):
        reply(b"<html>", repeatable=False, status=400).json()


def test_peeking_at_a_body_that_is_no_json_gives_none() -> None:
    assert reply(b"<html>").peek() is None
    assert reply(b'{"code": "X"}').peek() == {"code": "X"}


def test_a_reply_shows_sizes_not_contents() -> None:
    assert repr(reply(b'{"a": 1}')) == "<Response 200 to GET /v1/x, 8 bytes>"


@given(st.binary(max_size=200), st.sampled_from(["application/json", "text/html", ""]))
def test_any_body_is_a_value_or_a_bad_response(content: bytes, media: str) -> None:
    with suppress(BadResponse):
        reply(content, {"content-type": media}).json()
