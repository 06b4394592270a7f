from __future__ import annotations

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crmhub.errors import BadRequest
from crmhub.http import path, quote
from crmhub.http.paths import absolute, checked_path, origin

BASE = "https://crm.test"
ESCAPES = [
    "..", ".", "...", "../Leads/1", "..\\Leads", "//evil.test", "https://evil.test/x", "/etc", "a/b", "a\\b",
    "", "\x00", "a\nb", "a\r\nHost: evil.test", "\x7f", "\x85", "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("value", ESCAPES)
def test_a_value_that_could_leave_its_segment_is_refused(value: str) -> None:
    with pytest.raises(BadRequest) as caught:
        path("/crm/v8/{module}/{id}", module="Leads", id=value)
    assert caught.value.what.startswith("id cannot be part of a URL")
    assert len(value) < 3 or value not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "segment"),
    [
        ("42", "42"),
        (42, "42"),
        ("a b", "a%20b"),
        ("a?b=c", "a%3Fb%3Dc"),
        ("a#b", "a%23b"),
        ("100%", "100%25"),
        ("%2e%2e", "%252e%252e"),
        ("ä@x.de", "%C3%A4%40x.de"),
        ("a;b", "a%3Bb"),
        (".hidden", ".hidden"),
    ],
)
def test_any_other_value_is_percent_encoded(value: str | int, segment: str) -> None:
    assert quote(value) == segment


@given(st.text(max_size=40))
@example("a%2Fb")
@example("%2e%2e")
@example("@evil.test")
@example(":443")
@example("\u2028")
@example("／")
def test_no_accepted_value_changes_host_or_path(value: str) -> None:
    try:
        made = path("/crm/v8/{module}/{id}/notes", module="Leads", id=value)
    except BadRequest:
        return
    checked, query = checked_path(made, [BASE])
    url = httpx.URL(BASE + checked)
    segments = url.raw_path.decode().split("/")
    assert (url.host, url.scheme, query) == ("crm.test", "https", "")
    assert segments[:4] == ["", "crm", "v8", "Leads"]
    assert segments[5:] == ["notes"]
    assert url.path.split("/")[4] == value, "a server that decodes once sees the value and nothing else"


@given(st.text(max_size=60))
def test_no_path_given_by_hand_reaches_another_host(target: str) -> None:
    try:
        checked, query = checked_path(target, [BASE])
    except BadRequest:
        return
    url = httpx.URL(BASE + checked + (f"?{query}" if query else ""))
    assert (url.host, url.scheme, url.port) == ("crm.test", "https", None)
    assert ".." not in url.path.split("/")


@pytest.mark.parametrize(
    "target",
    [
        "", "crm/v8", "//evil.test/x", "/a/../b", "/a/./b", "/a/%2e%2E/b", "/a%2Fb", "/a%5cb", "/a\\b",
        "/a b", "/a?b=c", "/a#b", "/ä", "/a\n", "/a//b", "/a/%00", "/a%zz", "https://evil.test/a", "http://crm.test/a",
        "https://crm.test:444/a", "https://crm.test@evil.test/a", "https://user:pw@crm.test/a", "HTTPS://evil.test",
        "https://crm.test.evil.test/a", "https://crm.test\\@evil.test/a", "ftp://crm.test/a",
        "https://crm.test/a#b", "https://crm.test/a?b= c",
    ],
)  # fmt: skip
def test_a_path_that_could_be_read_in_two_ways_is_refused(target: str) -> None:
    with pytest.raises(BadRequest):
        checked_path(target, [BASE])


def test_a_next_link_on_our_own_host_keeps_its_query() -> None:
    assert checked_path("https://CRM.test:443/v1/x?after=ab%3D&limit=2", [BASE]) == (
        "/v1/x",
        "after=ab%3D&limit=2",
    )


def test_a_next_link_must_lead_below_the_base_url() -> None:
    base = "https://crm.test/tenant7/"
    assert checked_path("https://crm.test/tenant7/v1/x?p=2", [base]) == ("/v1/x", "p=2")
    with pytest.raises(BadRequest, match="outside"):
        checked_path("https://crm.test/tenant8/v1/x", [base])


@pytest.mark.parametrize(
    "url",
    [
        "crm.test", "//crm.test", "file:///etc/passwd", "https://", "https://u:p@crm.test", "https://crm.test:port",
        "https://ex\u00e4mple.test", "https://crm.test\t.evil.test", "https://crm.test/ x", "https://[::1",
    ],
)  # fmt: skip
def test_what_is_no_plain_http_url_has_no_origin(url: str) -> None:
    with pytest.raises(BadRequest):
        origin(url)


def test_an_origin_names_scheme_host_and_port() -> None:
    assert origin("https://Crm.Test.") == ("https", "crm.test", 443)
    assert origin("http://[::1]:8080/x") == ("http", "[::1]", 8080)


def test_a_template_without_a_value_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        path("/x/{id}")


@pytest.mark.parametrize(
    ("link", "base", "path", "query"),
    [
        ("/v1/x?page=2&to=https://a/b", BASE, "/v1/x", "page=2&to=https://a/b"),
        ("/tenant7/v1/x?p=2", f"{BASE}/tenant7/", "/v1/x", "p=2"),
        ("https://crm.test/v1/x?p=2", BASE, "/v1/x", "p=2"),
        ("/v1/x", "http://[::1]:8080", "/v1/x", ""),
    ],
)
def test_a_link_of_a_reply_may_be_a_path_from_the_root(link: str, base: str, path: str, query: str) -> None:
    assert checked_path(absolute(link, [base]), [base]) == (path, query)


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("v1/x?page=2", "neither a URL"), ("?page=2", "neither a URL"), ("page2", "neither"), ("", "neither"),
        ("//evil.test/x", "neither a URL"), ("?next=https://crm.test/x", "neither a URL"),
        ("/tenant8/v1/x?p=2", "outside of the connection's own base URL"),
        ("/tenant77/v1/x", "outside of the connection's own base URL"), ("/tenant7", "outside"),
    ],
)  # fmt: skip
def test_a_link_that_leads_elsewhere_or_nowhere_says_so(link: str, said: str) -> None:
    with pytest.raises(BadRequest, match=said) as caught:
        absolute(link, [f"{BASE}/tenant7"])
    assert caught.value.hint


@given(st.text(max_size=60).map("/{}".format))
@example("/\\evil.test/x")
@example("/@evil.test/x")
@example("/../x")
def test_no_link_from_the_root_reaches_another_host(link: str) -> None:
    try:
        checked, query = checked_path(absolute(link, [BASE]), [BASE])
    except BadRequest:
        return
    url = httpx.URL(BASE + checked + (f"?{query}" if query else ""))
    assert (url.host, url.scheme, url.port) == ("crm.test", "https", None)
    assert ".." not in url.path.split("/")
