from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="CliLoginBody")


@_attrs_define
class CliLoginBody:
    """Which machine wants to be logged in; the person is shown it."""

    name: str
    """ What the machine is called; the key is named after it. """

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "name": name,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        name = d.pop("name")

        cli_login_body = cls(
            name=name,
        )

        return cli_login_body
