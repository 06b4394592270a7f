"""Keys that the store makes for itself."""

from __future__ import annotations

import pytest

from crmhub.store import Store
from tests.stores import behind_its_back

pytestmark = pytest.mark.anyio


async def test_a_key_is_made_once_and_is_the_same_for_everybody_and_after_a_rotation(store_url: str) -> None:
    async with await Store.open(store_url) as one, await Store.open(store_url) as other:
        key = await one.keys.get("pseudonyms")
        assert len(key) == 32
        assert await other.keys.get("pseudonyms") == key
        assert await one.keys.get("cursors") != key
        assert (await one.rotate_key()).resealed == 2
        assert await one.keys.get("pseudonyms") == key
    async with await Store.open(store_url) as later:
        assert await later.keys.get("pseudonyms") == key


async def test_a_forgotten_key_comes_back_as_another_and_none_stands_in_the_open(store_url: str) -> None:
    async with await Store.open(store_url) as store:
        key = await store.keys.get("pseudonyms")
        with behind_its_back(store_url) as connection:
            (sealed,) = connection.exec_driver_sql("SELECT value FROM named_key").scalars().all()
        assert sealed.startswith("v1.")
        await store.keys.forget("pseudonyms")
        assert await store.keys.get("pseudonyms") != key
