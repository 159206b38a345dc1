from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="DeliveryBody")


@_attrs_define
class DeliveryBody:
    """How the top-up reaches its recipient, who needs no account."""

    email: bool | Unset = UNSET
    """ Mail the recipient a link to the claim page once it is delivered. Default: false. """
    locale: None | str | Unset = UNSET
    """ Language of mail and page, such as es or zh-Hans: English, Arabic, Chinese or Spanish; any other is shown in
    English. """
    message: None | str | Unset = UNSET
    """ Your words to the recipient, plain text. """

    def to_dict(self) -> dict[str, Any]:
        email = self.email

        locale: None | str | Unset
        if isinstance(self.locale, Unset):
            locale = UNSET
        else:
            locale = self.locale

        message: None | str | Unset
        if isinstance(self.message, Unset):
            message = UNSET
        else:
            message = self.message

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if email is not UNSET:
            field_dict["email"] = email
        if locale is not UNSET:
            field_dict["locale"] = locale
        if message is not UNSET:
            field_dict["message"] = message

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        email = d.pop("email", UNSET)

        def _parse_locale(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        locale = _parse_locale(d.pop("locale", UNSET))

        def _parse_message(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        message = _parse_message(d.pop("message", UNSET))

        delivery_body = cls(
            email=email,
            locale=locale,
            message=message,
        )

        return delivery_body
