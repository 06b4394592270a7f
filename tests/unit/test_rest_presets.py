"""The presets as a whole: their table in the guide, and how long they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmhub_rest.language.load import load
from tools.rest_lines import lines
from tools.rest_presets import PAGE, PRESETS, page


def test_the_table_in_the_guide_is_what_the_presets_say() -> None:
    text = PAGE.read_text("utf-8")
    assert page(text) == text, "run make schemas"
    assert "| HubSpot | `contacts` | yes |" in text


FOUR = {"gohighlevel": 215, "hubspot": 195, "lofty": 220, "pipedrive": 165}
"""Lines of YAML for accounts, contacts, deals and activities; docs/rest.md says what they are."""


@pytest.mark.parametrize("preset", PRESETS, ids=lambda path: path.stem)
def test_a_preset_and_its_mapping_are_a_few_hundred_lines_that_can_be_read(preset: Path) -> None:
    of = lines(preset)
    print(f"{preset.stem}: {of.four} lines for the four models, {of.shapes} of shapes, {of.rest} for the CRM")
    assert of.four <= FOUR[preset.stem]
    assert of.all <= 450
    assert of.widest <= 110


def test_pipedrive_s_listings_go_on_as_their_version_does() -> None:
    """Version 2 gives a cursor, version 1 a number: with the other's they would end after one page."""
    objects = load(next(path for path in PRESETS if path.stem == "pipedrive")).objects
    listings = [
        listing
        for of in objects.values()
        for listing in (of.list, of.changes, of.search, of.filter, *([of.deletes.list] if of.deletes else []))
        if listing is not None and not isinstance(listing, str) and listing.page is not None
    ]
    assert len(listings) > 15
    for listing in listings:
        assert listing.page is not None
        told = [*listing.page.next, listing.page.offset]
        assert told[0] == ("start" if listing.path.text.startswith("/v1/") else "cursor"), listing.path.text
