"""CRM text made harmless: what cannot be seen and what would act is gone, the words stay."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crmhub.agent.untrusted import SHORT, neutral, one_line

PIECES = st.sampled_from(
    [
        "<", ">", "</", "<script>", "</script>", "<!--", "-->", "<img src=x>", "![", "](", "[x]", "]: ", "://",
        "https://a.example/b", "javascript:", "data:text", "\x1b[31m", "\u202e", "\u200b",
        "\U000e0041", "\r\n", "\x00", "\u2028", "=1+1",
        "`", "word", " ", "é", "日本", "\ufe0f", "\u3164", "\t", "\ud83d", "😀",
    ]
)  # fmt: skip
TEXTS = st.lists(PIECES | st.characters(), max_size=40).map("".join)


@given(TEXTS)
@example("https://a.example/b://")
def test_nothing_remains_that_cannot_be_seen_or_that_acts(text: str) -> None:
    shown = neutral(text)
    hidden = {char for char in shown if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn"}}
    assert hidden <= {"\n"}
    assert re.search(r"<[A-Za-z/!?]", shown) is None
    assert "](" not in shown
    assert "![" not in shown
    assert shown.count("://") <= (shown.startswith(("http://", "https://")) and shown.count("://") == 1)


@given(TEXTS)
def test_what_is_neutral_stays_as_it_is(text: str) -> None:
    once = neutral(text)
    assert neutral(once) == once


@given(TEXTS, st.integers(1, 60))
def test_no_text_is_longer_than_allowed(text: str, most: int) -> None:
    assert len(neutral(text, most)) <= most
    assert len(one_line(text, most)) <= most
    assert "\n" not in one_line(text, most)


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyzåéüñ ABC123.,;!?'\"()&%€", max_size=SHORT))
def test_plain_words_are_left_alone(text: str) -> None:
    assert neutral(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ann\u202egnp.exe", "Anngnp.exe"),
        ("a\u200bb\u2060c\ufeff", "abc"),
        ("hi\U000e0049\U000e0067", "hi"),
        ("\x1b]0;owned\x07title", "]0;ownedtitle"),
        ("<b>Dear</b> <img src=https://e.example/x.png> Ada", "Dear  Ada"),
        ("<scr<script>x</script>ipt>alert(1)</script>", "alert(1)"),
        ("see ![logo](https://e.example/?q=1)", "see ! [logo] (https[:]//e.example/?q=1)"),
        ("[click](javascript:alert(1))", "[click] (javascript [:] alert(1))"),
        ("https://example.com/a?b=c", "https://example.com/a?b=c"),  # a value of its own: a company's site
        ("go to https://example.com", "go to https[:]//example.com"),
        ("a < b and c > d", "a < b and c > d"),
        ("line\r\nline\u2028line", "line\nline\nline"),
    ],
)
def test_examples(text: str, shown: str) -> None:
    assert neutral(text) == shown
