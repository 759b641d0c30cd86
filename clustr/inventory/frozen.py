"""What all types of the inventory have in common: they never change, and know no field that nobody declared."""

from __future__ import annotations

from pydantic import AliasChoices, BaseModel, ConfigDict, model_validator
from pydantic.fields import FieldInfo


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _empty_is_left_out(cls, data: object) -> object:
        """`k3s:` with nothing behind it is the same as no `k3s`."""
        if data is None:
            return {}
        if not isinstance(data, dict) or None not in data.values():
            return data
        known = written_names(cls)
        return {key: value for key, value in data.items() if value is not None or key not in known}


def written_names(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a model by the names they have in the inventory (`class`, not `class_name`)."""
    names: dict[str, FieldInfo] = {}
    for name, field in model.model_fields.items():
        alias = field.validation_alias or name
        written = alias.choices if isinstance(alias, AliasChoices) else [alias]
        names.update((choice, field) for choice in written if isinstance(choice, str))
    return names
