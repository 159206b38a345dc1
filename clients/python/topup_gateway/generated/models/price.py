from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Price")


@_attrs_define
class Price:
    """What 1,000,000 tokens of a model cost since a version of the list. A model ending in * stands for all
    models that begin so and have no longer entry.

    """

    model: str
    """ The model; one that ends in * is of every model that begins so and has no longer entry. """
    input_micros: int
    """ For 1,000,000 tokens, in millionths of a US dollar. """
    output_micros: int
    """ For 1,000,000 tokens, in millionths of a US dollar. """
    cached_micros: int
    """ Of cached input tokens. """
    version: int
    """ Of the list, since which it counts. """
    changed_at: datetime.datetime
    """ RFC 3339, UTC, whole seconds. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        model = self.model

        input_micros = self.input_micros

        output_micros = self.output_micros

        cached_micros = self.cached_micros

        version = self.version

        changed_at = self.changed_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "model": model,
                "input_micros": input_micros,
                "output_micros": output_micros,
                "cached_micros": cached_micros,
                "version": version,
                "changed_at": changed_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        model = d.pop("model")

        input_micros = d.pop("input_micros")

        output_micros = d.pop("output_micros")

        cached_micros = d.pop("cached_micros")

        version = d.pop("version")

        changed_at = datetime.datetime.fromisoformat(d.pop("changed_at"))

        price = cls(
            model=model,
            input_micros=input_micros,
            output_micros=output_micros,
            cached_micros=cached_micros,
            version=version,
            changed_at=changed_at,
        )

        price.additional_properties = d
        return price

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
