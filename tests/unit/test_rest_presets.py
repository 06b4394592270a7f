"""The presets as a whole: their table in the guide, and how long they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.rest_presets import PAGE, PRESETS, lines, page


def test_the_table_in_the_guide_is_what_the_presets_say() -> None:
    text = PAGE.read_text("utf-8")
    assert page(text) == text, "run make schemas"
    assert "| HubSpot | `contacts` | yes |" in text


@pytest.mark.parametrize("preset", PRESETS, ids=lambda path: path.stem)
def test_a_preset_and_its_mapping_are_a_few_hundred_lines(preset: Path) -> None:
    own, mapping = lines(preset)
    print(f"{preset.stem}: {own} lines of preset, {mapping} of mapping")
    assert own <= 300
    assert own + mapping <= 500
