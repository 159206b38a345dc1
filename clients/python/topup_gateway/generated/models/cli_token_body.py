from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="CliTokenBody")


@_attrs_define
class CliTokenBody:
    """The secret that POST /cli/login gave."""

    device_code: str
    """ The device code of POST /cli/login. """

    def to_dict(self) -> dict[str, Any]:
        device_code = self.device_code

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "device_code": device_code,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        device_code = d.pop("device_code")

        cli_token_body = cls(
            device_code=device_code,
        )

        return cli_token_body
