from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="SaveBody")


@_attrs_define
class SaveBody:
    """return_url: where the person goes from the provider's page."""

    provider: str
    """ The payment provider. """
    return_url: str
    """ Where the person goes afterwards. """

    def to_dict(self) -> dict[str, Any]:
        provider = self.provider

        return_url = self.return_url

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "provider": provider,
                "return_url": return_url,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        provider = d.pop("provider")

        return_url = d.pop("return_url")

        save_body = cls(
            provider=provider,
            return_url=return_url,
        )

        return save_body
