"""What all tests share: the async backend, and no plugins but our own."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from tests.stores import (
    any_url,
    clock,
    empty_url,
    memory_url,
    new_postgres_url,
    postgres,
    postgres_template,
    postgres_url,
    store,
    store_url,
)

__all__ = [
    "any_url",
    "anyio_backend",
    "clock",
    "empty_url",
    "memory_url",
    "new_postgres_url",
    "postgres",
    "postgres_template",
    "postgres_url",
    "store",
    "store_url",
]


# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("crmhub", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("crmhub")


@pytest.fixture(
    params=[
        pytest.param("asyncio", id="asyncio"),
        pytest.param("trio", id="trio", marks=pytest.mark.trio),
    ]
)
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Every async test runs on asyncio, and as the marked subset ``trio`` on trio."""
    return str(request.param)
