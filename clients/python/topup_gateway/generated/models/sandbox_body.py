from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="SandboxBody")


@_attrs_define
class SandboxBody:
    """environment may say what is so anyway."""

    environment: str | Unset = UNSET
    """ Staging or live: two closed worlds. Default: "staging". """

    def to_dict(self) -> dict[str, Any]:
        environment = self.environment

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if environment is not UNSET:
            field_dict["environment"] = environment

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        environment = d.pop("environment", UNSET)

        sandbox_body = cls(
            environment=environment,
        )

        return sandbox_body
