"""Settings of the CRM in memory: its objects and their fields."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, SecretStr

from crmhub.connector import Choice, ConnectorConfig, FieldSpec, FieldType

__all__ = ["MemoryConfig", "MemoryField"]


class MemoryField(BaseModel):
    """One field that is more than its type."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: FieldType = "text"
    required: bool = False
    unique: bool = False
    custom: bool = False
    read_only: bool = False
    max_length: int | None = None
    choices: tuple[str, ...] = ()
    """The only values that are accepted."""
    refers_to: str | None = None
    """The object whose ids it holds."""

    def spec(self, name: str) -> FieldSpec:
        """The field as ``describe`` tells it."""
        return FieldSpec(
            name, self.type, name, creatable=not self.read_only, updatable=not self.read_only,
            required=self.required, unique=self.unique, custom=self.custom, max_length=self.max_length,
            choices=tuple(Choice(value, value) for value in self.choices), restricted=bool(self.choices),
            refers_to=(self.refers_to,) if self.refers_to else (),
        )  # fmt: skip


class MemoryConfig(ConnectorConfig):
    """``objects`` names each object's fields, by type or in full; ``rows`` are records to begin with."""

    objects: dict[str, dict[str, FieldType | MemoryField]] = {}
    rows: dict[str, list[dict[str, str | int | bool | None]]] = {}
    sync_key: str | None = None
    page_size: int = 200
    password: SecretStr | None = None

    def specs(self) -> dict[str, dict[str, FieldSpec]]:
        """The fields of each object, by name."""
        return {
            name: {
                field: (MemoryField(type=kind) if isinstance(kind, str) else kind).spec(field)
                for field, kind in fields.items()
            }
            for name, fields in self.objects.items()
        }
