"""The Pipedrive that the conformance checks run against.

What people do goes by the double's own rules, never through the connector.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar, cast

from crmhub.connector import Native
from crmhub.testing.conformance.double import DoubleOrg, native
from crmhub.testing.conformance.target import NotHere, Sample, Spoilt, Target
from crmhub.testing.simulator.options import Options
from crmhub_rest.presets import preset
from crmhub_rest.simulators.pipedrive.company import PLURAL
from crmhub_rest.simulators.pipedrive.double import PipedriveDouble
from crmhub_rest.simulators.pipedrive.records import KINDS, Kind

__all__ = ["PipedriveOrg", "PipedriveTarget", "target"]


class PipedriveOrg(DoubleOrg):
    """One company, with users and no records."""

    name: ClassVar[str] = "pipedrive"
    connector = preset("pipedrive")
    token_path = "/oauth/token"  # noqa: S105 - it is a path

    def __init__(self, switches: Mapping[str, str] | None = None) -> None:
        super().__init__(PipedriveDouble, Options(seed=5, settings={"burst": "off", **(switches or {})}))
        known = self.played.credentials
        self.settings = {
            "base_url": self.base_url,
            "login_url": self.base_url,
            **{name: known[name] for name in ("client_id", "client_secret", "refresh_token")},
        }

    @property
    def played(self) -> PipedriveDouble:
        """The double."""
        assert isinstance(self.double, PipedriveDouble)  # noqa: S101 - made above
        return self.double

    async def truth(self, object: str) -> Sequence[Native]:
        """All live records, with custom fields beside the others."""
        return [_flat(native(row)) for row in self.played.truth(object)]

    async def insert(self, object: str, rows: Sequence[Native]) -> Sequence[str]:
        """New records, as the API's own checks let them in."""
        company, kind = self.played.company, _kind(object)
        made = [kind.make(company, _nested(row), company.admin) for row in rows]
        return [str(company.add(kind.name, row, company.admin)["id"]) for row in made]

    async def change(self, object: str, id: str, fields: Native) -> None:
        """An edit of one record."""
        company, kind = self.played.company, _kind(object)
        before = company.live(kind.name, int(id))
        if before is None:
            raise NotHere(f"{object} {id} is not there")
        company.change(
            kind.name, before, kind.change(company, before, _nested(fields), company.admin), company.admin
        )

    async def remove(self, object: str, id: str) -> None:
        """A record deleted."""
        company, kind = self.played.company, _kind(object)
        row = company.live(kind.name, int(id))
        if row is None:
            raise NotHere(f"{object} {id} is not there")
        marked = {**row, "is_deleted": True, "update_time": company.now_text()}
        company.delete(
            kind.name, row, marked | ({"status": "deleted"} if kind.name == "deal" else {}), company.admin
        )

    def spoilt(self) -> Sequence[Spoilt]:
        """Wrong credentials."""
        return (
            Spoilt("a wrong client secret", {"client_secret": "WRONG-CLIENT-SECRET"}, "client"),
            Spoilt("a wrong refresh token", {"refresh_token": "WRONG-REFRESH-TOKEN"}, "refresh token"),
        )

    def spent(self) -> int:
        """Tokens, as the double counts them."""
        return self.played.stats.spent


class PipedriveTarget(Target):
    """Deals of a Pipedrive company."""

    connector = "pipedrive"
    sample = Sample(
        object="deals",
        text="title",
        number="probability",
        money="value",
        currency="currency",
        date="expected_close_date",
        enum="status",
        ref="owner_id",
        ref_object="users",
        nowhere="999999",
        read_only="add_time",
    )

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[PipedriveOrg]:
        """A fresh company."""
        org = PipedriveOrg()
        try:
            yield org
        finally:
            await org.aclose()


target = PipedriveTarget()


def _kind(object: str) -> Kind:
    name = next((name for name, plural in PLURAL.items() if plural == object), "")
    kind = next((kind for kind in KINDS if kind.name == name), None)
    if kind is None:
        raise NotHere(f"people do not write {object} in the double")
    return kind


def _flat(row: Native) -> Native:
    custom = row.pop("custom_fields", None)
    return {
        **row,
        **{f"cf_{key}": value for key, value in (custom if isinstance(custom, dict) else {}).items()},
    }


def _nested(row: Mapping[str, object]) -> dict[str, object]:
    custom = {name.removeprefix("cf_"): value for name, value in row.items() if name.startswith("cf_")}
    plain = {
        name: int(cast("str", value)) if name == "owner_id" else value
        for name, value in row.items()
        if name not in custom and not name.startswith("cf_")
    }
    return {**plain, **({"custom_fields": custom} if custom else {})}
