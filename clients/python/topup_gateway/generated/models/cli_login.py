from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="CliLogin")


@_attrs_define
class CliLogin:
    """The codes of a login: one for the machine alone, one for the person."""

    device_code: str
    """ For the machine alone: a secret. """
    user_code: str
    """ For the person to type in or to compare. """
    verification_url: str
    """ Where the person types the user code. """
    verification_url_complete: str
    """ The same page with the code in it, to compare. """
    interval: int
    """ How many seconds to wait between two polls. """
    expires_in: int
    """ For how many seconds the codes count. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        device_code = self.device_code

        user_code = self.user_code

        verification_url = self.verification_url

        verification_url_complete = self.verification_url_complete

        interval = self.interval

        expires_in = self.expires_in

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "device_code": device_code,
                "user_code": user_code,
                "verification_url": verification_url,
                "verification_url_complete": verification_url_complete,
                "interval": interval,
                "expires_in": expires_in,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        device_code = d.pop("device_code")

        user_code = d.pop("user_code")

        verification_url = d.pop("verification_url")

        verification_url_complete = d.pop("verification_url_complete")

        interval = d.pop("interval")

        expires_in = d.pop("expires_in")

        cli_login = cls(
            device_code=device_code,
            user_code=user_code,
            verification_url=verification_url,
            verification_url_complete=verification_url_complete,
            interval=interval,
            expires_in=expires_in,
        )

        cli_login.additional_properties = d
        return cli_login

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
